// Package exchange is the gate. Every act is given to [Exchange.Do] and every
// read to [Exchange.Read]; there is no other way to a record, for anybody.
//
// An act goes through three steps, always:
//
//  1. Prepare: judge it on a snapshot, then make effects that may be abandoned
//     (a data key, a signature, a completed object). Never in a transaction.
//  2. Commit: lock the rows, judge again, and write the change, the leaf of the
//     record of acts and the effects still to come in one transaction with no
//     network inside. If the leaf cannot be written, the act does not happen.
//  3. Finish: irreversible effects, idempotent, driven from the outbox and
//     resumed by any server.
//
// A denial is logged too. A repeated idempotency key passes the gate anew.
package exchange
