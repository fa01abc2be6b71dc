package directory

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"

	"github.com/comity-platform/comity/storage/object"
)

// reader reads an object's part files as one; it is an io.ReadSeekCloser with one file open at a time.
type reader struct {
	store  *Store
	dir    string
	parts  []object.Part
	size   int64
	offset int64

	file *os.File // of the part [start, end); nil before the first Read
	at   int      // which part that is
	from int64
	to   int64
}

// Seek implements io.Seeker.
func (r *reader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.offset
	case io.SeekEnd:
		offset += r.size
	}
	if offset < 0 {
		return 0, errors.New("seek before the start")
	}
	r.offset = offset
	return offset, nil
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	if r.offset >= r.size {
		return 0, io.EOF
	}
	if r.file == nil || r.offset < r.from || r.offset >= r.to {
		if err := r.open(); err != nil {
			return 0, err
		}
	}
	p = p[:min(int64(len(p)), r.to-r.offset)]
	n, err := r.file.ReadAt(p, r.offset-r.from)
	r.offset += int64(n)
	if err == io.EOF { // ReadAt reports the end although the bytes are all there; less than that is a damaged file
		err = nil
		if n < len(p) {
			err = fmt.Errorf("part %d: %w", r.parts[r.at].Number, io.ErrUnexpectedEOF)
		}
	}
	return n, err
}

// open opens the file in which the offset lies.
func (r *reader) open() error {
	r.Close()
	r.from = 0
	for r.at = range r.parts {
		r.to = r.from + r.parts[r.at].Size
		if r.offset < r.to {
			break
		}
		r.from = r.to
	}
	var err error
	r.file, err = r.store.root.Open(path.Join(r.dir, partFile(r.parts[r.at])))
	return err
}

// Close implements io.Closer.
func (r *reader) Close() error {
	if r.file == nil {
		return nil
	}
	err := r.file.Close()
	r.file = nil
	return err
}
