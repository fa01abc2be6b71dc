//go:build unix

package secretive

import "golang.org/x/sys/unix"

// noCore is inherited by the processes that this one starts.
func noCore() error { return unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}) }
