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
	"net/http"
	"os"

	"golang.org/x/sync/errgroup"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/envelope"
)

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
