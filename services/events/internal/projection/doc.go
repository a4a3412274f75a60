// Package projection folds the log into Postgres.
//
// One projector works at a time, whoever holds an advisory lock of Postgres; the others stand by and take over within a
// second of its end. It reads the log behind the checkpoint and writes batches, each in one transaction that also moves
// the checkpoint from where it was. So whatever happens (the process killed anywhere, the database restored from
// yesterday, two projectors at once because a lock was lost), the rows are those of the log up to the checkpoint, each
// once.
//
// The projector refuses rather than guesses: a log that isn't the one the checkpoint was made from, a log that ends
// before the checkpoint, or a message of a newer version of the platform stop it, visibly. A single message that it
// can't read or Postgres can't hold is set aside, and the rest flows.
package projection
