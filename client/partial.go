package client

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/comity-platform/comity"
)

// partialEnd ends the name of the file that an exhibit is fetched into.
const partialEnd = ".partial"

// partial makes the temporary file for an exhibit, ".EVIDENCE.RANDOM.partial"
// beside the destination, and sees that there is room. What a killed process
// left there of the same exhibit, which is plaintext, is removed.
func partial(dest string, evidence comity.ID, size int64) (*os.File, error) {
	dir, begin := filepath.Dir(dest), "."+string(evidence)+"."
	if entries, err := os.ReadDir(dir); err == nil { // a directory may be writable and not readable
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), begin) && strings.HasSuffix(e.Name(), partialEnd) {
				removeStale(filepath.Join(dir, e.Name()))
			}
		}
	}
	if free, known := room(dir); known && free < size {
		return nil, local(dest, size, syscall.ENOSPC)
	}
	f, err := os.CreateTemp(dir, begin+"*"+partialEnd)
	if err != nil {
		return nil, local(dest, size, err)
	}
	tryLock(f) // nobody else knows the name yet
	return f, nil
}

// removeStale removes a partial file unless a living process fetches into it.
func removeStale(name string) {
	if st, err := os.Lstat(name); err != nil || !st.Mode().IsRegular() {
		return
	}
	f, err := os.Open(name)
	if err != nil {
		return
	}
	left := tryLock(f)
	f.Close() // not every system removes a file that is open
	if left {
		os.Remove(name)
	}
}

// settle gives a file its name and closes it, unless the name was taken in the
// meantime: a link, unlike a renaming, replaces nothing. Until it is linked the
// file is open, and with that locked.
func settle(f *os.File, dest string) error {
	err := os.Link(f.Name(), dest)
	f.Close() // what was written is on the disk; not every system removes or renames a file that is open
	if err == nil {
		os.Remove(f.Name()) // the exhibit has its name; else the next fetching of it removes this one
		return nil
	}
	if taken := vacant(dest); taken != nil {
		return taken
	}
	if errors.Is(err, fs.ErrExist) { // and gone again
		return comity.Invalid("dest", dest+" was there for a moment; fetch it again")
	}
	return os.Rename(f.Name(), dest) // the file system has no links
}
