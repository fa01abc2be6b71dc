// Package secretive keeps a process's memory, which holds keys and plaintext,
// from being written to disk when it crashes.
package secretive
