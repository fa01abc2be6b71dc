package client_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/crypto/envelope"
)

// fetch gets an exhibit of the own state and compares it with what was uploaded.
func fetch(t *testing.T, c *client.Client, e comity.ID, content []byte) {
	t.Helper()
	got, err := c.GetEvidence(t.Context(), client.GetOptions{Evidence: e, Purpose: comity.PurposeInvestigation, Dest: t.TempDir()})
	must(t, err)
	if b, err := os.ReadFile(got.Path); err != nil || !bytes.Equal(b, content) {
		t.Fatalf("the exhibit differs from the file (%v)", err)
	}
}

// puts counts the PUTs that go to a store.
func puts(n *atomic.Int32) func(*http.Request, []byte) (*http.Response, error) {
	return func(r *http.Request, _ []byte) (*http.Response, error) {
		if r.Method == http.MethodPut {
			n.Add(1)
		}
		return nil, nil
	}
}

func TestPutSizes(t *testing.T) {
	w := newWorld(t)
	c := w.as(t, "investigator@KZ")
	of := w.file(t, c).ID
	for _, n := range []int{0, 1, envelope.PackageSize, envelope.PackageSize + 1, 1 << 20} {
		path, content := temp(t, "f", n)
		var last client.Progress
		x, err := c.PutEvidence(t.Context(), client.PutOptions{Case: of, Path: path, StateDir: t.TempDir(), Progress: func(p client.Progress) { last = p }})
		must(t, err)
		if last.Done != int64(n) || last.Total != int64(n) || last.Ready != 1 || x.Receipt == "" {
			t.Errorf("%d bytes: progress %+v", n, last)
		}
		fetch(t, c, x.Evidence, content)
	}
}

// TestPutParts takes an exhibit of several parts up and down.
func TestPutParts(t *testing.T) {
	w := newWorld(t)
	c := w.as(t, "investigator@KZ")
	of := w.file(t, c).ID
	path, content := temp(t, "big.img", int(envelope.DefaultPartSize)*2+12345)
	x, err := c.PutEvidence(t.Context(), client.PutOptions{Case: of, Path: path, StateDir: t.TempDir()})
	must(t, err)
	if x.Parts != 3 || x.Size != int64(len(content)) {
		t.Fatalf("uploaded %+v", x)
	}
	fetch(t, c, x.Evidence, content)
}

// TestPutResumed interrupts an upload and goes on: with another client, what
// the store has is not sent again.
func TestPutResumed(t *testing.T) {
	w := newWorld(t)
	var sent atomic.Int32
	m := &middle{}
	first := w.through(t, "investigator@KZ", m)
	of := w.file(t, first).ID
	path, content := temp(t, "big.img", int(envelope.DefaultPartSize)*2+777)
	state := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	// The third PUT never arrives: whoever waits for it gives up.
	m.set(func(m *middle) {
		m.before = func(r *http.Request, _ []byte) (*http.Response, error) {
			if r.Method == http.MethodPut && sent.Add(1) == 3 {
				cancel()
				return nil, context.Canceled
			}
			return nil, nil
		}
	})
	o := client.PutOptions{Case: of, Path: path, StateDir: state, Parallel: 1}
	if _, err := first.PutEvidence(ctx, o); !errors.Is(err, context.Canceled) {
		t.Fatalf("interrupted, the upload ends with %v", err)
	}
	kept, err := filepath.Glob(filepath.Join(state, "*.upload"))
	must(t, err)
	if len(kept) != 1 {
		t.Fatalf("kept: %v", kept)
	}
	if st, err := os.Stat(kept[0]); err != nil || st.Mode().Perm() != 0o600 {
		t.Fatalf("what is kept can be read by others: %v %v", st, err)
	}

	var again atomic.Int32
	second := w.through(t, "investigator@KZ", &middle{before: puts(&again)})
	x, err := second.PutEvidence(t.Context(), o)
	must(t, err)
	if again.Load() != 1 || x.Resumed != envelope.DefaultPartSize*2 {
		t.Fatalf("resumed with %d PUTs, %+v", again.Load(), x)
	}
	if kept, _ := filepath.Glob(filepath.Join(state, "*")); len(kept) != 0 {
		t.Fatalf("after completion there is still %v", kept)
	}
	fetch(t, second, x.Evidence, content)
}

