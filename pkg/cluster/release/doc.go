// Package release is the only one that knows Helm: it brings the release of a store to the chart and values that are
// wanted, from whatever a killed worker left.
//
// Helm 3 is used as a short, dumb engine: no waiting, no hooks, no rollback, no context that could cancel it half way
// (a cancelled Helm goes on in the background). What ends a superseded Helm is the operation's transport, which refuses
// its next request. Helm 3 ends in February 2027; what replaces it has to fit Ensure and Deployed.
package release
