package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/deploy/union"
)

// shared is a case of Kazakhstan with an exhibit, granted to Armenia.
type shared struct {
	*story
	owner, liaison, asker *officer
	exhibit               *client.Exhibit
}

func (w *world) share(t *testing.T) *shared {
	t.Helper()
	s := &shared{story: w.tale(t)}
	must(t, s.login(t.Context()))
	s.owner, s.liaison, s.asker = s.officers["investigator@KZ"], s.officers["liaison@KZ"], s.officers["investigator@AM"]
	c, err := s.file(t)
	must(t, err)
	s.filed = c.ID
	path := filepath.Join(t.TempDir(), "exhibit.bin")
	must(t, os.WriteFile(path, bytes.Repeat([]byte("evidence"), 1000), 0o600))
	s.exhibit, err = s.owner.PutEvidence(t.Context(), client.PutOptions{Case: c.ID, Path: path})
	must(t, err)
	s.disk = s.exhibit
	now := time.Now().Truncate(time.Second)
	release, err := s.owner.ReleaseDecide(t.Context(), client.NewRelease{Case: c.ID, Decider: comity.DeciderOwner, Grantee: "AM", Scope: comity.ScopeFull,
		Exhibits: []comity.ID{s.exhibit.Evidence}, Purpose: comity.PurposeInvestigation, NotAfter: now.AddDate(0, 1, 0)})
	must(t, err)
	g, err := s.liaison.GrantMake(t.Context(), client.NewGrant{Case: c.ID, Category: category, Grantee: comity.Grantee{State: "AM"}, Scope: comity.ScopeFull,
		Exhibits: []comity.ID{s.exhibit.Evidence}, Grade: comity.GradeLead, Caveats: comity.Caveats{Marking: comity.DefaultMarking},
		Purpose: comity.PurposeInvestigation, Agreement: union.Agreement2018, Release: release.ID, NotBefore: now.Add(-time.Second), NotAfter: week(now)})
	must(t, err)
	s.grant = g.ID
	e, err := s.asker.Evidence(t.Context(), s.exhibit.Evidence, comity.PurposeInvestigation)
	must(t, err)
	s.header = e.Header
	return s
}

func (s *shared) file(t *testing.T) (*client.Case, error) {
	t.Helper()
	return s.owner.CaseFile(t.Context(), client.NewCase{Category: category, Title: "A case", Narrative: "What happened.",
		Nexus: []comity.Nexus{{Basis: comity.NexusTerritory, State: "KZ"}, {Basis: comity.NexusEffects, State: "AM"}}})
}

// get has Armenia fetch the exhibit.
func (s *shared) get(t *testing.T) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	got, err := s.asker.GetEvidence(ctx, client.GetOptions{Evidence: s.exhibit.Evidence, Purpose: comity.PurposeInvestigation, Dest: t.TempDir()})
	if err == nil && got.PlainSHA256 != s.exhibit.PlainSHA256 {
		t.Error("other bytes came down")
	}
	return err
}

// unavailable checks that an act failed clearly: by code, naming the part, and
// telling nothing of the inside.
func unavailable(t *testing.T, what string, err error, names string) {
	t.Helper()
	if err == nil || comity.CodeOf(err) != comity.CodeUnavailable || !strings.Contains(err.Error(), names) {
		t.Errorf("%s: %v; it was to be UNAVAILABLE and name %q", what, err, names)
	}
	if err != nil && (strings.Contains(err.Error(), "127.0.0.1") || strings.Contains(err.Error(), "SQLSTATE")) {
		t.Errorf("%s: the error tells of the inside: %v", what, err)
	}
}

// readiness is what the server says of itself.
func (w *world) readiness(t *testing.T) (code int, failing map[string]string) {
	t.Helper()
	res, err := http.Get(w.cfg.ExternalURL + "/readyz")
	must(t, err)
	defer res.Body.Close()
	var said struct{ Failing map[string]string }
	must(t, json.NewDecoder(res.Body).Decode(&said))
	return res.StatusCode, said.Failing
}

