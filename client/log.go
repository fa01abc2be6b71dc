package client

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/crypto/statement"
)

// logContent is the opening of a leaf, as the state that it is for reads it.
type logContent struct {
	Act       string         `json:"act"`
	Outcome   string         `json:"outcome"`
	At        time.Time      `json:"at"`
	Actor     LogActor       `json:"actor"`
	Records   []LogRecord    `json:"records"`
	Purpose   comity.Purpose `json:"purpose"`
	Use       comity.Use     `json:"use"`
	Digest    string         `json:"digest"`
	Article   comity.Article `json:"article"`
	Reason    string         `json:"reason"`
	Policies  string         `json:"policies"`
	RequestID string         `json:"requestId"`
	Erased    *verify.Erased `json:"erased"`
}

// checkEntries verifies each entry's opening against its leaf, and that the entry
// says what the opening says. What an entry that does not hold says is dropped.
func (c *Client) checkEntries(ctx context.Context, entries []LogEntry) error {
	if len(entries) == 0 {
		return nil
	}
	own, err := c.state(ctx)
	if err != nil {
		return err
	}
	for i := range entries {
		e := &entries[i]
		if err := e.verify(own); err != nil {
			*e = LogEntry{ID: e.ID, Records: []LogRecord{}, Leaf: e.Leaf, Index: e.Index, Salt: e.Salt,
				Commitments: e.Commitments, Content: e.Content, Commitment: e.Commitment, ErasedBy: e.ErasedBy, Check: Check{err}}
			continue
		}
		e.Check = Check{errNone}
	}
	return nil
}

// verify holds the entry against its leaf as its state's opening, and takes from
// the opening what the API does not show apart.
func (e *LogEntry) verify(own comity.State) error {
	o, err := e.shown(own)
	if err != nil {
		return err
	}
	if err := o.Check(); err != nil {
		return err
	}
	if o.ErasedBy != "" {
		if e.Outcome != Erased || e.Erased != nil || e.Act != "" || e.State != "" || e.Ref != "" || len(e.Records) > 0 || e.Content != "" || strings.Trim(e.Salt, "0") != "" {
			return errors.New("it is shown as erased, and with words")
		}
		return nil
	}
	said, err := readContent(o.Content)
	if err != nil {
		return err
	}
	if said.Act != e.Act || said.Outcome != e.Outcome || !said.At.Equal(e.At) || said.Actor.State != e.State || said.Actor.Agency != e.Agency ||
		said.Actor.Function != e.Function || said.Actor.Ref != e.Ref || said.Purpose != e.Purpose || said.Use != e.Use || said.Digest != e.Digest || said.Article != e.Article ||
		said.Reason != e.Reason || said.Policies != e.Policies || said.RequestID != e.RequestID || !sameErased(said.Erased, e.Erased) ||
		!slices.EqualFunc(said.Records, e.Records, func(a, b LogRecord) bool {
			return a.ID == b.ID && a.Level == b.Level && a.Grant == b.Grant && a.Purpose == b.Purpose
		}) {
		return errors.New("it is shown with other words than the leaf commits to")
	}
	e.ArticleName = e.Article.Name()
	if said.Records != nil {
		e.Records = said.Records
	}
	return nil
}

func sameErased(a, b *verify.Erased) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Before.Equal(b.Before) && a.From == b.From && a.Until == b.Until && a.Count == b.Count && a.Places == b.Places
}

// readContent reads the content of an opening.
func readContent(content []byte) (logContent, error) {
	var said logContent
	if err := verify.ReadContent(content, &said); err != nil {
		return logContent{}, fmt.Errorf("what the leaf commits to cannot be read: %w", err)
	}
	return said, nil
}

