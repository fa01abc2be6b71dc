package client

import (
	"context"
	"errors"
	"io/fs"
	"sync"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity-platform/comity/audit/verify"
)

// LogStore is where a copy of the log is kept: a folder, or a bucket.
type LogStore interface {
	verify.Source
	// Write makes a file, or replaces it whole.
	Write(ctx context.Context, path string, data []byte) error
	// Remove removes a file, or all files below a path; there may be none.
	Remove(ctx context.Context, path string) error
}

// LogCopied is what [Client.CopyLog] did.
type LogCopied struct {
	Head   LogHead  `json:"head"`
	Before *LogHead `json:"before,omitempty"` // as the copy was
	Files  int      `json:"files"`            // that were fetched
}

// CopyLog brings a copy of the log up to date: what the copy lacks is fetched,
// all of it is verified as [Client.VerifyLog] does, without openings, and last
// the checkpoint is written. When something does not hold, a
// [*VerificationError], the copy stays at its checkpoint and keeps nothing of what
// was fetched; when the network breaks off, what was fetched is there the next time.
// It was not verified then: before the exchange is blamed, all that the copy's own
// checkpoint is not over is fetched again.
func (c *Client) CopyLog(ctx context.Context, to LogStore, progress func(what string, done, of int64)) (LogCopied, error) {
	who, err := c.Viewer(ctx)
	if err != nil {
		return LogCopied{}, err
	}
	open := c.openCheckpoint(ctx, who.State)
	var before verify.Checkpoint
	switch signed, err := to.Read(ctx, verify.CheckpointPath); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return LogCopied{}, err
	default:
		if before, err = open(signed); err != nil {
			return LogCopied{}, unverified("the checkpoint of the copy", err)
		}
	}
	check := verify.Check{Open: open, Settle: checkpointTime, Progress: progress}
	if before.Size > 0 {
		check.Through = []verify.Checkpoint{before}
	}
	copied := &copying{from: c.LogFiles(), to: to, verified: before.Size}
	check.Source = copied
	found, err := check.Run(ctx)
	if _, ok := errors.AsType[*verify.Fault](err); ok && copied.found {
		copied.anew = true
		found, err = check.Run(ctx)
	}
	if _, ok := errors.AsType[*verify.Fault](err); ok {
		return LogCopied{}, errors.Join(logFault(err), copied.undo(ctx))
	}
	if err != nil {
		return LogCopied{}, logFault(err)
	}
	if err := to.Write(ctx, verify.CheckpointPath, found.Signed); err != nil {
		return LogCopied{}, err
	}
	done := LogCopied{Head: headOf(found.Checkpoint), Files: len(copied.fetched)}
	if before.Size > 0 {
		h := headOf(before)
		done.Before = &h
	}
	return done, outgrown(ctx, to, before.Size, found.Checkpoint.Size)
}

// copying is the exchange's log, of which what a copy has is read there and the
// rest is put there.
type copying struct {
	from     verify.Source
	to       LogStore
	verified int64 // leaves of the copy's checkpoint: what that is over was verified
	anew     bool  // nothing else of the copy is read

	mu      sync.Mutex
	found   bool                // something else was read
	fetched map[string]struct{} // paths
}

func (c *copying) Read(ctx context.Context, path string) ([]byte, error) {
	tile, ok := verify.ParseTile(path)
	if !ok { // the checkpoint
		return c.from.Read(ctx, path)
	}
	verified := verify.Within(tile, c.verified)
	if verified || !c.anew {
		b, err := c.to.Read(ctx, path)
		if !errors.Is(err, fs.ErrNotExist) {
			c.mu.Lock()
			c.found = c.found || !verified && err == nil
			c.mu.Unlock()
			return b, err
		}
	}
	b, err := c.from.Read(ctx, path)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	if c.fetched == nil {
		c.fetched = map[string]struct{}{}
	}
	c.fetched[path] = struct{}{}
	c.mu.Unlock()
	return b, c.to.Write(ctx, path, b)
}

// undo removes what was fetched.
func (c *copying) undo(ctx context.Context) error {
	var errs []error
	for path := range c.fetched {
		errs = append(errs, c.to.Remove(ctx, path))
	}
	return errors.Join(errs...)
}

// outgrown removes the partial tiles in whose place there is a full one now, as
// C2SP tlog-tiles allows.
func outgrown(ctx context.Context, to LogStore, before, size int64) error {
	const height, width = verify.TileHeight, 1 << verify.TileHeight
	for level := 0; before>>(height*level) > 0; level++ {
		had, has := before>>(height*level), size>>(height*level)
		n := had / width
		if had%width == 0 || has < (n+1)*width {
			continue
		}
		levels := []int{level}
		if level == 0 {
			levels = append(levels, -1) // the leaves
		}
		for _, l := range levels {
			if err := to.Remove(ctx, verify.TilePath(tlog.Tile{H: height, L: l, N: n, W: width})+".p"); err != nil {
				return err
			}
		}
	}
	return nil
}
