package client

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"mime"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
)

// PutOptions says what to upload and how.
type PutOptions struct {
	Case           comity.ID
	Path           string // a regular file
	Name           string // "" for the file's own
	MediaType      string // "" for what the file's extension says
	Original       bool   // an original rather than a working copy
	Note           string
	Classification comity.Classification // declared of the content, "" for none
	ClaimMD5       string                // of the acquisition tool, in lower-case hex; the file must have it
	ClaimSHA1      string
	// KeepClaims keeps claimed hashes that are not the file's, as where they are
	// of the medium and the file is a part of it.
	KeepClaims bool
	// Again uploads a file whose very bytes are an exhibit of the case already.
	Again    bool
	Parallel int            // parts in flight, 0 for DefaultParallel
	Progress func(Progress) // called often, one call at a time; may be nil
	StateDir string         // where what is needed to resume is kept; "" keeps nothing
}

// Exhibit is an exhibit that was uploaded or fetched, verified from end to end.
type Exhibit struct {
	Evidence    comity.ID `json:"evidence"`
	Case        comity.ID `json:"case"`
	Name        string    `json:"name"`
	Path        string    `json:"path"`
	Size        int64     `json:"size"`
	PlainSHA256 string    `json:"plainSha256"`
	Root        string    `json:"root"`
	Parts       int       `json:"parts"`
	Resumed     int64     `json:"resumed,omitempty"` // bytes that an earlier try had brought already
	Claims      string    `json:"claims,omitempty"`  // of claimed hashes: ClaimsMatch or ClaimsDiffer
	Receipt     string    `json:"receipt"`
}

// What [Exhibit].Claims says of the hashes that the acquisition tool claimed.
const (
	ClaimsMatch  = "MATCH"
	ClaimsDiffer = "DIFFER"
)

// errChanged says that a file is not what it was when its upload began.
var errChanged = &comity.Error{Code: comity.CodeConflict,
	Message: "the file changed while it was uploaded; nothing was completed",
	Cure:    "let whatever writes to it end (or copy it first), then upload it again"}

// PutEvidence uploads a file as an exhibit of a case: sealed here, part by
// part, sent directly to the store of the officer's own state, completed under
// a signed act, and the state's receipt verified. Interrupted, the same call
// with the same file goes on with what is missing. A file that changes
// meanwhile is a CONFLICT, and nothing is completed.
func (c *Client) PutEvidence(ctx context.Context, o PutOptions) (*Exhibit, error) {
	if err := id("case", o.Case, comity.KindCase); err != nil {
		return nil, err
	}
	p, err := newPut(c, o)
	if err != nil {
		return nil, err
	}
	defer p.f.Close()
	kept, err := p.resume.find()
	if err != nil {
		return nil, err
	}
	if kept != nil {
		exhibit, err := p.goOn(ctx, kept)
		// What was begun is no longer there, here or in the store: begin anew, once.
		if code := comity.CodeOf(err); err == nil || errors.Is(err, errChanged) || code != comity.CodeNotFound && code != comity.CodeConflict {
			return exhibit, err
		}
	}
	return p.anew(ctx)
}

// put is one upload under way.
type put struct {
	c      *Client
	o      PutOptions
	f      *os.File
	resume *resume
	ct     *container
	meter  *meter

	mu    sync.Mutex // guards parts and the resume file
	parts []EvidencePart
	whole string // hex SHA-256 of the plaintext
	// differ says which claimed hash is not the file's, nil for none.
	differ error
}

// CheckPut reports whether a file can be uploaded, without beginning.
func (c *Client) CheckPut(o PutOptions) error {
	p, err := newPut(c, o)
	if err != nil {
		return err
	}
	return p.f.Close()
}

func newPut(c *Client, o PutOptions) (*put, error) {
	path, err := filepath.Abs(o.Path)
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	st, err := os.Stat(path)
	if err != nil {
		return nil, comity.Invalid("path", fmt.Sprintf("the file cannot be read: %v", err))
	}
	if !st.Mode().IsRegular() {
		return nil, comity.Invalid("path", path+" is not a regular file; an exhibit's size must be known before it is read")
	}
	if o.Name == "" {
		o.Name = filepath.Base(path)
	}
	if o.MediaType == "" {
		o.MediaType = mediaTypeOf(path)
	}
	o.ClaimMD5, o.ClaimSHA1 = strings.ToLower(o.ClaimMD5), strings.ToLower(o.ClaimSHA1)
	f, err := os.Open(path)
	if err != nil {
		return nil, comity.Invalid("path", fmt.Sprintf("the file cannot be read: %v", err))
	}
	identity, err := identify(f, path)
	if err != nil {
		f.Close()
		return nil, err
	}
	return &put{c: c, o: o, f: f, meter: &meter{tell: o.Progress},
		resume: &resume{Version: resumeVersion, Server: c.server, Case: o.Case, File: identity, Name: o.Name, MediaType: o.MediaType,
			Original: o.Original, Note: o.Note, Classification: o.Classification, ClaimMD5: o.ClaimMD5, ClaimSHA1: o.ClaimSHA1,
			file: resumeFile(o.StateDir, c.server, o.Case, path)}}, nil
}

func mediaTypeOf(path string) string {
	t, _, err := mime.ParseMediaType(mime.TypeByExtension(filepath.Ext(path)))
	if err != nil || t == "" {
		return "application/octet-stream"
	}
	return strings.ToLower(t)
}

// identify tells the open file, and that it still bears the name.
func identify(f *os.File, path string) (fileIdentity, error) {
	st, err := f.Stat()
	if err != nil {
		return fileIdentity{}, fmt.Errorf("client: %w", err)
	}
	named, err := os.Stat(path)
	if err != nil || !os.SameFile(st, named) {
		return fileIdentity{}, errChanged
	}
	id := fileIdentity{Path: path, Size: st.Size(), ModTime: st.ModTime().UTC()}
	id.Device, id.Inode = inodeOf(st)
	return id, nil
}