// shown reads the entry's hashes.
func (e *LogEntry) shown(own comity.State) (verify.Shown, error) {
	o := verify.Shown{ID: string(e.ID), ErasedBy: string(e.ErasedBy),
		Opening: verify.Opening{Index: -1, State: string(own), Content: []byte(e.Content), Commitments: make([][32]byte, len(e.Commitments))}}
	if e.Index != nil {
		if o.Index = *e.Index; o.Index < 0 {
			return o, fmt.Errorf("%d is no index", o.Index)
		}
	}
	read := func(s string, to *[32]byte) bool {
		b, err := hex.DecodeString(s)
		if err != nil || len(b) != len(to) {
			return false
		}
		*to = [32]byte(b)
		return true
	}
	ok := read(e.Leaf, &o.Leaf)
	if e.ErasedBy != "" {
		ok = ok && read(e.Commitment, &o.Own)
	} else {
		ok = ok && read(e.Salt, &o.Salt)
	}
	for i, c := range e.Commitments {
		ok = ok && read(c, &o.Commitments[i])
	}
	if !ok {
		return o, errors.New("its leaf, salt or commitments are no hashes of 32 bytes")
	}
	return o, nil
}

// LogHead is how far the log goes: the number of its leaves, and the root of the
// tree over them.
type LogHead struct {
	Size int64  `json:"size"`
	Root string `json:"root"` // hex
}

func headOf(c verify.Checkpoint) LogHead { return LogHead{c.Size, hex.EncodeToString(c.Root[:])} }

// LogReport is what [Client.VerifyLog] verified.
type LogReport struct {
	State      comity.State `json:"state,omitempty"` // whose openings were checked, if any were
	Head       LogHead      `json:"head"`
	Before     *LogHead     `json:"before,omitempty"` // as it was when it was last verified here
	Checkpoint string       `json:"checkpoint"`       // the head as it is signed and cosigned
	Own        int64        `json:"own"`              // leaves that the state opens
	Erased     int64        `json:"erased"`           // leaves whose opening the state has erased
	Waiting    int64        `json:"waiting"`          // openings whose leaf has no place yet
}

// checkpointTime is how long the newest checkpoint may take to be cosigned, and to come
// over leaves that have their place.
const checkpointTime = 10 * time.Second

// VerifyLog reads the whole log and verifies it, see [verify.Check]: that its
// checkpoint is signed and cosigned as the officer's state wants it, every leaf
// and tile, every opening shown to the officer's state, all against what was seen
// before (Config.LogFile), and that the log passes through the heads that others
// were shown. What does not hold is a [*VerificationError]; a [*verify.Fault]
// within it has the first index. progress is told of leaves and of openings; it
// may be nil.
func (c *Client) VerifyLog(ctx context.Context, through []LogHead, progress func(what string, done, of int64)) (LogReport, error) {
	heads, err := readHeads(through)
	if err != nil {
		return LogReport{}, err
	}
	who, err := c.Viewer(ctx)
	if err != nil {
		return LogReport{}, err
	}
	name := c.logFile
	if name == "" {
		dir, err := os.MkdirTemp("", "comity-log-")
		if err != nil {
			return LogReport{}, err
		}
		defer os.RemoveAll(dir)
		name = filepath.Join(dir, "log")
	}
	return checkLog(ctx, name, who.State, verify.Check{Source: c.LogFiles(), Open: c.openCheckpoint(ctx, who.State), Openings: logOpenings{c, who.State}.each, Erasure: (&decidedErasures{c: c, own: who.State}).check,
		Settle: checkpointTime, Through: heads, Progress: progress})
}

// VerifyLogFiles verifies a log wherever its files are, without openings: by what
// open takes for a checkpoint, against what was seen before in a file ("" for
// none), and as [Client.VerifyLog] does otherwise.
func VerifyLogFiles(ctx context.Context, src verify.Source, open func(signed []byte) (verify.Checkpoint, error), seen string, through []LogHead,
	progress func(what string, done, of int64)) (LogReport, error) {
	heads, err := readHeads(through)
	if err != nil {
		return LogReport{}, err
	}
	return checkLog(ctx, seen, "", verify.Check{Source: src, Open: open, Through: heads, Progress: progress})
}

