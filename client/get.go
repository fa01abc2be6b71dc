package client

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode"

	"golang.org/x/sync/errgroup"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/envelope"
)

// GetOptions says what to fetch, for what, and where to.
type GetOptions struct {
	Evidence comity.ID
	Purpose  comity.Purpose
	Grant    comity.ID // abroad; "" for the one under which the exhibit is shown
	// Dest is a file that does not exist yet, or a directory, in which the file
	// takes the exhibit's own name; "" is the current directory.
	Dest     string
	Parallel int            // parts in flight, 0 for DefaultParallel
	Progress func(Progress) // called often, one call at a time; may be nil
}

// GetEvidence opens an exhibit by a signed act and fetches it. The plaintext
// goes to a temporary file beside the destination, named after the exhibit, and
// takes its name only when the key, every part, the ciphertext root, the
// plaintext's hash and the state's receipt hold; else nothing is left behind. It
// is not opened, which is a disclosure, before there is a place for it.
func (c *Client) GetEvidence(ctx context.Context, o GetOptions) (_ *Exhibit, err error) {
	e, err := c.Evidence(ctx, o.Evidence, o.Purpose)
	if comity.CodeOf(err) == comity.CodeNotFound {
		return nil, c.refusal(ctx, o, err)
	}
	if err != nil {
		return nil, err
	}
	if e.Status != comity.EvidenceSealed {
		return nil, comity.Conflict("the exhibit is not complete yet; only its own state can go on uploading it")
	}
	header, err := readHeader(e.Header, o.Evidence, e.Case)
	if err != nil {
		return nil, err
	}
	if err := e.Check.Err(); err != nil {
		return nil, unverified("the receipt of "+string(o.Evidence), err)
	}
	dest, err := destination(o.Dest, e.Name, o.Evidence)
	if err != nil {
		return nil, err
	}
	if o.Grant == "" {
		o.Grant = e.Grant
	}
	f, err := partial(dest, o.Evidence, header.Length)
	if err != nil {
		return nil, err
	}
	defer func() {
		f.Close()
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	g := &get{c: c, o: o, header: header, meter: &meter{tell: o.Progress, p: Progress{Total: header.Length, Parts: header.Parts()}}}
	if err := g.renew(ctx, nil); err != nil {
		return nil, err
	}
	if err := c.checkReceipt(ctx, e.Receipt, g.opened); err != nil {
		return nil, err
	}
	if err := g.fetch(ctx, f, dest); err != nil {
		return nil, err
	}
	return &Exhibit{Evidence: o.Evidence, Case: e.Case, Name: e.Name, Path: dest, Size: header.Length, PlainSHA256: g.opened.plain,
		Root: g.opened.root, Parts: header.Parts(), Receipt: e.Receipt}, nil
}

// destination decides the file's name and refuses one that is taken.
func destination(dest, name string, evidence comity.ID) (string, error) {
	if dest == "" {
		dest = "."
	}
	if st, err := os.Stat(dest); err == nil && st.IsDir() {
		dest = filepath.Join(dest, safeName(name, evidence))
	}
	dest, err := filepath.Abs(dest)
	if err != nil {
		return "", fmt.Errorf("client: %w", err)
	}
	return dest, vacant(dest)
}

func vacant(dest string) error {
	if _, err := os.Lstat(dest); err == nil {
		return comity.Invalid("dest", dest+" exists already; nothing is overwritten")
	} else if !errors.Is(err, fs.ErrNotExist) {
		return comity.Invalid("dest", fmt.Sprintf("%s cannot be written: %v", dest, err))
	}
	return nil
}

// safeName makes a file's name of an exhibit's, which another state chose: no
// path, nothing hidden, nothing that a terminal would obey.
func safeName(name string, evidence comity.ID) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || strings.ContainsRune(`<>:"|?*`, r) {
			return '_'
		}
		return r
	}, strings.ToValidUTF8(name, "_"))
	name = strings.TrimSpace(strings.TrimLeft(name, ". "))
	for len(name) > 200 {
		runes := []rune(name)
		name = string(runes[:len(runes)-1])
	}
	if name == "" {
		return string(evidence)
	}
	return name
}

