// Package store is the domain: what a store is, what may be wanted of it and what can happen to it.
//
// Everything here is pure. Admit decides whether a command may be appended to a store's history, Evolve folds one
// message into the state before it, and neither knows a clock, a context, a logger or a source of ids. Whoever needs
// one of these passes in its result. That is what makes the rule of the whole platform testable: the state carried by
// a store's last message equals the fold of its whole history, for any history.
//
// A message is either a command (what is wanted) or an event (what happened). Its sequence in the stream is the only
// clock: the sequence of a store's last message is its version, that of its newest command its generation.
package store