// unchanged compares the file with what it was at first.
func (p *put) unchanged() error {
	now, err := identify(p.f, p.resume.File.Path)
	if err != nil {
		return err
	}
	was := p.resume.File
	if now.Size != was.Size || !now.ModTime.Equal(was.ModTime) || now.Device != was.Device || now.Inode != was.Inode {
		return errChanged
	}
	return nil
}

func (p *put) anew(ctx context.Context) (*Exhibit, error) {
	r := p.resume
	if !p.o.Again {
		if err := p.first(ctx); err != nil {
			return nil, err
		}
	}
	ct, err := p.c.begin(ctx, r.Case, r.body(), r.Note, r.Classification)
	if err != nil {
		return nil, err
	}
	p.ct, r.Evidence = ct, ct.evidence
	if r.Header, err = ct.header.MarshalBinary(); err != nil {
		return nil, err
	}
	if err := r.start(); err != nil {
		return nil, err
	}
	return p.upload(ctx, nil)
}

// goOn takes up an upload that was begun before.
func (p *put) goOn(ctx context.Context, kept *resume) (*Exhibit, error) {
	h, err := readHeader(kept.Header, kept.Evidence, kept.Case)
	if err != nil {
		return nil, err
	}
	own, err := p.c.state(ctx)
	if err != nil {
		return nil, err
	}
	if h.State != string(own) {
		return nil, comity.NotFound() // begun by an officer of another state under the same login's name
	}
	o, err := p.c.open(ctx, h, comity.PurposeInvestigation, "")
	if err != nil {
		return nil, err
	}
	label, _, err := statement.BodyHash(kept.body())
	if err != nil {
		return nil, err
	}
	if o.label != label {
		return nil, unverifiedf("the key of "+h.Evidence, "the exhibit was begun under another name, media type or claim")
	}
	p.resume, p.ct = kept, &o.container
	if o.get != nil {
		return p.adopt(ctx, o)
	}
	if o.root != "" {
		return p.declareAgain(ctx, o)
	}
	_, have, err := p.c.parts(ctx, kept.Evidence)
	if err != nil {
		return nil, err
	}
	held := map[int]bool{}
	for _, part := range have {
		k, ok := kept.parts[part.Number]
		held[part.Number] = ok && k.Size == part.Size && k.SHA256 == part.SHA256 && k.Size == h.CipherSize(part.Number-1)
	}
	if len(have) == 0 && len(kept.parts) == h.Parts() {
		// Either none arrived, or the store made the object whole and the
		// answer to that was lost: completing tells which.
		for n := range kept.parts {
			held[n] = true
		}
		exhibit, err := p.upload(ctx, held)
		if code := comity.CodeOf(err); err == nil || errors.Is(err, errChanged) || code != comity.CodeConflict && code != comity.CodeUnavailable {
			return exhibit, err
		}
		held, p.meter = nil, &meter{tell: p.o.Progress}
	}
	return p.upload(ctx, held)
}

// adopt finds that the exhibit was completed before: the file must be it.
func (p *put) adopt(ctx context.Context, o *opened) (*Exhibit, error) {
	held := map[int]bool{}
	for _, part := range o.parts {
		held[part.Number] = true
	}
	p.resume.parts = map[int]resumePart{}
	if err := p.pass(ctx, held); err != nil {
		return nil, p.changed(err)
	}
	if p.whole != o.plain {
		return nil, p.changed(errChanged)
	}
	e, err := p.c.Evidence(ctx, o.evidence, "")
	if err != nil {
		return nil, err
	}
	if err := p.c.checkReceipt(ctx, e.Receipt, o); err != nil {
		return nil, err
	}
	return p.exhibit(o.root, e.Receipt), p.resume.drop()
}

func (p *put) exhibit(root, receipt string) *Exhibit {
	h := p.ct.header
	claims := ""
	if p.resume.ClaimMD5 != "" || p.resume.ClaimSHA1 != "" {
		if claims = ClaimsMatch; p.differ != nil {
			claims = ClaimsDiffer
		}
	}
	return &Exhibit{Claims: claims, Evidence: p.ct.evidence, Case: p.resume.Case, Name: p.resume.Name, Path: p.resume.File.Path, Size: h.Length,
		PlainSHA256: p.whole, Root: root, Parts: h.Parts(), Resumed: p.meter.p.Resumed, Receipt: receipt}
}

// changed forgets an upload whose file changed: its key is never used for
// other bytes.
func (p *put) changed(err error) error {
	if errors.Is(err, errChanged) {
		return errors.Join(err, p.resume.drop())
	}
	return err
}

// upload seals and sends every part that is not held, and completes.
func (p *put) upload(ctx context.Context, held map[int]bool) (*Exhibit, error) {
	if err := p.pass(ctx, held); err != nil {
		return nil, p.changed(err)
	}
	if p.differ != nil && !p.o.KeepClaims {
		return nil, p.differ
	}
	sealed, err := sealedParts(p.parts)
	if err != nil {
		return nil, err
	}
	plain, err := hex.DecodeString(p.whole)
	if err != nil {
		return nil, err
	}
	label, _, err := statement.BodyHash(p.resume.body())
	if err != nil {
		return nil, err
	}
	body := statement.Completed(p.ct.header, label, sealed, [32]byte(plain))
	receipt, err := p.c.complete(ctx, p.ct, p.parts, body)
	if err != nil {
		return nil, err
	}
	return p.exhibit(body.Root, receipt), p.resume.drop()
}
