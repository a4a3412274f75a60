// Package feed tells clients what happens while it happens, and what they missed while they were away.
//
// The Hub of a replica follows the log by one consumer and keeps the newest messages in a ring, each prepared once for
// all clients. A client that is up to date has a bounded queue; one that lets it overflow is closed with
// feed.CloseSlow and comes back with the cursor of the last message it got.
//
// A client that comes back reads from the ring what it missed. Where the ring doesn't reach, it reads Postgres up to
// the projection's checkpoint and the stream from there on, until it meets the ring; it joins the live clients under
// the lock of the hub at the very message it has got to. Hence no hole, no duplicate, and sequences that only rise.
package feed
