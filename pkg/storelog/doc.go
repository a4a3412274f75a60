// Package storelog is the log: the one stream that everything in the platform is derived from.
//
// It holds three subjects a store, in either of two forms (see subjects.go), and forgets nothing. Writing goes through one function, Append,
// which says what the writer has seen: the broker refuses the message when anything came in between. This fence holds
// only while everybody uses it, over the same pattern, so nothing else in the platform publishes to "store.>"; broker
// permissions and a test over the whole tree see to that.
//
// Every message carries the state after it, so that reading a store costs one get, however long its history is.
package storelog
