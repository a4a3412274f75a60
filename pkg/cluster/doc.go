// Package cluster is the platform's one way to Kubernetes: what a store is there, how it is made, watched and removed.
//
// A process calls Connect once, keeps Run going, and asks Reachable before it spends an attempt on anything. Whatever
// an attempt does goes through an Operation, made from the attempt's Trust: its transport refuses every request once
// the lease can't be trusted any more or a newer command has come, so a worker that slept through its lease writes
// nothing, whatever code it is in the middle of. That is also why nothing here needs to be cancelled to be harmless.
//
// Everything an Operation does is idempotent and can be killed between any two requests: each Ensure method looks at
// what is there and adds what isn't, each Done method (NamespaceReady, IsolationDone, SecretDone) only looks.
//
// Waiting is watching: one watch per kind for all stores of the installation, trimmed to what readiness is made of. A
// wait costs an entry in a map, and the event that changes something wakes it.
//
// Errors are *Error, made by Classify from the type of what went wrong, never from its text.
//
// Helm lives in the package release below, alone, so that who only removes stores doesn't link it.
package cluster
