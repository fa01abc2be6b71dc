package custodiantest

import (
	"strings"
	"sync"
	"testing"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/statement"
)

// oneExhibit: a server has a second exhibit begun under the id of a first, to
// have a grant of the one open the other.
func oneExhibit(t *testing.T, w *World) {
	caseID := w.NewCase(t)
	harmless := w.begun(t, caseID)
	secret := w.beginOrder(t, "liaison@KZ", caseID) // another officer, another file
	secret.Evidence = harmless.ID
	_, err := w.Local.Begin(t.Context(), secret)
	refused(t, "a second exhibit under the id", err, conflict)
	elsewhere := w.beginOrder(t, "liaison@KZ", w.NewCase(t))
	elsewhere.Evidence = harmless.ID
	_, err = w.Another(custodian.Quota{}).Begin(t.Context(), elsewhere)
	refused(t, "an exhibit of another case under the id", err, conflict)
	// The first is not harmed.
	w.sign(t, w.receiptOrder(t, "investigator@KZ", harmless))
	w.open(t, "investigator@KZ", harmless, "")
	_, err = w.Local.Begin(t.Context(), func() custodian.BeginOrder {
		o := w.beginOrder(t, "investigator@KZ", caseID)
		o.Evidence = harmless.ID
		return o
	}())
	refused(t, "a second exhibit after completion", err, conflict)

	// Many begins of one id at once: one of them.
	id := comity.NewID(comity.KindEvidence)
	var group sync.WaitGroup
	var mu sync.Mutex
	won := 0
	second := w.Another(custodian.Quota{})
	for i := range 8 {
		o := w.beginOrder(t, "investigator@KZ", caseID)
		o.Evidence = id
		l := []*custodian.Local{w.Local, second}[i%2]
		group.Go(func() {
			_, err := l.Begin(t.Context(), o)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				won++
			} else {
				refused(t, "one of many", err, conflict)
			}
		})
	}
	group.Wait()
	if won != 1 {
		t.Errorf("%d exhibits were begun under one id", won)
	}
}

// receiptRefused: an exhibit is received once, as it was begun and as declared.
func receiptRefused(t *testing.T, w *World) {
	caseID := w.NewCase(t)
	e, other := w.begun(t, caseID), w.NewExhibit(t, caseID)
	hash := strings.Repeat("0a", 32)
	try := func(what string, want refusal, change func(*Exhibit)) {
		t.Helper()
		c := e
		change(&c)
		_, err := w.Local.Sign(t.Context(), w.receiptOrder(t, "investigator@KZ", c))
		refused(t, what, err, want)
	}
	for _, complete := range []bool{false, true} {
		try("another label", invalid, func(c *Exhibit) { c.Declared.BeginHash = hash })
		try("no label", invalid, func(c *Exhibit) { c.Declared.BeginHash = "" })
		try("another case", invalid, func(c *Exhibit) { c.Case = w.NewCase(t) })
		try("another exhibit's id", invalid, func(c *Exhibit) { c.ID = other.ID })
		try("another exhibit's header", invalid, func(c *Exhibit) { c.Header = other.Header })
		try("another exhibit's header and declaration", invalid, func(c *Exhibit) { c.Header, c.Declared = other.Header, other.Declared })
		try("no header", invalid, func(c *Exhibit) { c.Header = nil })
		try("another length", invalid, func(c *Exhibit) { c.Declared.Size++ })
		try("another number of parts", invalid, func(c *Exhibit) { c.Declared.Parts++ })
		try("no root", invalid, func(c *Exhibit) { c.Declared.Root = "" })
		try("no nonces", invalid, func(c *Exhibit) { c.Declared.Nonces = "" })
		if !complete {
			w.sign(t, w.receiptOrder(t, "liaison@KZ", e))
			w.sign(t, w.receiptOrder(t, "investigator@KZ", e)) // again, as after a crash
		}
	}
	try("another root", conflict, func(c *Exhibit) { c.Declared.Root = hash })
	try("other nonces", conflict, func(c *Exhibit) { c.Declared.Nonces = hash })
	try("another plaintext", conflict, func(c *Exhibit) { c.Declared.PlainSHA256 = hash })

	never := e
	never.ID = comity.NewID(comity.KindEvidence)
	o := w.receiptOrder(t, "investigator@KZ", never)
	_, err := w.Local.Sign(t.Context(), o)
	refused(t, "an exhibit that was never begun", err, invalid)

	// What is bound to the key is the register's word, whatever the server kept.
	released, err := w.Local.Release(t.Context(), w.Order(t, "investigator@KZ", e, "", ""))
	if err != nil {
		t.Fatal(err)
	}
	sk, err := w.Union.Directory.VerifySealedKey(released)
	if err != nil {
		t.Fatal(err)
	}
	want := statement.Binding{BeginHash: e.Declared.BeginHash, Root: e.Declared.Root, Nonces: e.Declared.Nonces, PlainSHA256: e.Declared.PlainSHA256}
	if got := (statement.Binding{BeginHash: sk.BeginHash, Root: sk.Root, Nonces: sk.Nonces, PlainSHA256: sk.PlainSHA256}); got != want {
		t.Errorf("the key is bound to %+v, and %+v was received", got, want)
	}
}