func (w *world) failing(t *testing.T, code int, parts ...string) {
	t.Helper()
	eventually(t, "readiness", func() error {
		is, said := w.readiness(t)
		for _, p := range parts {
			if said[p] == "" {
				return fmt.Errorf("%d %v does not name %s", is, said, p)
			}
		}
		if is != code || len(parts) == 0 && len(said) > 0 {
			return fmt.Errorf("%d %v", is, said)
		}
		return nil
	})
}

// TestPartsFail takes each part away while the exchange serves, and gives it back.
func TestPartsFail(t *testing.T) {
	w := newReal(t)
	s := w.share(t)
	must(t, s.get(t))
	w.failing(t, http.StatusOK)
	t.Run("Vault sealed", func(t *testing.T) { w.vaultSealed(t, s) })
	t.Run("MinIO stopped", func(t *testing.T) { w.minioStopped(t, s) })
	t.Run("MinIO stopped during an upload", func(t *testing.T) { w.uploadCut(t, s) })
	t.Run("PostgreSQL stopped", func(t *testing.T) { w.postgresStopped(t, s) })
	t.Run("PostgreSQL restarted under load", func(t *testing.T) { w.postgresRestarted(t, s) })
}

func (w *world) vaultSealed(t *testing.T, s *shared) {
	must(t, w.real.Vault.Seal(t.Context()))
	_, err := s.file(t)
	unavailable(t, "a case is filed", err, "custodian of KZ")
	// Its evidence is dark at once, to those abroad and at home. The Vault is that of
	// the log's key too, and no key is released before the log has the request.
	unavailable(t, "Armenia opens the exhibit", s.knock(t.Context(), s.asker, s.exhibit.Evidence, comity.PurposeInvestigation), "the log cannot be reached")
	_, err = s.owner.GetEvidence(t.Context(), client.GetOptions{Evidence: s.exhibit.Evidence, Purpose: comity.PurposeInvestigation, Dest: t.TempDir()})
	unavailable(t, "its owner opens the exhibit", err, "the log cannot be reached")
	_, err = s.liaison.GrantRevoke(t.Context(), s.filed, s.grant, "")
	unavailable(t, "the grant is revoked", err, "custodian of KZ")
	w.failing(t, http.StatusServiceUnavailable, "custodian KZ", "custodian AM") // one Vault for all, here

	must(t, w.real.Vault.Unseal(t.Context()))
	eventually(t, "after unsealing, a case is filed", func() error { _, err := s.file(t); return err })
	must(t, s.get(t)) // the revocation that failed did not happen
	w.failing(t, http.StatusOK)
}

func (w *world) minioStopped(t *testing.T, s *shared) {
	must(t, w.real.MinIO.Stop(t.Context()))
	path := filepath.Join(t.TempDir(), "more.bin")
	must(t, os.WriteFile(path, []byte("more"), 0o600))
	_, err := s.owner.PutEvidence(t.Context(), client.PutOptions{Case: s.filed, Path: path})
	unavailable(t, "an upload is begun", err, "object store of KZ")
	if _, err := s.owner.Case(t.Context(), s.filed, ""); err != nil {
		t.Errorf("reading the case takes no store: %v", err)
	}
	w.failing(t, http.StatusServiceUnavailable, "store KZ", "store UZ")
	must(t, w.real.MinIO.Start(t.Context()))
	must(t, s.get(t))
	_, err = s.owner.PutEvidence(t.Context(), client.PutOptions{Case: s.filed, Path: path})
	must(t, err)
	w.failing(t, http.StatusOK)
}

// away is how long the store is gone: longer than it takes to try a part again.
const away = 4 * time.Second

