package envelope

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"
)

// Seal seals a whole exhibit that comes as a stream, several parts at once, and
// gives each to put, which is called from several goroutines at once and must
// not keep cipher after it returns. The stream must hold the header's length,
// or up to [MaxParts] parts where that is unknown; otherwise Seal fails with
// [ErrLength], though earlier parts have been put. It returns the parts in
// order. At most inFlight parts are in memory at once, 0 standing for the
// number of cores. The first failure cancels the context that put is given.
func Seal(ctx context.Context, k Key, h Header, plain io.Reader, inFlight int, put func(ctx context.Context, part SealedPart, last bool, cipher []byte) error) ([]SealedPart, error) {
	if err := k.Check(h); err != nil {
		return nil, err
	}
	src := &source{r: plain, what: "plaintext", min: h.Length, max: h.Length, bad: ErrLength}
	if h.Length < 0 {
		src.max = h.PartSize * MaxParts
	}
	in := bufio.NewReaderSize(src, PackageSize) // to look whether a part is the last
	var sealed []*SealedPart
	l := newLine(ctx, inFlight)
	for i, last := 0, false; !last; i++ {
		buf, ok := l.buffer()
		if !ok {
			break // a part failed
		}
		// The plaintext is read to the end of the buffer that the ciphertext
		// then fills from its front: no package is written before it was read.
		size := h.PlainSize(i)
		whole := int(cipherSize(size))
		buf = slices.Grow(buf[:0], whole)
		room := buf[whole-int(size) : whole]
		n, err := io.ReadFull(in, room)
		if err == nil || err == io.EOF || err == io.ErrUnexpectedEOF { // src wraps those of plain
			_, err = in.Peek(1)
		}
		last = err == io.EOF
		switch {
		case err != nil && !last:
			l.Go(func() error { return err })
			last = true
			continue
		case !last && (i+1 == h.Parts() || i+1 == MaxParts):
			l.Go(func() error { return fmt.Errorf("%w: more than %d bytes", ErrLength, src.max) })
			last = true
			continue
		}
		part, isLast := new(SealedPart), last
		sealed = append(sealed, part)
		l.Go(func() error {
			defer l.done(buf)
			cipher, p, err := SealPartBuffer(buf[:0], k, h, i, isLast, bytes.NewReader(room[:n]))
			if err != nil {
				return err
			}
			*part = p
			return put(l.ctx, p, isLast, cipher)
		})
	}
	if err := l.Wait(); err != nil {
		return nil, err
	}
	parts := make([]SealedPart, len(sealed))
	for i, p := range sealed {
		parts[i] = *p
	}
	return parts, ctx.Err()
}

// Open opens a whole exhibit, several parts at once, and writes its plaintext
// to w in order. Get, called from several goroutines at once, returns the
// ciphertext of one part. The number of parts is the header's, or the receipt's
// where the length is unknown. It returns the number of bytes written: the
// whole exhibit without an error, and else no exhibit at all, so that what was
// written is to be thrown away. Memory and cancelling are as with [Seal].
func Open(ctx context.Context, w io.Writer, k Key, h Header, parts, inFlight int, get func(ctx context.Context, part int) (io.ReadCloser, error)) (int64, error) {
	if err := k.Check(h); err != nil {
		return 0, err
	}
	if n := h.Parts(); parts < 1 || parts > MaxParts || n >= 0 && parts != n {
		return 0, fmt.Errorf("%w: %d parts of %d", ErrPlan, parts, n)
	}
	var total int64 // touched only by the part whose turn it is
	l := newLine(ctx, inFlight)
	turn := make(chan struct{})
	close(turn)
	for i := range parts {
		buf, ok := l.buffer()
		if !ok {
			break // a part failed
		}
		mine, following := turn, make(chan struct{})
		turn = following
		l.Go(func() error {
			buf, err := openBuffer(l.ctx, buf[:0], k, h, i, i == parts-1, get)
			defer l.done(buf)
			if err != nil {
				return fmt.Errorf("opening part %d: %w", i, err)
			}
			select {
			case <-mine:
			case <-l.ctx.Done():
				return l.ctx.Err()
			}
			n, err := w.Write(buf)
			total += int64(n)
			if err != nil {
				return fmt.Errorf("envelope: writing part %d: %w", i, err)
			}
			close(following)
			return nil
		})
	}
	if err := l.Wait(); err != nil {
		return total, err
	}
	return total, ctx.Err()
}

// openBuffer appends the plaintext of one part to dst.
func openBuffer(ctx context.Context, dst []byte, k Key, h Header, i int, last bool, get func(context.Context, int) (io.ReadCloser, error)) ([]byte, error) {
	cipher, err := get(ctx, i)
	if err != nil {
		return dst, err
	}
	defer cipher.Close()
	plain, err := OpenPart(k, h, i, last, cipher)
	if err != nil {
		return dst, err
	}
	size := int(h.PlainSize(i))
	dst = slices.Grow(dst, size)
	n, err := io.ReadFull(plain, dst[:size])
	if err == nil { // full, but the part is whole only at its end
		_, err = io.ReadFull(plain, make([]byte, 1))
	}
	if err == io.EOF || err == io.ErrUnexpectedEOF { // plain ended as it should
		err = nil
	}
	return dst[:n], err
}

// line bounds the parts in flight by their buffers.
type line struct {
	*errgroup.Group
	ctx  context.Context
	free chan []byte
}

func newLine(ctx context.Context, inFlight int) *line {
	if inFlight <= 0 {
		inFlight = runtime.GOMAXPROCS(0)
	}
	l := &line{free: make(chan []byte, inFlight)}
	l.Group, l.ctx = errgroup.WithContext(ctx)
	for range inFlight {
		l.free <- nil
	}
	return l
}

// buffer waits for a part's turn to be in memory; false once a part has failed.
func (l *line) buffer() ([]byte, bool) {
	select {
	case b := <-l.free:
		return b, l.ctx.Err() == nil
	case <-l.ctx.Done():
		return nil, false
	}
}

func (l *line) done(b []byte) { l.free <- b }
