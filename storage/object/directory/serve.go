package directory

import (
	"crypto/sha256"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path"
	"strconv"
	"syscall"
	"time"

	"github.com/comity-platform/comity/storage/object"
)

// idle is how long a transfer may stand still. It replaces the server's own deadlines, which would cut a large part on a
// slow line.
const idle = time.Minute

// ServeHTTP serves signed requests: PUT of a part, GET (with ranges) of a version. Errors have the status codes and the
// XML body of S3, so that a client reads one kind of answer from every store.
func (s *Store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "private, no-store")
	v, err := s.verify(r, time.Now())
	if err != nil {
		refuse(w, http.StatusForbidden, "AccessDenied", err.Error())
		return
	}
	if r.Method == http.MethodPut {
		s.put(w, r, v)
	} else {
		s.get(w, r, v)
	}
}

// put receives one part: into a temporary file, through the hash, to disk, and only then under its name.
func (s *Store) put(w http.ResponseWriter, r *http.Request, v verified) {
	if _, err := s.openUpload(v.key, v.upload); err != nil {
		refuseStore(w, r, err)
		return
	}
	temp := path.Join("tmp", newID())
	err := s.receive(temp, idleReader{r.Body, http.NewResponseController(w)}, v.part)
	if err == nil {
		err = s.keep(temp, v.key, v.upload, v.part)
	}
	if err != nil {
		_ = s.root.Remove(temp)
		refuseStore(w, r, err)
		return
	}
	w.Header().Set("ETag", fmt.Sprintf("%q", fmt.Sprintf("%x", v.part.SHA256)))
	w.Header().Set(headerChecksum, r.Header.Get(headerChecksum))
	w.WriteHeader(http.StatusOK)
}

var (
	errTruncated = errors.New("the body is shorter than its Content-Length")
	errDigest    = errors.New("the body's SHA-256 is not the one that was signed")
)

func (s *Store) receive(temp string, body io.Reader, part object.Part) (err error) {
	f, err := s.root.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o400)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	hash := sha256.New()
	n, err := io.CopyBuffer(struct{ io.Writer }{io.MultiWriter(f, hash)}, body, make([]byte, 256<<10))
	var disk *fs.PathError // only files report one; all else is the connection
	switch {
	case errors.As(err, &disk):
		return err
	case err != nil || n != part.Size:
		return errTruncated
	case [32]byte(hash.Sum(nil)) != part.SHA256:
		return errDigest
	}
	return f.Sync()
}

func (s *Store) get(w http.ResponseWriter, r *http.Request, v verified) {
	m, err := s.readManifest(objectDir(v.key))
	if err == nil && m.Version != v.version {
		err = fs.ErrNotExist
	}
	if err != nil {
		refuseStore(w, r, failed("get", v.key, err))
		return
	}
	stat := m.stat()
	content := &reader{store: s, dir: objectDir(v.key), parts: m.plan(), size: stat.Size}
	defer content.Close()
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", "attachment")
	w.Header().Set("ETag", fmt.Sprintf("\"%x-%d\"", stat.Root, stat.Parts))
	w.Header().Set("X-Amz-Version-Id", m.Version)
	http.ServeContent(idleWriter{w, http.NewResponseController(w)}, r, "", time.Time{}, content)
}

// refuseStore answers an error of the store.
func refuseStore(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, errDigest):
		refuse(w, http.StatusBadRequest, "XAmzContentChecksumMismatch", err.Error())
	case errors.Is(err, errTruncated):
		refuse(w, http.StatusBadRequest, "IncompleteBody", err.Error())
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EFBIG):
		slog.ErrorContext(r.Context(), "object store is full", "error", err)
		refuse(w, http.StatusInsufficientStorage, "InsufficientStorage", "the store is full; nothing of this part was kept")
	case errors.Is(err, object.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		refuse(w, http.StatusNotFound, "NotFound", "no such open upload or version")
	default: // what exactly is the operator's business, not the client's
		slog.ErrorContext(r.Context(), "object store fails", "error", err)
		refuse(w, http.StatusServiceUnavailable, "ServiceUnavailable", "the store cannot read or write its directory")
	}
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	body, _ := xml.Marshal(struct {
		XMLName       xml.Name `xml:"Error"`
		Code, Message string
	}{Code: code, Message: message})
	w.Header().Set("Content-Type", "application/xml")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// idleReader and idleWriter push the connection's deadlines on with every step of a transfer: both of them, for the answer
// to an upload is written after it. A connection that knows no deadlines is left as it is.
type idleReader struct {
	body io.Reader
	conn *http.ResponseController
}

func (r idleReader) Read(p []byte) (int, error) {
	deadline := time.Now().Add(idle)
	_ = r.conn.SetReadDeadline(deadline)
	_ = r.conn.SetWriteDeadline(deadline)
	return r.body.Read(p)
}

type idleWriter struct {
	http.ResponseWriter
	conn *http.ResponseController
}

func (w idleWriter) Write(p []byte) (int, error) {
	_ = w.conn.SetWriteDeadline(time.Now().Add(idle))
	return w.ResponseWriter.Write(p)
}
