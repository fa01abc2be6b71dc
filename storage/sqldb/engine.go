// Package sqldb implements [storage.DB] by hand-written SQL, one text for
// PostgreSQL and SQLite. What differs between them is in [Engine] and [Pool],
// which the adapters storage/postgres and storage/sqlite fill in; they also
// open the database and migrate it.
//
// Every list is ordered by an index and bounded by it; every insert but
// that of a leaf says ON CONFLICT DO NOTHING, so that a row which exists is an
// answer and does not spoil the transaction.
package sqldb

import "context"

// Fault classes an error of an engine by what can be done about it.
type Fault int

// The classes.
const (
	FaultNone   Fault = iota // not the engine's, or nothing can be done
	FaultRetry               // the engine rolled back and asks for another try
	FaultUnsent              // the connection had broken before anything of the statement was sent
	FaultLost                // the connection broke: another one may do
	FaultAway                // the database cannot be reached
)

// Engine is what differs between the databases.
type Engine struct {
	// Translate turns a statement written for PostgreSQL into the engine's own.
	// Statements keep to what both understand, but for "= ANY(…)" of a parameter or column, "FOR NO KEY
	// UPDATE" and "SKIP LOCKED". Its answers are cached.
	Translate func(string) string
	// Set makes the argument of "= ANY($n)".
	Set func([]string) any
	// PerParent selects columns of the children in table for each parent in
	// $1, at most $2 each, in order of creation and id; where narrows them.
	PerParent func(table, parent, columns, where string) string
	// Begin is the first statement of every transaction: it says for whom that is
	// (in $1 "officer", "act" of an officer or "system"; state, agency, reference and role of the
	// officer; issuer, newline and subject; the viewer keys) and the instant in $8,
	// or takes the database's clock where that is 0, and answers the instant in
	// microseconds. "" where the database lives in the process, whose clock it is,
	// and nothing in it stands between rows and whom they are for.
	Begin string
	// TrySequence answers whether this transaction is the only sequencer; ""
	// where it is so by being a writer.
	TrySequence string
	// TryEvents answers whether this transaction alone gives events their places; ""
	// where it is so by being a writer.
	TryEvents string
	// NotifyEvents tells other servers that events have places, once the transaction
	// is committed, and ListenEvents waits for it; "" and nil where there is one server.
	NotifyEvents string
	ListenEvents func(ctx context.Context, woken func()) error
	// Place writes the index of waiting leaves, $1 being a JSON array of [id, index].
	Place string
	// Pad inserts leaves that have their index and no opening, $1 being a JSON array of
	// [id, index, hash in hexadecimal], at the instant $2.
	Pad string
	// Facets writes the rows of log_facets for the leaves in $1 out of facets_waiting, in
	// the order of the key of log_facets.
	Facets string
	// Fault classes an error, wrapped or not.
	Fault func(error) Fault
}