func readHeads(through []LogHead) ([]verify.Checkpoint, error) {
	heads := make([]verify.Checkpoint, len(through))
	for i, h := range through {
		root, err := hex.DecodeString(h.Root)
		if err != nil || len(root) != 32 || h.Size < 1 {
			return nil, comity.Invalid("head", "a head is the number of leaves, at least 1, and a root of 64 hex digits")
		}
		heads[i] = verify.Checkpoint{Size: h.Size, Root: [32]byte(root)}
	}
	return heads, nil
}

// checkLog runs a check against what was seen before in a file, "" for none.
func checkLog(ctx context.Context, name string, own comity.State, check verify.Check) (LogReport, error) {
	if name != "" {
		unlock, err := lockFile(name + ".lock")
		if err != nil {
			return LogReport{}, fmt.Errorf("client: the log cannot be remembered: %w", err)
		}
		defer unlock()
		if check.Seen, err = verify.Remember(name, string(own)); err != nil {
			return LogReport{}, err
		}
		defer check.Seen.Close()
	}
	found, err := check.Run(ctx)
	if err != nil {
		return LogReport{}, logFault(err)
	}
	r := LogReport{State: own, Head: headOf(found.Checkpoint), Checkpoint: string(found.Signed), Own: found.Own, Erased: found.Erased, Waiting: found.Waiting}
	if found.Before.Size > 0 {
		before := headOf(found.Before)
		r.Before = &before
	}
	return r, nil
}

// logFault makes what does not hold in the log a [*VerificationError].
func logFault(err error) error {
	if _, ok := errors.AsType[*verify.Fault](err); ok {
		return unverified("the record of acts", err)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return &comity.Error{Code: comity.CodeUnavailable, Message: "there is no checkpoint of a log yet", Cure: "try again when something was done"}
	}
	_, unsigned := errors.AsType[*verify.Unsigned](err)
	if _, invalid := errors.AsType[*verify.Invalid](err); unsigned || invalid {
		return unverified("the log's newest checkpoint", err)
	}
	return err
}

// openCheckpoint reads checkpoints as a state's manifest wants them signed and
// cosigned, at whatever time.
func (c *Client) openCheckpoint(ctx context.Context, s comity.State) func(signed []byte) (verify.Checkpoint, error) {
	return func(signed []byte) (got verify.Checkpoint, err error) {
		err = c.verify(ctx, func(dir *statement.Directory) error {
			p, err := dir.LogPolicy(s, c.now())
			if err == nil {
				got, err = p.Open(signed, c.now())
			}
			return err
		})
		return got, err
	}
}

// logOpenings reads what a state is shown of the leaves through the API.
type logOpenings struct {
	c   *Client
	own comity.State
}

func (l logOpenings) each(ctx context.Context, f func(verify.Shown) error) error {
	return l.c.EachLogEntry(ctx, LogFilter{}, func(e *LogEntry) error {
		o, err := e.shown(l.own)
		if err == nil {
			err = e.Check.Err()
		}
		if err != nil {
			return &verify.Fault{Index: o.Index, Reason: err.Error()}
		}
		return f(o)
	})
}

// EachLogEntry gives every entry of the record of acts that a filter finds, newest
// first, page by page.
func (c *Client) EachLogEntry(ctx context.Context, filter LogFilter, f func(e *LogEntry) error) error {
	for after := ""; ; {
		page, err := c.Log(ctx, filter, MaxPage, after)
		if err != nil {
			return err
		}
		for i := range page.Nodes {
			if err := f(&page.Nodes[i]); err != nil {
				return err
			}
		}
		if !page.Info.HasNext {
			return nil
		}
		if page.Info.End == "" || page.Info.End == after {
			return errors.New("client: the list says that it goes on, but not where")
		}
		after = page.Info.End
	}
}