// get is one download under way.
type get struct {
	c      *Client
	o      GetOptions
	header envelope.Header
	meter  *meter

	mu     sync.Mutex
	opened *opened
}

// renewBefore is how long before its end a signed URL is not used any more.
const renewBefore = 15 * time.Second

// current gives the signed URL, of a new opening when the one at hand is about
// to expire. Each opening stands in the log as a disclosure.
func (g *get) current(ctx context.Context) (*opened, error) {
	g.mu.Lock()
	o := g.opened
	g.mu.Unlock()
	if g.c.now().Add(renewBefore).Before(o.get.Expires) {
		return o, nil
	}
	return g.after(ctx, o)
}

// after gives an opening later than o.
func (g *get) after(ctx context.Context, o *opened) (*opened, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.opened != o { // another part has renewed it
		return g.opened, nil
	}
	if err := g.renew(ctx, o); err != nil {
		return nil, err
	}
	return g.opened, nil
}

// renew opens the exhibit; it must still be the same one.
func (g *get) renew(ctx context.Context, was *opened) error {
	o, err := g.c.open(ctx, g.header, g.o.Purpose, g.o.Grant)
	if err != nil {
		return err
	}
	if o.get == nil {
		return unverifiedf("the answer for "+g.header.Evidence, "the exhibit was shown as complete, and is not")
	}
	if was != nil && (o.root != was.root || o.plain != was.plain || o.version != was.version) {
		return unverifiedf("the answer for "+g.header.Evidence, "it is for other bytes than before")
	}
	g.opened = o
	return nil
}

// fetch brings the plaintext to f, gives it its name and closes it.
func (g *get) fetch(ctx context.Context, f *os.File, dest string) error {
	if err := g.parts(ctx, f); err != nil {
		return local(dest, g.header.Length, err)
	}
	if err := f.Sync(); err != nil {
		return local(dest, g.header.Length, err)
	}
	if err := settle(f, dest); err != nil {
		return local(dest, g.header.Length, err)
	}
	if d, derr := os.Open(filepath.Dir(dest)); derr == nil { // the name too is to last; not every system can
		_ = d.Sync()
		d.Close()
	}
	return nil
}

// local says what a failure of this computer's own disk means.
func local(dest string, size int64, err error) error {
	var disk *fs.PathError
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EFBIG):
		e := &comity.Error{Code: comity.CodeLimit, Message: fmt.Sprintf("there is no room in %s for the exhibit's %d bytes; nothing was kept", filepath.Dir(dest), size),
			Cure: "make room or choose another place, then fetch it again"}
		return e.Because(err)
	case errors.As(err, &disk):
		return comity.Invalid("dest", fmt.Sprintf("the exhibit cannot be written: %v; nothing was kept", disk)).Because(err)
	}
	return err
}

