//go:build unix

package client

import (
	"io/fs"
	"syscall"
)

// inodeOf tells a file from another that took its name.
func inodeOf(st fs.FileInfo) (device, inode uint64) {
	if s, ok := st.Sys().(*syscall.Stat_t); ok {
		return uint64(s.Dev), s.Ino
	}
	return 0, 0
}
