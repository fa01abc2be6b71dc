package client

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/envelope"
	"github.com/comity-platform/comity/crypto/statement"
)

// PutOptions says what to upload and how.
type PutOptions struct {
	Case      comity.ID
	Path      string // a regular file
	Name      string // "" for the file's own
	MediaType string // "" for what the file's extension says
	Original  bool   // an original rather than a working copy
	Note      string
	ClaimMD5  string // of the acquisition tool, in lower-case hex; the file must have it
	ClaimSHA1 string
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
			Original: o.Original, Note: o.Note, ClaimMD5: o.ClaimMD5, ClaimSHA1: o.ClaimSHA1,
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
	ct, err := p.c.begin(ctx, r.Case, r.body(), r.Note)
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

// pass goes through the file once: it hashes it in order, and seals and sends
// the parts that the store does not hold, several at once. Every part is read
// twice close together, by the hash and by the seal, and both must have read the same.
func (p *put) pass(ctx context.Context, held map[int]bool) error {
	h := p.ct.header
	n := h.Parts()
	if h.Length != p.resume.File.Size {
		return errChanged
	}
	p.meter.mu.Lock()
	p.meter.p = Progress{Total: h.Length, Parts: n}
	p.meter.mu.Unlock()
	p.parts = make([]EvidencePart, n)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel(p.o.Parallel) + 1)
	hash := &inOrder{f: p.f, h: h, seed: maphash.MakeSeed(), next: make(chan int, n), parts: make([]hashed, n),
		claims: newClaims(p.resume.ClaimMD5, p.resume.ClaimSHA1)}
	for i := range hash.parts {
		hash.parts[i].done = make(chan struct{})
	}
	group.Go(func() error { return hash.run(ctx) })
	buffers := make(chan []byte, parallel(p.o.Parallel))
	for range cap(buffers) {
		buffers <- nil
	}
	for i := 0; i < n && ctx.Err() == nil; i++ {
		group.Go(func() error {
			buffer := <-buffers
			defer func() { buffers <- buffer }()
			var err error
			buffer, err = p.one(ctx, i, held[i+1], hash, buffer)
			return err
		})
		hash.next <- i
	}
	close(hash.next)
	if err := group.Wait(); err != nil {
		return err
	}
	p.whole, p.differ = hash.whole, hash.claims.check()
	return p.unchanged()
}

// one brings one part through.
func (p *put) one(ctx context.Context, i int, held bool, hash *inOrder, buffer []byte) ([]byte, error) {
	h := p.ct.header
	size := h.PlainSize(i)
	if held {
		sum, err := hash.wait(ctx, i)
		if err != nil {
			return buffer, err
		}
		if k, ok := p.resume.parts[i+1]; ok {
			if k.Prefix != sum.prefix {
				return buffer, errChanged
			}
			p.mu.Lock()
			p.parts[i] = k.part()
			p.mu.Unlock()
		}
		p.meter.add(size, size, 1)
		return buffer, nil
	}
	if cipherSize := h.CipherSize(i); int64(cap(buffer)) < cipherSize {
		// Not left to be grown: that writes zeros over all of it first, at a
		// stretch for which the garbage collector has to wait.
		buffer = make([]byte, 0, cipherSize)
	}
	var same maphash.Hash
	same.SetSeed(hash.seed)
	plain := io.TeeReader(io.NewSectionReader(p.f, int64(i)*h.PartSize, size), &same)
	cipher, sealed, err := envelope.SealPartBuffer(buffer[:0], p.ct.key, h, i, i == h.Parts()-1, plain)
	if errors.Is(err, envelope.ErrLength) {
		return buffer, errChanged
	}
	if err != nil {
		return buffer, fmt.Errorf("client: part %d: %w", i+1, err)
	}
	sum, err := hash.wait(ctx, i)
	if err != nil {
		return cipher, err
	}
	if sum.same != same.Sum64() {
		return cipher, errChanged
	}
	p.mu.Lock()
	before, ok := p.resume.parts[i+1]
	p.mu.Unlock()
	if ok && before.Prefix != sum.prefix {
		return cipher, errChanged // other bytes than an earlier try sealed under this key
	}
	kept := resumePart{Number: i + 1, Size: sealed.CipherSize, SHA256: hex.EncodeToString(sealed.CipherSHA256[:]), Nonce: sealed.Nonce[:], Prefix: sum.prefix}
	p.mu.Lock()
	p.parts[i] = kept.part()
	err = p.resume.record(kept)
	p.mu.Unlock()
	if err != nil {
		return cipher, err
	}
	return cipher, p.sendPart(ctx, kept, cipher, size)
}