// parts fetches and decrypts all parts, several at once, and hashes the file as
// it was written, in order.
func (g *get) parts(ctx context.Context, f *os.File) error {
	n := g.header.Parts()
	done := make([]chan struct{}, n)
	for i := range done {
		done[i] = make(chan struct{})
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel(g.o.Parallel) + 2)
	sum := sha256.New()
	hashed := make(chan struct{})
	group.Go(func() error { return flush(f, hashed) })
	group.Go(func() error {
		defer close(hashed)
		for i := range done {
			select {
			case <-done[i]:
			case <-ctx.Done():
				return ctx.Err()
			}
			size := g.header.PlainSize(i)
			if m, err := io.Copy(sum, io.NewSectionReader(f, int64(i)*g.header.PartSize, size)); err != nil || m != size {
				return errors.Join(err, ctx.Err(), errShort(m, size))
			}
		}
		return nil
	})
	for i := 0; i < n && ctx.Err() == nil; i++ {
		group.Go(func() error {
			if err := g.part(ctx, f, i); err != nil {
				return err
			}
			close(done[i])
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != g.opened.plain {
		return unverifiedf("the exhibit "+g.header.Evidence, "its plaintext has the SHA-256 %s, the custodian signed %s", got, g.opened.plain)
	}
	return nil
}

// flushEvery is how often what was written is brought to the disk.
const flushEvery = 200 * time.Millisecond

// flush keeps the disk busy while the bytes come, so that nobody waits for it
// when they are all there.
func flush(f *os.File, end <-chan struct{}) error {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-end:
			return nil
		case <-tick.C:
			if err := f.Sync(); err != nil {
				return err
			}
		}
	}
}

func errShort(got, want int64) error {
	if got == want {
		return nil
	}
	return fmt.Errorf("client: the file holds %d bytes where %d were written", got, want)
}

// part fetches one part, with another try when the line broke or the URL expired.
func (g *get) part(ctx context.Context, f *os.File, i int) error {
	o, err := g.current(ctx)
	if err != nil {
		return err
	}
	for n := 1; ; n++ {
		err := g.tryPart(ctx, f, o, i)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		// A line that breaks looks like an exhibit cut short: it is tried again
		// before it is called so.
		again := mend(err) || errors.Is(err, envelope.ErrTruncated)
		if !again || n == attempts {
			if _, own := errors.AsType[*retry](err); !own && isVerification(err) {
				return unverified(fmt.Sprintf("part %d of %s", i+1, g.header.Evidence), err)
			}
			return plainly(err)
		}
		if err := g.c.wait(ctx, n, 0); err != nil {
			return err
		}
		if said, ok := errors.AsType[*storeError](err); ok && said.status == http.StatusForbidden {
			if o, err = g.after(ctx, o); err != nil {
				return err
			}
		}
	}
}

func isVerification(err error) bool {
	for _, class := range []error{envelope.ErrTruncated, envelope.ErrPart, envelope.ErrPlan, envelope.ErrCommitment, envelope.ErrHeader, errDigest, errRange} {
		if errors.Is(err, class) {
			return true
		}
	}
	return false
}

var (
	errDigest = errors.New("its ciphertext is not the one that the receipt lists")
	errRange  = errors.New("the store answers with another range than was asked")
)

func (g *get) tryPart(ctx context.Context, f *os.File, o *opened, i int) (err error) {
	h := g.header
	if o.get.Method != http.MethodGet {
		return unverifiedf("the signed URL of "+h.Evidence, "it is for the method %.10q", o.get.Method)
	}
	ctx, alive, stop := watch(ctx)
	defer stop()
	from, size := h.CipherOffset(i), h.CipherSize(i)
	answer, err := g.c.send(ctx, comity.State(h.State), *o.get, map[string]string{
		"Range":           fmt.Sprintf("bytes=%d-%d", from, from+size-1),
		"Accept-Encoding": "identity",
	}, nil, 0, http.StatusPartialContent)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	last := h.Parts() - 1
	whole := h.CipherOffset(last) + h.CipherSize(last)
	if got, want := answer.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-%d/%d", from, from+size-1, whole); got != want {
		return fmt.Errorf("%w: %.60q, not %q", errRange, got, want)
	}
	s := &share{m: g.meter, size: h.PlainSize(i), alive: alive}
	defer func() { s.settle(err) }()
	sum := sha256.New()
	cipher := io.TeeReader(&broken{io.LimitReader(answer.Body, size+1), h.State}, io.MultiWriter(s, sum))
	if _, err := envelope.OpenPartTo(io.NewOffsetWriter(f, int64(i)*h.PartSize), o.key, h, i, i == last, cipher); err != nil {
		return err
	}
	return sameDigest(sum, o.parts[i].SHA256)
}

func sameDigest(sum hash.Hash, want string) error {
	if got := hex.EncodeToString(sum.Sum(nil)); got != want {
		return fmt.Errorf("%w: %s, not %s", errDigest, got, want)
	}
	return nil
}

// broken marks an error of the line as one that another try may mend.
type broken struct {
	r     io.Reader
	state string
}

func (b *broken) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if err != nil && err != io.EOF {
		err = &retry{err: comity.Unavailable("the object store of "+b.state, err)}
	}
	return n, err
}
