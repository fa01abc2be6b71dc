package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/cmd/comityd/setup"
	"github.com/comity-platform/comity/deploy/stack/stacktest"
	"github.com/comity-platform/comity/storage"
	"github.com/comity-platform/comity/storage/sqlite"
)

// formerly writes leaves as servers did so many days ago: reads of Kazakhstan's cases
// by officers of Armenia, of which both states have an opening.
func formerly(t *testing.T, db storage.DB, days, n int) {
	t.Helper()
	at := time.Now().UTC().AddDate(0, 0, -days)
	for done := 0; done < n; {
		must(t, db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error {
			for range min(500, n-done) {
				at = at.Add(time.Second)
				read := audit.Content{Act: "read", Outcome: audit.Read, At: at, Purpose: comity.PurposeInvestigation, RequestID: "then",
					Actor:   audit.Actor{State: "AM", Agency: "AM/cyber", Function: "Investigator", Ref: "AM:inv-then"},
					Records: []audit.Record{{ID: string(comity.NewID(comity.KindCase)), Level: "FULL", Grant: comity.NewID(comity.KindGrant)}}}
				leaves, err := audit.Leaves(at, map[comity.State]audit.Content{"KZ": read, "AM": read})
				if err != nil {
					return err
				}
				if err := tx.AppendLeaf(leaves[0]); err != nil {
					return err
				}
				done++
			}
			return nil
		}))
	}
}

// erase has two officers of Kazakhstan's authority erase from the command line what
// is older than 30 days, and waits until so many openings are gone.
func (w *watched) erase(t *testing.T, n int) {
	t.Helper()
	said := w.wants(t, 0, "proposal1_", "log", "erase", "--before", "30d", "--reason", "the term is over", "--json", "--profile", "authority@KZ")
	proposal := field(t, said, "proposal")
	terms := field(t, w.wants(t, 0, "logErase", "proposal", "show", proposal, "--json", "--profile", "second@KZ"), "terms")
	w.wants(t, 4, "Article 14", "proposal", "approve", proposal, "--terms", terms, "--profile", "authority@KZ")
	w.wants(t, 0, "erasure1_", "proposal", "approve", proposal, "--terms", terms, "--profile", "second@KZ")
	began := time.Now()
	authority := w.officer(t, "authority@KZ", w.cfg.Listen)
	waitFor(t, fmt.Sprintf("%d openings are erased", n), func() bool {
		all, err := authority.LogErasures(t.Context())
		must(t, err)
		if all[0].Status != comity.ErasureDone {
			return false
		}
		if all[0].Erased != int64(n) || all[0].Kept != 0 {
			t.Fatalf("%d openings are old: %+v", n, all[0])
		}
		return true
	})
	t.Logf("erased %d openings in %s, %.0f a second", n, time.Since(began).Round(time.Millisecond), float64(n)/time.Since(began).Seconds())
}

// field is a member of what a command printed as JSON.
func field(t *testing.T, said, name string) string {
	t.Helper()
	_, rest, ok := strings.Cut(said, `"`+name+`": "`)
	value, _, end := strings.Cut(rest, `"`)
	if !ok || !end {
		t.Fatalf("no %s in %s", name, said)
	}
	return value
}

// TestErasedOnServers: what two officers of a state's authority erased is gone from
// the database of a running exchange, the log verifies against what the state, the
// witnesses and other members saw before, and what was proven before stays proven.
func TestErasedOnServers(t *testing.T) {
	const n = 2500
	for engine, made := range map[string]func(*testing.T) (*watched, storage.DB){
		"PostgreSQL": func(t *testing.T) (*watched, storage.DB) { w := newWatched(t); return w, w.open(t) },
		"SQLite":     embedded,
	} {
		t.Run(engine, func(t *testing.T) {
			w, db := made(t)
			formerly(t, db, 40, n)
			first := w.server(t, "first", w.cfg)
			for _, officer := range []string{"authority@KZ", "second@KZ", "auditor@KZ", "auditor@AM"} {
				w.wants(t, 0, officer, "login", "--as", officer, "--server", w.cfg.ExternalURL, "--roots", w.cfg.Roots)
			}
			officer := w.officer(t, "auditor@KZ", w.cfg.Listen)
			waitFor(t, "all leaves are under the checkpoint that is shown", func() bool {
				_, err := officer.LogFiles().Read(t.Context(), verify.CheckpointPath)
				return err == nil && w.newest(t, officer).Size >= n
			})
			for _, auditor := range []string{"auditor@KZ", "auditor@AM"} {
				w.wants(t, 0, "verified", "log", "verify", "--profile", auditor)
			}
			page, err := officer.Log(t.Context(), client.LogFilter{Act: "read"}, 1, "")
			must(t, err)
			old, proof := string(page.Nodes[0].ID), filepath.Join(w.dir, "proof")
			w.wants(t, 0, "proves the leaf", "log", "prove", old, "-o", proof, "--profile", "auditor@KZ")
			before := w.newest(t, officer)

			w.erase(t, n)
			w.wants(t, 0, fmt.Sprintf("%d openings, as leaves say", n), "log", "verify", "--head", fmt.Sprintf("%d:%x", before.Size, before.Root), "--profile", "auditor@KZ")
			w.wants(t, 0, `"erased": 0`, "log", "verify", "--json", "--profile", "auditor@AM")
			w.wants(t, 5, "was erased", "log", "prove", old, "-o", proof+"-after", "--profile", "auditor@KZ")
			w.wants(t, 0, "AM:inv-then", "log", "list", "--until", "30d", "--limit", "3", "--profile", "auditor@AM")
			w.wants(t, 0, fmt.Sprintf("counted nowhere below: %d", n), "log", "report", "--from", "60d", "--profile", "auditor@KZ")
			must(t, db.Read(storage.AsSystem(t.Context()), func(tx storage.ReadTx) error {
				all, err := tx.Log("KZ", storage.LogFilter{Until: time.Now().AddDate(0, 0, -30)}, storage.Page{Limit: 2 * n})
				if len(all) != n {
					t.Errorf("%d openings are from before it", len(all))
				}
				for _, e := range all {
					if o := e.Leaf.Openings[0]; len(o.Content) > 0 || o.Salt != [32]byte{} || o.ErasedBy == "" {
						t.Fatalf("of %s is left %q under %x", e.Leaf.ID, o.Content, o.Salt)
					}
				}
				return err
			}))
			end(t, first)

			// Another server, another day: it is the same log.
			w.server(t, "second", w.cfg)
			w.wants(t, 0, "", "login", "--as", "auditor@KZ")
			w.wants(t, 0, "goes on from", "log", "verify", "--profile", "auditor@KZ")
			w.wants(t, 0, "AM:inv-then", "log", "verify", proof, "--roots", w.cfg.Roots)
		})
	}
}

// embedded is a union whose exchange stands on SQLite, with the witnesses within it.
func embedded(t *testing.T) (*watched, storage.DB) {
	t.Helper()
	w := &watched{dir: stacktest.TempDir(t)}
	var err error
	w.cfg, err = setup.Embedded(t.Context(), w.dir, free(t))
	must(t, err)
	w.cfg.AgencyRate, w.cfg.AddressRate = 1_000_000, 1_000_000
	key, err := w.cfg.Record.Open(t.Context(), w.cfg.Union)
	must(t, err)
	w.logKey = key.Public
	db, err := sqlite.Open(context.WithoutCancel(t.Context()), w.cfg.SQLite, sqlite.Options{})
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return w, db
}