// TestPutAdopted loses the answer to completion: the next call finds the
// exhibit complete and does not upload a second one.
func TestPutAdopted(t *testing.T) {
	w := newWorld(t)
	m := &middle{}
	c := w.through(t, "investigator@KZ", m)
	of := w.file(t, c).ID
	path, content := temp(t, "f.img", 100_000)
	o := client.PutOptions{Case: of, Path: path, StateDir: t.TempDir()}
	lost := errors.New("the line is cut")
	m.set(func(m *middle) {
		m.after = func(r *http.Request, answer *http.Response) (*http.Response, error) {
			if m.asked[len(m.asked)-1] == "EvidenceComplete" {
				answer.Body.Close()
				return nil, lost
			}
			return answer, nil
		}
	})
	if _, err := c.PutEvidence(t.Context(), o); comity.CodeOf(err) != comity.CodeUnavailable {
		t.Fatalf("without an answer the upload ends with %v", err)
	}
	var again atomic.Int32
	m.set(func(m *middle) { m.after, m.before = nil, puts(&again) })
	x, err := c.PutEvidence(t.Context(), o)
	must(t, err)
	if again.Load() != 0 {
		t.Errorf("%d parts were sent again", again.Load())
	}
	all, err := c.Exhibits(t.Context(), of, "", 10, "")
	must(t, err)
	if len(all.Nodes) != 1 || all.Nodes[0].ID != x.Evidence {
		t.Fatalf("the case has %d exhibits", len(all.Nodes))
	}
	fetch(t, c, x.Evidence, content)
}

// TestPutOtherFile begins anew when the file is not the one that was begun.
func TestPutOtherFile(t *testing.T) {
	w := newWorld(t)
	m := &middle{before: func(r *http.Request, _ []byte) (*http.Response, error) {
		if r.Method == http.MethodPut {
			return nil, errors.New("no store today")
		}
		return nil, nil
	}}
	c := w.through(t, "investigator@KZ", m)
	of := w.file(t, c).ID
	path, _ := temp(t, "f.img", 50_000)
	o := client.PutOptions{Case: of, Path: path, StateDir: t.TempDir()}
	if _, err := c.PutEvidence(t.Context(), o); comity.CodeOf(err) != comity.CodeUnavailable {
		t.Fatalf("without a store: %v", err)
	}
	content := bytes.Repeat([]byte("other"), 10_000)
	must(t, os.WriteFile(path, content, 0o600))
	m.set(func(m *middle) { m.before = nil })
	x, err := c.PutEvidence(t.Context(), o)
	must(t, err)
	fetch(t, c, x.Evidence, content)
	all, err := c.Exhibits(t.Context(), of, "", 10, "")
	must(t, err)
	if len(all.Nodes) != 2 {
		t.Fatalf("there are %d exhibits, wanted the one given up and the new one", len(all.Nodes))
	}
}

// TestPutChanged changes the file while it uploads, in every way.
func TestPutChanged(t *testing.T) {
	w := newWorld(t)
	for _, test := range []struct {
		name   string
		change func(path string) error
	}{
		{"grows", func(p string) error { return appendTo(p, "more") }},
		{"shrinks", func(p string) error { return os.Truncate(p, 1000) }},
		{"same size", func(p string) error { return overwrite(p, 10) }},
		{"replaced", func(p string) error {
			b, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			if err := os.WriteFile(p+".new", b, 0o600); err != nil {
				return err
			}
			return os.Rename(p+".new", p)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := &middle{}
			c := w.through(t, "investigator@KZ", m)
			of := w.file(t, c).ID
			path, _ := temp(t, "f.img", 200_000)
			must(t, os.Chtimes(path, time.Now().Add(-time.Hour), time.Now().Add(-time.Hour)))
			m.set(func(m *middle) {
				m.before = func(r *http.Request, _ []byte) (*http.Response, error) {
					if r.Method == http.MethodPut {
						must(t, test.change(path))
					}
					return nil, nil
				}
			})
			state := t.TempDir()
			_, err := c.PutEvidence(t.Context(), client.PutOptions{Case: of, Path: path, StateDir: state})
			e := told(t, err, comity.CodeConflict, 0)
			if !strings.Contains(e.Message, "changed while") || e.Cure == "" {
				t.Errorf("the error is %+v", e)
			}
			all, err := c.Exhibits(t.Context(), of, "", 10, "")
			must(t, err)
			for _, x := range all.Nodes {
				if x.Status != comity.EvidenceUploading {
					t.Errorf("%s was completed", x.ID)
				}
			}
			if left, _ := os.ReadDir(state); len(left) != 0 {
				t.Errorf("the upload would be resumed with other bytes: %v", left)
			}
		})
	}
}

