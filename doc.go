// Package comity holds the vocabulary of Comity, a case-sharing exchange
// between the agencies of sovereign states: states, agencies, officers, cases,
// evidence, requests, grants, the sixteen Articles, and the errors that an
// officer can act on.
//
// It promises that every other package means the same thing by these words. It
// imports only the standard library, does no I/O, and decides nothing: the
// decisions are made in package sovereignty and carried out in package exchange.
package comity
