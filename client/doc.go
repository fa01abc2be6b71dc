// Package client is the Go client of Comity that agencies import. It speaks
// the exchange's public GraphQL API and the signed URLs of the states' object
// stores, and nothing else.
//
// It promises that whoever runs the exchange cannot deceive its user about
// what matters: every signed act is built and signed here; a key is taken only
// when the custodian of the exhibit's own state sealed it, in answer to this
// very act, to a key made for this act alone; an exhibit is handed over only
// when every part, the ciphertext root and the plaintext's hash hold; grants,
// refusals and receipts are verified against the states' manifests, and those
// against pinned roots. A failure of any of this is a [*VerificationError].
//
// Everything else that the exchange refuses is a [*Failure] around a
// [*comity.Error], which names the Article and the cure where there are any.
// A [Client] may be used from several goroutines at once.
package client