// TestPutChangedInSilence changes bytes between two tries and puts size and
// times back: the hash tells.
func TestPutChangedInSilence(t *testing.T) {
	w := newWorld(t)
	m := &middle{}
	c := w.through(t, "investigator@KZ", m)
	of := w.file(t, c).ID
	path, _ := temp(t, "big.img", int(envelope.DefaultPartSize)+5000)
	st, err := os.Stat(path)
	must(t, err)
	m.set(func(m *middle) {
		var n int
		m.before = func(r *http.Request, _ []byte) (*http.Response, error) {
			if r.Method != http.MethodPut {
				return nil, nil
			}
			if n++; n > 1 {
				return nil, errors.New("cut")
			}
			return nil, nil
		}
	})
	o := client.PutOptions{Case: of, Path: path, StateDir: t.TempDir(), Parallel: 1}
	if _, err := c.PutEvidence(t.Context(), o); err == nil {
		t.Fatal("the upload was not interrupted")
	}
	must(t, overwrite(path, 100))
	must(t, os.Chtimes(path, st.ModTime(), st.ModTime()))
	m.set(func(m *middle) { m.before = nil })
	_, err = c.PutEvidence(t.Context(), o)
	if e := told(t, err, comity.CodeConflict, 0); !strings.Contains(e.Message, "changed") {
		t.Fatalf("the error is %+v", e)
	}
}

func appendTo(path, s string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(s)
	return errors.Join(err, f.Close())
}

func overwrite(path string, at int64) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt([]byte("changed"), at)
	return errors.Join(err, f.Close())
}

// TestPutTriesAgain: a store that is away, damages bytes, or takes a URL for
// expired is asked again, each time with a fresh URL.
func TestPutTriesAgain(t *testing.T) {
	w := newWorld(t)
	for _, code := range []int{0, 400, 403, 429, 500, 503, 507} {
		var urls []string
		m := &middle{}
		c := w.through(t, "investigator@KZ", m)
		of := w.file(t, c).ID
		path, content := temp(t, "f.img", 5000)
		m.set(func(m *middle) {
			m.before = func(r *http.Request, _ []byte) (*http.Response, error) {
				if r.Method != http.MethodPut {
					return nil, nil
				}
				if urls = append(urls, r.URL.String()); len(urls) <= 2 {
					if code == 0 {
						return nil, errors.New("connection reset")
					}
					return status(code), nil
				}
				return nil, nil
			}
		})
		var last client.Progress
		x, err := c.PutEvidence(t.Context(), client.PutOptions{Case: of, Path: path, Progress: func(p client.Progress) { last = p }})
		must(t, err)
		if len(urls) != 3 || last.Done != int64(len(content)) {
			t.Errorf("%d: %d tries, progress %+v", code, len(urls), last)
		}
		fetch(t, c, x.Evidence, content)
	}
}

// TestPutGivesUp: what no other try mends ends with a plain word, and never
// with a signed URL in it.
func TestPutGivesUp(t *testing.T) {
	w := newWorld(t)
	for status_, code := range map[int]comity.Code{0: comity.CodeUnavailable, 403: comity.CodeUnavailable, 404: comity.CodeConflict, 412: comity.CodeConflict,
		507: comity.CodeUnavailable, 302: comity.CodeConflict} {
		tries := 0
		m := &middle{}
		c := w.through(t, "investigator@KZ", m)
		of := w.file(t, c).ID
		path, _ := temp(t, "f.img", 5000)
		m.set(func(m *middle) {
			m.before = func(r *http.Request, _ []byte) (*http.Response, error) {
				if r.Method != http.MethodPut {
					return nil, nil
				}
				tries++
				if status_ == 0 {
					return nil, errors.New("no route to host")
				}
				return status(status_), nil
			}
		})
		_, err := c.PutEvidence(t.Context(), client.PutOptions{Case: of, Path: path})
		e := told(t, err, code, 0)
		if all := fmt.Sprint(err, e.Unwrap()); strings.Contains(all, "ignature") || strings.Contains(all, "/store/KZ/") {
			t.Errorf("the error shows the signed URL: %s", all)
		}
		if single := status_ == 404 || status_ == 412 || status_ == 302; single != (tries == 1) {
			t.Errorf("%d: %d tries", status_, tries)
		}
	}
}

func TestPutRefusesInput(t *testing.T) {
	w := newWorld(t)
	c := w.as(t, "investigator@KZ")
	of := w.file(t, c).ID
	path, _ := temp(t, "f", 10)
	for name, o := range map[string]client.PutOptions{
		"no file":      {Case: of, Path: filepath.Join(t.TempDir(), "absent")},
		"a directory":  {Case: of, Path: t.TempDir()},
		"another kind": {Case: "grant1_aaaaaaaaaaaaaaaaaaaaaaaaaa", Path: path},
		"no id":        {Case: "x", Path: path},
	} {
		_, err := c.PutEvidence(t.Context(), o)
		if comity.CodeOf(err) != comity.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := w.as(t, "investigator@AM").PutEvidence(t.Context(), client.PutOptions{Case: of, Path: path})
	want(t, err, comity.CodeNotFound, 0)
}
