//go:build linux || darwin || freebsd

package client

import "golang.org/x/sys/unix"

// room is how many bytes a file in dir may have, false where that is not told.
func room(dir string) (int64, bool) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil || st.Blocks == 0 {
		return 0, false
	}
	return int64(st.Bavail) * int64(st.Bsize), true //nolint:gosec,unconvert // of other types on other systems
}
