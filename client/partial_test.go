package client_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/crypto/envelope"
)

// TestGetNoFalseDisclosure: what has no place to go is not opened.
func TestGetNoFalseDisclosure(t *testing.T) {
	w := newWorld(t)
	m := &middle{}
	c := w.through(t, "investigator@KZ", m)
	of := w.file(t, c).ID
	path, _ := temp(t, "f", 3<<20)
	x, err := c.PutEvidence(t.Context(), client.PutOptions{Case: of, Path: path})
	must(t, err)
	for _, dest := range []string{filepath.Join(t.TempDir(), "missing", "x"), filepath.Join(path, "x")} {
		_, err := c.GetEvidence(t.Context(), client.GetOptions{Evidence: x.Evidence, Purpose: comity.PurposeInvestigation, Dest: dest})
		want(t, err, comity.CodeInvalid, 0)
	}
	e, err := c.Evidence(t.Context(), x.Evidence, "")
	must(t, err)
	for _, ev := range e.Custody {
		if ev.Kind == comity.CustodyDisclosed {
			t.Errorf("the chain of custody has a disclosure of nothing: %+v", ev)
		}
	}
}

// TestGetDestinationTaken: a file that comes to be while the exhibit is fetched
// is not overwritten either.
func TestGetDestinationTaken(t *testing.T) {
	w := newWorld(t)
	m := &middle{}
	c := w.through(t, "investigator@KZ", m)
	of := w.file(t, c).ID
	path, _ := temp(t, "f", 1000)
	x, err := c.PutEvidence(t.Context(), client.PutOptions{Case: of, Path: path})
	must(t, err)
	dir := t.TempDir()
	dest := filepath.Join(dir, "x")
	m.set(func(m *middle) {
		m.before = func(r *http.Request, _ []byte) (*http.Response, error) {
			if gets(r) {
				must(t, os.WriteFile(dest, []byte("theirs"), 0o600))
			}
			return nil, nil
		}
	})
	_, err = c.GetEvidence(t.Context(), client.GetOptions{Evidence: x.Evidence, Purpose: comity.PurposeInvestigation, Dest: dest})
	want(t, err, comity.CodeInvalid, 0)
	if b, err := os.ReadFile(dest); err != nil || string(b) != "theirs" {
		t.Errorf("the other's file holds %q (%v)", b, err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

// TestSettleNeverReplaces is the last moment of that: the name is taken when
// nobody looks any more.
func TestSettleNeverReplaces(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	must(t, os.WriteFile(from, []byte("ours"), 0o600))
	must(t, os.WriteFile(to, []byte("theirs"), 0o600))
	settle := func() error {
		f, err := os.Open(from)
		must(t, err)
		defer f.Close()
		return client.Settle(f, to)
	}
	want(t, settle(), comity.CodeInvalid, 0)
	if b, err := os.ReadFile(to); err != nil || string(b) != "theirs" {
		t.Errorf("the other's file holds %q (%v)", b, err)
	}
	must(t, os.Remove(to))
	must(t, settle())
	if left, _ := os.ReadDir(dir); len(left) != 1 || left[0].Name() != "to" {
		t.Errorf("left are %v", left)
	}
}

// TestGetStalePartial: plaintext that a killed process left is removed by the
// next fetching of the exhibit, and that of another or of a living one is not.
func TestGetStalePartial(t *testing.T) {
	w := newWorld(t)
	m := &middle{}
	c := w.through(t, "investigator@KZ", m)
	of := w.file(t, c).ID
	path, _ := temp(t, "f", 1000)
	x, err := c.PutEvidence(t.Context(), client.PutOptions{Case: of, Path: path})
	must(t, err)
	dir := t.TempDir()
	stale := filepath.Join(dir, "."+string(x.Evidence)+".1.partial")
	other := filepath.Join(dir, ".evidence1_h4vyyhs2jvgdxhrpdivtytk6n4.1.partial")
	for _, name := range []string{stale, other} {
		must(t, os.WriteFile(name, []byte("plaintext"), 0o600))
	}
	get := func(c *client.Client, name string) error {
		_, err := c.GetEvidence(t.Context(), client.GetOptions{Evidence: x.Evidence, Purpose: comity.PurposeInvestigation, Dest: filepath.Join(dir, name)})
		return err
	}
	// While one fetches, another fetches the same.
	var inner error
	second := w.as(t, "investigator@KZ")
	began := false
	m.set(func(m *middle) {
		m.before = func(r *http.Request, _ []byte) (*http.Response, error) {
			if gets(r) && !began {
				began = true
				inner = get(second, "b")
			}
			return nil, nil
		}
	})
	must(t, get(c, "a"))
	must(t, inner)
	left, err := os.ReadDir(dir)
	must(t, err)
	if len(left) != 3 || left[0].Name() != filepath.Base(other) || left[1].Name() != "a" || left[2].Name() != "b" {
		t.Errorf("left are %v", left)
	}
}

// TestGetRefusalNamesItsArticle: who was granted the case may know why an
// exhibit does not open; to others there is none.
func TestGetRefusalNamesItsArticle(t *testing.T) {
	w := newWorld(t)
	owner, liaison, asker := w.as(t, "investigator@KZ"), w.as(t, "liaison@KZ"), w.as(t, "investigator@AM")
	must(t, mandate(t, w))
	of := w.file(t, owner).ID
	upload := func(n int) comity.ID {
		path, _ := temp(t, "f", n)
		x, err := owner.PutEvidence(t.Context(), client.PutOptions{Case: of, Path: path})
		must(t, err)
		return x.Evidence
	}
	named, unnamed := upload(1000), upload(1001)
	get := func(e comity.ID, p comity.Purpose, grant comity.ID) error {
		_, err := asker.GetEvidence(t.Context(), client.GetOptions{Evidence: e, Purpose: p, Grant: grant, Dest: t.TempDir()})
		return err
	}
	want(t, get(named, comity.PurposeInvestigation, ""), comity.CodeNotFound, 0)
	g := w.grant(t, owner, liaison, of, named)
	want(t, get(named, comity.PurposeProsecution, ""), comity.CodeDenied, 9)
	want(t, get(named, comity.PurposeProsecution, g.ID), comity.CodeDenied, 9)
	want(t, get(unnamed, comity.PurposeInvestigation, g.ID), comity.CodeDenied, 8)
	want(t, get("evidence1_h4vyyhs2jvgdxhrpdivtytk6n4", comity.PurposeInvestigation, g.ID), comity.CodeNotFound, 0)
	want(t, get("evidence1_h4vyyhs2jvgdxhrpdivtytk6n4", comity.PurposeInvestigation, ""), comity.CodeNotFound, 0)
	want(t, get(unnamed, comity.PurposeInvestigation, ""), comity.CodeNotFound, 0)
	_, err := liaison.GrantRevoke(t.Context(), of, g.ID, "over")
	must(t, err)
	want(t, get(named, comity.PurposeInvestigation, ""), comity.CodeDenied, 11)
	want(t, get(unnamed, comity.PurposeInvestigation, g.ID), comity.CodeNotFound, 0)
	e, err := owner.Evidence(t.Context(), named, "")
	must(t, err)
	for _, ev := range e.Custody {
		if ev.Kind == comity.CustodyDisclosed {
			t.Errorf("asking for the reason disclosed it: %+v", ev)
		}
	}
	told, err := w.as(t, "auditor@KZ").Log(t.Context(), client.LogFilter{State: "AM", Outcome: "READ"}, client.MaxPage, "")
	must(t, err)
	if len(told.Nodes) != 0 {
		t.Errorf("asking for the reason tells the originator that its records were read: %+v", told.Nodes)
	}
}

// TestPutChangedBeforeHeld: bytes that change under the same size and times are
// told where the store holds nothing of them yet as well, and are never sealed
// under the key of the others.
func TestPutChangedBeforeHeld(t *testing.T) {
	w := newWorld(t)
	m := &middle{}
	c := w.through(t, "investigator@KZ", m)
	of := w.file(t, c).ID
	path, _ := temp(t, "f.img", int(envelope.DefaultPartSize)+5000)
	st, err := os.Stat(path)
	must(t, err)
	sent := 0
	m.set(func(m *middle) {
		m.before = func(r *http.Request, _ []byte) (*http.Response, error) {
			if r.Method == http.MethodPut {
				if sent++; sent > 1 {
					return status(http.StatusNotFound), nil // the first part arrives, the second does not
				}
			}
			return nil, nil
		}
	})
	o := client.PutOptions{Case: of, Path: path, StateDir: t.TempDir(), Parallel: 1}
	if _, err := c.PutEvidence(t.Context(), o); err == nil {
		t.Fatal("the upload was not interrupted")
	}
	must(t, overwrite(path, envelope.DefaultPartSize+100)) // within the part that the store does not hold
	must(t, os.Chtimes(path, st.ModTime(), st.ModTime()))
	m.set(func(m *middle) { m.before = nil })
	_, err = c.PutEvidence(t.Context(), o)
	if e := told(t, err, comity.CodeConflict, 0); !strings.Contains(e.Message, "changed") {
		t.Fatalf("the error is %+v", e)
	}
}

// TestPutClaims: a hash that the acquisition tool claims is the file's, or the
// officer says that it is to be kept as it is.
func TestPutClaims(t *testing.T) {
	w := newWorld(t)
	c := w.as(t, "investigator@KZ")
	of := w.file(t, c).ID
	path := filepath.Join(t.TempDir(), "f")
	must(t, os.WriteFile(path, []byte("hello\n"), 0o600))
	o := client.PutOptions{Case: of, Path: path, ClaimMD5: strings.Repeat("0", 32), StateDir: t.TempDir()}
	_, err := c.PutEvidence(t.Context(), o)
	e := told(t, err, comity.CodeInvalid, 0)
	if len(e.Path) != 1 || e.Path[0] != "claimMd5" || !strings.Contains(e.Message, "b1946ac92492d2347c6235b4d2611184") || e.Cure == "" {
		t.Errorf("the error is %+v", e)
	}
	all, err := c.Exhibits(t.Context(), of, "", 10, "")
	must(t, err)
	if len(all.Nodes) != 1 || all.Nodes[0].Status != comity.EvidenceUploading {
		t.Errorf("refused, the case has %+v", all.Nodes)
	}
	o.KeepClaims = true
	x, err := c.PutEvidence(t.Context(), o)
	must(t, err)
	if x.Claims != client.ClaimsDiffer || x.Evidence != all.Nodes[0].ID {
		t.Errorf("kept: %+v", x)
	}
	o.KeepClaims, o.Again, o.ClaimMD5 = false, true, "B1946AC92492D2347C6235B4D2611184"
	x, err = c.PutEvidence(t.Context(), o)
	must(t, err)
	if x.Claims != client.ClaimsMatch {
		t.Errorf("of the file: %+v", x)
	}
}
