package custodiantest

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"slices"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/statement"
)

// log is a log of acts: a real tree with real signatures, in memory.
type log struct {
	signer note.Signer // the log's key, whose name is the origin

	mu     sync.Mutex
	size   int64
	hashes []tlog.Hash // as tlog stores them
}

// newOpening is a state's opening of a new leaf, which has three more commitments,
// as every leaf has. It is in no log yet.
func newOpening(state string, content []byte) verify.Opening {
	o := verify.Opening{Index: -1, State: state, Content: content}
	_, _ = rand.Read(o.Salt[:]) // never fails since Go 1.24
	o.Commitments = [][32]byte{verify.Commitment(state, o.Salt, content)}
	for range 3 {
		var other [32]byte
		_, _ = rand.Read(other[:])
		o.Commitments = append(o.Commitments, other)
	}
	slices.SortFunc(o.Commitments, func(a, b [32]byte) int { return bytes.Compare(a[:], b[:]) })
	o.Leaf = verify.Leaf(o.Commitments)
	return o
}

// add places the opening's leaf, and answers the opening with its index.
func (l *log) add(t testing.TB, o verify.Opening) verify.Opening {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	stored, err := tlog.StoredHashesForRecordHash(l.size, tlog.RecordHash(o.Leaf[:]), l)
	if err != nil {
		t.Fatal(err)
	}
	o.Index = l.size
	l.hashes = append(l.hashes, stored...)
	l.size++
	return o
}

// prove proves that a placed opening is in the tree as it is now, whose
// checkpoint is signed by the log and by the cosigners.
func (l *log) prove(t testing.TB, o verify.Opening, cosigners ...note.Signer) verify.Proof {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	root, err := tlog.TreeHash(l.size, l)
	if err != nil {
		t.Fatal(err)
	}
	c := verify.Checkpoint{Origin: l.signer.Name(), Size: l.size, Root: root}
	signed, err := note.Sign(&note.Note{Text: c.String()}, append([]note.Signer{l.signer}, cosigners...)...)
	if err != nil {
		t.Fatal(err)
	}
	path, err := tlog.ProveRecord(l.size, o.Index, l)
	if err != nil {
		t.Fatal(err)
	}
	p := verify.Proof{Opening: o, Checkpoint: signed}
	for _, h := range path {
		p.Path = append(p.Path, h)
	}
	return p
}

// ReadHashes implements [tlog.HashReader], for the methods above, which hold the lock.
func (l *log) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		found[i] = l.hashes[index]
	}
	return found, nil
}

// content is what the leaf of an order says.
func (w *World) content(t *testing.T, officer string, o custodian.ReleaseOrder, grant comity.ID, p comity.Purpose) audit.Content {
	t.Helper()
	by := w.session(t, officer).officer
	return audit.Content{Act: statement.ActEvidenceOpen, Outcome: audit.Released, At: w.Union.Clock.Now().UTC(),
		Actor:   audit.Actor{State: by.State, Agency: by.Agency, Function: by.Function, Ref: by.Ref()},
		Records: []audit.Record{{ID: string(o.Evidence), Grant: grant}, {ID: string(comity.NewID(comity.KindCustody)), Chain: "00"}},
		Purpose: p, Policies: "policies", Signed: statement.ActHash(o.Act)}
}

// opening is a new leaf's, which is in no log yet.
func (w *World) opening(t *testing.T, state comity.State, c audit.Content) verify.Opening {
	t.Helper()
	raw, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return newOpening(string(state), raw)
}

// prove proves to KZ's custodian that the log has a leaf: its own witness and one
// of the two others have cosigned.
func (w *World) prove(t *testing.T, o verify.Opening) verify.Proof {
	t.Helper()
	return w.log.prove(t, o, w.Union.Witnesses["KZ"], w.Union.Witnesses["AM"])
}
