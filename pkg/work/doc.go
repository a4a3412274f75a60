// Package work is the loop of the two hands: it takes commands from the log, does the steps that a hand lists for them,
// and writes down what happened.
//
// The log decides, never the process. Before a command is worked on, the store's last message says whether it is still
// wanted; attempt_started stands in the log before the first call to Kubernetes, so that an attempt that kills its
// worker counts; a step is asked whether it is done before it is applied, so that another worker resumes where this one
// died; and the fact is appended before the message is acknowledged. A lease keeps the hands from overlapping, and
// Trust is what every Kubernetes write of an operation asks first.
//
// What a step returns decides what becomes of its command: see Permanent, Transient and Waiting. One place (settle.go)
// turns them into events and ack verbs.
package work