// uploadCut stops the store in the midst of an upload, which then goes on.
func (w *world) uploadCut(t *testing.T, s *shared) {
	path := filepath.Join(t.TempDir(), "large.bin")
	b := make([]byte, 150<<20) // three parts
	random := rand.NewChaCha8([32]byte{1})
	_, _ = random.Read(b)
	must(t, os.WriteFile(path, b, 0o600))
	state := t.TempDir()
	var cut sync.Once
	back := make(chan error, 1)
	put := func() (*client.Exhibit, error) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		return s.owner.PutEvidence(ctx, client.PutOptions{Case: s.filed, Path: path, Parallel: 1, StateDir: state, Progress: func(p client.Progress) {
			if p.Ready == 1 {
				cut.Do(func() {
					err := w.real.MinIO.Kill()
					go func() {
						time.Sleep(away)
						back <- errors.Join(err, w.real.MinIO.Start(context.WithoutCancel(t.Context())))
					}()
				})
			}
		}})
	}
	e, err := put()
	cut.Do(func() {
		back <- fmt.Errorf("the upload ended (%v) before a part was up and the store was stopped", err)
	})
	must(t, <-back)
	if err != nil { // the client gave up before the store was back: the same call goes on
		t.Logf("the first try ended with: %v", err)
		e, err = put()
		must(t, err)
		if e.Resumed == 0 {
			t.Error("nothing was resumed")
		}
	}
	dest := filepath.Join(t.TempDir(), "back.bin")
	_, err = s.owner.GetEvidence(t.Context(), client.GetOptions{Evidence: e.Evidence, Purpose: comity.PurposeInvestigation, Dest: dest})
	must(t, err)
	got, err := os.ReadFile(dest)
	must(t, err)
	if !bytes.Equal(got, b) {
		t.Error("what came back is not what went up")
	}
}

func (w *world) postgresStopped(t *testing.T, s *shared) {
	must(t, w.real.Postgres.Stop(t.Context()))
	_, err := s.file(t)
	unavailable(t, "a case is filed", err, "database")
	_, err = s.owner.Case(t.Context(), s.filed, "")
	unavailable(t, "a case is read", err, "database")
	w.failing(t, http.StatusServiceUnavailable, "database")
	must(t, w.real.Postgres.Start(t.Context()))
	eventually(t, "the case is read again", func() error { _, err := s.owner.Case(t.Context(), s.filed, ""); return err })
	w.failing(t, http.StatusOK)
}

// postgresRestarted: every act that was answered stands, once. The officers act
// from before the database goes until after it is back.
func (w *world) postgresRestarted(t *testing.T, s *shared) {
	const officers, each = 4, 12
	var mu sync.Mutex
	done := map[string]bool{}
	tried := 0
	first, restarted := make(chan struct{}), make(chan struct{})
	begun := sync.OnceFunc(func() { close(first) })
	var wg sync.WaitGroup
	for i := range officers {
		wg.Go(func() {
			defer begun() // also when none was answered
			over := false
			for j := 0; j < each || !over; j++ {
				select {
				case <-restarted:
					over = true
				default:
				}
				text := fmt.Sprintf("entry %d of %d", j, i)
				_, err := s.owner.EntryAdd(t.Context(), s.filed, client.NewEntry{Text: text})
				if err != nil && comity.CodeOf(err) != comity.CodeUnavailable {
					t.Errorf("%s: %v", text, err)
				}
				mu.Lock()
				done[text] = err == nil
				tried++
				mu.Unlock()
				if err == nil {
					begun()
				}
				time.Sleep(50 * time.Millisecond)
			}
		})
	}
	<-first
	err := w.real.Postgres.Restart(t.Context())
	close(restarted)
	wg.Wait()
	must(t, err)
	var all []client.Entry
	eventually(t, "the entries are read", func() (err error) {
		all, err = client.All(func(first int, after string) (client.Page[client.Entry], error) {
			return s.owner.Entries(t.Context(), s.filed, "", first, after)
		})
		return err
	})
	found := map[string]int{}
	for _, e := range all {
		found[e.Text]++
	}
	answered := 0
	for text, ok := range done {
		if ok {
			answered++
		}
		if found[text] > 1 || ok && found[text] != 1 {
			t.Errorf("%q was answered %t and stands %d times", text, ok, found[text])
		}
	}
	t.Logf("%d of %d acts were answered, %d stand", answered, tried, len(found))
	if answered == 0 {
		t.Error("no act was answered")
	}
	// The record of acts goes on without a gap: every act gets its place.
	eventually(t, "every act has its place", func() error {
		page, err := s.liaison.Log(t.Context(), client.LogFilter{}, client.MaxPage, "")
		if err != nil {
			return err
		}
		for _, e := range page.Nodes {
			if e.Index == nil && e.At.Before(time.Now().Add(-2*time.Second)) {
				return fmt.Errorf("%s of %s has no place", e.Act, e.At)
			}
		}
		return nil
	})
	w.failing(t, http.StatusOK)
}
