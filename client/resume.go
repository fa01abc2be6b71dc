package client

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/internal/durable"
)

// resumeVersion is the version of the resume file's form.
const resumeVersion = 1

// fileIdentity tells whether a file is still the one whose upload began.
type fileIdentity struct {
	Path    string    `json:"path"`
	Size    int64     `json:"size"`
	ModTime time.Time `json:"mtime"`
	Device  uint64    `json:"device"`
	Inode   uint64    `json:"inode"`
}

// resume is what is kept of an upload under way, so that a second call with
// the same file goes on where the first stopped. It holds nothing secret: the
// key comes from the custodian anew. The file has one JSON object a line, the
// upload's first and then one for each part, so that a crash loses a line at most.
type resume struct {
	Version        int                   `json:"version"`
	Server         string                `json:"server"`
	Case           comity.ID             `json:"case"`
	Evidence       comity.ID             `json:"evidence"`
	Header         []byte                `json:"header"`
	File           fileIdentity          `json:"file"`
	Name           string                `json:"name"`
	MediaType      string                `json:"mediaType"`
	Original       bool                  `json:"original"`
	Note           string                `json:"note,omitempty"`
	Classification comity.Classification `json:"classification,omitempty"`
	ClaimMD5       string                `json:"claimMd5,omitempty"`
	ClaimSHA1      string                `json:"claimSha1,omitempty"`

	file  string // "" keeps nothing
	parts map[int]resumePart
}

// resumePart is one sealed part. Prefix is the SHA-256 of the plaintext from
// the file's beginning to the part's end, by which a file that changed under
// the same times and size is told.
type resumePart struct {
	Number int    `json:"number"` // from 1
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
	Nonce  []byte `json:"nonce"`
	Prefix string `json:"prefix"`
}

func (p resumePart) part() EvidencePart {
	return EvidencePart{Number: p.Number, Size: p.Size, SHA256: p.SHA256, Nonce: p.Nonce}
}

// resumeFile names the file for an upload of a path to a case.
func resumeFile(dir, server string, c comity.ID, path string) string {
	if dir == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(server + "\x00" + string(c) + "\x00" + path))
	return filepath.Join(dir, hex.EncodeToString(sum[:16])+".upload")
}

// same reports whether the kept upload is one of the same bytes under the same description.
func (r *resume) same(o *resume) bool {
	return r.Version == o.Version && r.Server == o.Server && r.Case == o.Case && r.Name == o.Name && r.MediaType == o.MediaType &&
		r.Original == o.Original && r.Note == o.Note && r.Classification == o.Classification && r.ClaimMD5 == o.ClaimMD5 && r.ClaimSHA1 == o.ClaimSHA1 &&
		r.File.Path == o.File.Path && r.File.Size == o.File.Size && r.File.ModTime.Equal(o.File.ModTime) &&
		r.File.Device == o.File.Device && r.File.Inode == o.File.Inode
}

// body is what the upload is begun with.
func (r *resume) body() statement.BeginBody {
	return statement.BeginBody{MediaType: r.MediaType, Original: r.Original, Size: r.File.Size, Name: r.Name, ClaimMD5: r.ClaimMD5, ClaimSHA1: r.ClaimSHA1}
}

// readResume reads what was kept, nil when there is nothing that can be used.
func readResume(b []byte) *resume {
	lines := bufio.NewScanner(bytes.NewReader(b))
	lines.Buffer(nil, 1<<20)
	if !lines.Scan() {
		return nil
	}
	r := &resume{parts: map[int]resumePart{}}
	if json.Unmarshal(lines.Bytes(), r) != nil || r.Version != resumeVersion {
		return nil
	}
	if _, err := comity.ParseID(string(r.Evidence), comity.KindEvidence); err != nil {
		return nil
	}
	if _, err := readHeader(r.Header, r.Evidence, r.Case); err != nil {
		return nil
	}
	for lines.Scan() {
		var p resumePart
		if json.Unmarshal(lines.Bytes(), &p) != nil {
			break // the line in which the process ended
		}
		if p.Number > 0 && len(p.Nonce) == 12 {
			r.parts[p.Number] = p
		}
	}
	return r
}

// find loads what was kept of this very upload.
func (r *resume) find() (*resume, error) {
	if r.file == "" {
		return nil, nil
	}
	b, err := os.ReadFile(r.file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("client: what was kept of an earlier upload: %w", err)
	}
	if kept := readResume(b); kept != nil && kept.same(r) {
		kept.file = r.file
		return kept, nil
	}
	return nil, r.drop()
}

// start writes the first line.
func (r *resume) start() error {
	r.parts = map[int]resumePart{}
	if r.file == "" {
		return nil
	}
	b, err := json.Marshal(r)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(r.file), 0o700)
	}
	if err == nil {
		err = durable.WriteFile(r.file, append(b, '\n'), 0o600)
	}
	if err != nil {
		return fmt.Errorf("client: what is kept for resuming the upload: %w", err)
	}
	return nil
}

// record keeps a sealed part before it is sent.
func (r *resume) record(p resumePart) (err error) {
	r.parts[p.Number] = p
	if r.file == "" {
		return nil
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("client: what is kept for resuming the upload: %w", err)
		}
	}()
	b, err := json.Marshal(p)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(r.file, os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(b, '\n'))
	return errors.Join(err, f.Sync(), f.Close())
}

func (r *resume) drop() error {
	if r.file == "" {
		return nil
	}
	if err := os.Remove(r.file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("client: what was kept for resuming the upload: %w", err)
	}
	return nil
}

// declareAgain ends an upload whose receipt was signed and then lost: the
// custodian takes the very same bytes and no others, so nothing is sealed anew.
func (p *put) declareAgain(ctx context.Context, o *opened) (*Exhibit, error) {
	held := map[int]bool{}
	for n := range o.header.Parts() {
		part, ok := p.resume.parts[n+1]
		if !ok {
			return nil, comity.Conflict("the custodian has a receipt for the upload, and what was sent is no longer known here")
		}
		o.parts = append(o.parts, part.part())
		held[n+1] = true
	}
	if err := o.checkParts(); err != nil {
		return nil, comity.Conflict("the custodian has a receipt for other bytes than were sent from here").Because(err)
	}
	return p.upload(ctx, held)
}