// sendPart puts a part to the store, with a fresh URL for every try.
func (p *put) sendPart(ctx context.Context, part resumePart, cipher []byte, plain int64) error {
	wanted := part.part()
	wanted.Nonce = nil
	for n := 1; ; n++ {
		signed, _, err := p.c.parts(ctx, p.ct.evidence, wanted)
		if err != nil {
			return err
		}
		err = p.tryPart(ctx, signed[0], cipher, plain)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !mend(err) || n == attempts {
			return plainly(err)
		}
		if err := p.c.wait(ctx, n, 0); err != nil {
			return err
		}
	}
}

func (p *put) tryPart(ctx context.Context, u signedURL, cipher []byte, plain int64) (err error) {
	if u.Method != http.MethodPut {
		return unverifiedf("the signed URL of "+string(p.ct.evidence), "it is for the method %.10q", u.Method)
	}
	ctx, alive, stop := watch(ctx)
	defer stop()
	s := &share{m: p.meter, size: plain, alive: alive}
	defer func() { s.settle(err) }()
	body := io.NopCloser(io.TeeReader(bytes.NewReader(cipher), s))
	answer, err := p.c.send(ctx, comity.State(p.ct.header.State), u, nil, body, int64(len(cipher)), http.StatusOK)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10)) // so that the connection is used again
	if err != nil {
		return &retry{err: comity.Unavailable("the object store of "+p.ct.header.State, err)}
	}
	return nil
}

// inOrder hashes a file from its beginning to its end, part by part as they are
// begun, so that the disk is read once.
type inOrder struct {
	f     *os.File
	h     envelope.Header
	seed  maphash.Seed
	next  chan int
	parts []hashed
	whole string

	claims claims
}

type hashed struct {
	done   chan struct{}
	same   uint64 // of the part alone
	prefix string // hex SHA-256 of everything up to the part's end
}

func (o *inOrder) run(ctx context.Context) error {
	whole, buf := sha256.New(), make([]byte, 1<<20)
	var part maphash.Hash
	part.SetSeed(o.seed)
	for i := range o.next {
		part.Reset()
		size := o.h.PlainSize(i)
		src := io.NewSectionReader(o.f, int64(i)*o.h.PartSize, size)
		for left := size; left > 0; {
			if err := ctx.Err(); err != nil {
				return err
			}
			n, err := io.ReadFull(src, buf[:min(left, int64(len(buf)))])
			if err == io.EOF || err == io.ErrUnexpectedEOF {
				return errChanged
			}
			if err != nil {
				return fmt.Errorf("client: reading the file: %w", err)
			}
			whole.Write(buf[:n])
			o.claims.write(buf[:n])
			part.Write(buf[:n])
			left -= int64(n)
		}
		o.parts[i].same, o.parts[i].prefix = part.Sum64(), hex.EncodeToString(whole.Sum(nil))
		close(o.parts[i].done)
	}
	o.whole = hex.EncodeToString(whole.Sum(nil))
	return nil
}

func (o *inOrder) wait(ctx context.Context, i int) (hashed, error) {
	select {
	case <-o.parts[i].done:
		return o.parts[i], nil
	case <-ctx.Done():
		return hashed{}, context.Cause(ctx)
	}
}
