package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit/notekey"
	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/cmd/comityd/service"
	"github.com/comity-platform/comity/deploy/stack/stacktest"
	"github.com/comity-platform/comity/storage"
)

// TestRollback: the database is restored from an older copy. The server that
// signed more does not sign again; one that starts anew, or whoever has the
// exchange's key, signs what it likes, and no witness cosigns it; a member who
// verifies names the first leaf that is gone.
func TestRollback(t *testing.T) {
	w := newWatched(t)
	first := w.server(t, "first", w.cfg)
	w.wants(t, 0, "", "login", "--as", "auditor@KZ", "--server", w.cfg.ExternalURL, "--roots", w.cfg.Roots)
	officer := w.officer(t, "investigator@KZ", w.cfg.Listen)
	file(t, officer, "KZ", 5)
	older := filepath.Join(w.dir, "older")
	w.wants(t, 0, "", "log", "copy", older) // what the operator could show again, whole and cosigned
	size := w.opened(t, older).Size
	end(t, first)
	then := w.cosigned(t, "KZ")
	backup := stacktest.CopyDatabase(t, w.db)

	server := w.server(t, "server", w.cfg)
	officer = w.officer(t, "investigator@KZ", w.cfg.Listen) // development issuers have other keys now
	w.wants(t, 0, "", "login", "--as", "auditor@KZ")
	file(t, officer, "KZ", 20)
	w.wants(t, 0, "verified", "log", "verify")
	full, seen := filepath.Join(w.dir, "full"), filepath.Join(w.dir, "seen")
	w.wants(t, 0, "", "log", "copy", full)
	w.wants(t, 0, "verified", "log", "verify", "--dir", full, "--key", w.logKey, "--seen", seen)
	// So does a program that is nothing of ours, on what servers, witnesses and PostgreSQL made.
	complete := w.opened(t, full).Size
	if got := stacktest.Fsck(t, full, w.logKey, complete); got != "success" {
		t.Errorf("fsck on the copy of %d leaves: %s", complete, got)
	}
	page, err := w.officer(t, "auditor@KZ", w.cfg.Listen).Log(t.Context(), client.LogFilter{Act: "caseFile"}, 2, "")
	must(t, err)
	proof := filepath.Join(w.dir, "proof")
	w.wants(t, 0, "proves the leaf", "log", "prove", string(page.Nodes[1].ID), "-o", proof)
	now := w.cosigned(t, "KZ")
	if now.Size <= then.Size {
		t.Fatalf("the log had %d leaves, and has %d", then.Size, now.Size)
	}

	// The server's database goes back under it.
	restore(t, w.db, backup)
	waitFor(t, "the server says that the log went back", func() bool {
		said, err := os.ReadFile(w.log("server"))
		must(t, err)
		return bytes.Contains(said, []byte("the log went back"))
	})
	if at := w.newest(t, officer); at.Size > then.Size {
		t.Errorf("it signed %d leaves of a log that went back to %d", at.Size, then.Size)
	}
	end(t, server)
	w.wants(t, 0, "caseFile", "log", "verify", proof, "--roots", w.cfg.Roots) // what was proven stays so, without any server

	// One that knows nothing of it signs again, as whoever has the key can.
	mark := w.cosignedAll(t)
	w.server(t, "again", w.cfg)
	officer = w.officer(t, "investigator@KZ", w.cfg.Listen)
	w.wants(t, 0, "", "login", "--as", "auditor@KZ")
	waitFor(t, "the rewritten log is longer than the witnessed one", func() bool {
		file(t, officer, "KZ", 5)
		return w.newest(t, officer).Size > now.Size+50
	})
	for s, before := range mark {
		if at := w.cosigned(t, s); at != before {
			t.Errorf("the witness of %s, which stood at %d, cosigned the rewritten log of %d leaves", s, before.Size, at.Size)
		}
	}
	// The member: no checkpoint of it counts.
	w.wants(t, 9, "witness", "log", "verify")
	// Neither does the old one that was cosigned, by what was seen since: the first leaf that is gone is named.
	manifest := []string{"--roots", w.cfg.Roots, "--manifest", w.manifest("KZ"), "--manifest", w.manifest("AM"), "--manifest", w.manifest("BY"),
		"--manifest", w.manifest("KG"), "--manifest", w.manifest("RU"), "--manifest", w.manifest("TJ"), "--manifest", w.manifest("UZ"), "--state", "KZ"}
	w.wants(t, 0, "verified", append([]string{"log", "verify", "--dir", older}, manifest...)...) // whoever looks for the first time does not notice
	w.wants(t, 9, fmt.Sprintf("at index %d: rolled back", size), append([]string{"log", "verify", "--dir", older, "--seen", seen}, manifest...)...)
	// And by what was seen, the first leaf of the rewritten log that is another.
	_, err = client.VerifyLogFiles(t.Context(), officer.LogFiles(), w.signedOnly(t), seen, nil, nil)
	if fault, ok := errors.AsType[*verify.Fault](err); !ok || fault.Index != then.Size {
		t.Errorf("by what was seen before: %v, wanted index %d", err, then.Size)
	}
	// Without witnesses and without memory, the rewritten log is taken for the log.
	report, err := client.VerifyLogFiles(t.Context(), officer.LogFiles(), w.signedOnly(t), "", nil, nil)
	must(t, err)
	if report.Head.Size <= now.Size {
		t.Errorf("the rewritten log has %d leaves", report.Head.Size)
	}
}

// TestSplitView: the operator, who has the log's key, shows two states two
// different logs. Each witness goes on with one of them; for one state at most the
// checkpoints count, and the two find it when they compare.
func TestSplitView(t *testing.T) {
	w := newWatched(t)
	first := w.server(t, "first", w.cfg)
	file(t, w.officer(t, "investigator@KZ", w.cfg.Listen), "KZ", 5)
	end(t, first)
	then := w.cosigned(t, "KZ")
	other := w.cfg
	other.PostgresDSNFile = w.dsn(t, "dsn-other", stacktest.CopyDatabase(t, w.db))
	other.Listen, other.DevelopmentIssuers = free(t), false // officers log in at the other one
	other.ManifestsSeen += "-other"
	other.States = service.States{}
	for s, parts := range w.cfg.States { // a keyring serves one process
		from := parts.Custodian.Keyring
		parts.Custodian.Keyring += "-other"
		must(t, os.CopyFS(parts.Custodian.Keyring, os.DirFS(from)))
		other.States[s] = parts
	}
	w.server(t, "one", w.cfg)
	w.server(t, "two", other)
	one, two := w.officer(t, "auditor@KZ", w.cfg.Listen), w.officer(t, "auditor@AM", other.Listen)
	filesOne, filesTwo := w.officer(t, "investigator@KZ", w.cfg.Listen), w.officer(t, "investigator@AM", other.Listen)
	waitFor(t, "both logs are longer than what was witnessed when they parted", func() bool {
		file(t, filesOne, "KZ", 3)
		file(t, filesTwo, "AM", 3)
		return w.newest(t, one).Size > then.Size+50 && w.newest(t, two).Size > then.Size+50
	})
	// What each would be shown without witnesses holds together in itself.
	seenOne, seenTwo := filepath.Join(w.dir, "seen-one"), filepath.Join(w.dir, "seen-two")
	undefended := func(c *client.Client, seen string, through ...client.LogHead) (client.LogReport, error) {
		return client.VerifyLogFiles(t.Context(), c.LogFiles(), w.signedOnly(t), seen, through, nil)
	}
	a, err := undefended(one, seenOne)
	must(t, err)
	b, err := undefended(two, seenTwo)
	must(t, err)
	// Those who compare find it, and where: each log by the other's memory differs from where they parted.
	_, err = undefended(one, seenTwo)
	if fault, ok := errors.AsType[*verify.Fault](err); !ok || fault.Index < then.Size {
		t.Errorf("by what the other state was shown: %v, and they parted at %d", err, then.Size)
	}
	_, errOne := undefended(one, "", b.Head)
	_, errTwo := undefended(two, "", a.Head)
	for name, err := range map[string]error{"KZ": errOne, "AM": errTwo} {
		if _, ok := errors.AsType[*client.VerificationError](err); !ok {
			t.Errorf("%s, through the head that the other was shown: %v", name, err)
		}
	}
	if _, err := undefended(one, "", a.Head); err != nil {
		t.Errorf("through its own head: %v", err)
	}

	// Each witness went on with one.
	on := map[string][]comity.State{}
	for s, c := range w.cosignedAll(t) {
		head := client.LogHead{Size: c.Size, Root: fmt.Sprintf("%x", c.Root)}
		var errOne, errTwo error
		for range 5 { // it may have gone on since, further than either shows yet
			_, errOne = undefended(one, "", head)
			_, errTwo = undefended(two, "", head)
			if errOne == nil || errTwo == nil {
				break
			}
		}
		switch {
		case errOne == nil && errTwo != nil:
			on["one"] = append(on["one"], s)
		case errOne != nil && errTwo == nil:
			on["two"] = append(on["two"], s)
		default:
			t.Errorf("the witness of %s stands at %d leaves, of which log? (%v, %v)", s, c.Size, errOne, errTwo)
		}
	}
	t.Logf("they parted at %d; with one log went on %v, with the other %v", then.Size, on["one"], on["two"])
	// And for one of the two states at most the checkpoints still count.
	_, errOne = one.VerifyLog(t.Context(), nil, nil)
	_, errTwo = two.VerifyLog(t.Context(), nil, nil)
	if errOne == nil && errTwo == nil {
		t.Error("both states take what they are shown")
	}
	for name, err := range map[string]error{"KZ": errOne, "AM": errTwo} {
		if _, ok := errors.AsType[*client.VerificationError](err); err != nil && !ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestKilledWitness: a witness is killed at random moments while the log grows.
// Whatever it cosigned it remembers afterwards, and goes on from there.
func TestKilledWitness(t *testing.T) {
	w := newWatched(t)
	w.server(t, "server", w.cfg)
	reader, filer := w.officer(t, "auditor@KZ", w.cfg.Listen), w.officer(t, "investigator@KZ", w.cfg.Listen)
	kills := 5
	if os.Getenv("COMITY_SOAK") != "" {
		kills = 100
	}
	work, stop := context.WithCancel(t.Context())
	var acting sync.WaitGroup
	defer acting.Wait()
	defer stop()
	acting.Go(func() {
		for n := 0; work.Err() == nil; n++ {
			_, err := filer.CaseFile(t.Context(), client.NewCase{Category: "RANSOMWARE", Title: fmt.Sprintf("Case %d", n), Nexus: []comity.Nexus{{Basis: comity.NexusTerritory, State: "KZ"}}})
			if err != nil {
				t.Error(err)
				return
			}
		}
	})
	policy := verify.Policy{Origin: verify.Origin(w.cfg.Union), Own: []note.Verifier{w.witnessKey(t, "KZ").Verifier()}}
	log, err := notekey.Log(w.logKey)
	must(t, err)
	policy.Log = []note.Verifier{log}
	db := w.open(t)
	// answered is the greatest size for which there is a cosignature of KZ's witness.
	answered := func() (size int64) {
		must(t, db.Read(storage.AsSystem(t.Context()), func(r storage.ReadTx) error {
			last, err := r.LogCheckpoints(0, storage.CheckpointsKept)
			for _, c := range last {
				if at, err := policy.Open(c.Signed, time.Now()); err == nil {
					size = max(size, at.Size)
				}
			}
			return err
		}))
		return size
	}
	var before int64
	for n := range kills {
		waitFor(t, "the witness cosigns", func() bool { return answered() > before })
		time.Sleep(time.Duration(rand.IntN(300)) * time.Millisecond) // the moment
		must(t, w.runs["KZ"].Process.Kill())
		_ = w.runs["KZ"].Wait() // killed
		kept := w.cosigned(t, "KZ")
		// What it answered as it died the exchange may still be writing down: give it a beat.
		time.Sleep(300 * time.Millisecond)
		if size := answered(); size > kept.Size {
			t.Fatalf("after kill %d it remembers %d leaves, and cosigned %d", n+1, kept.Size, size)
		}
		before = kept.Size
		w.runs["KZ"] = w.serve["KZ"]()
	}
	waitFor(t, "the witness cosigns after all kills", func() bool { return answered() > before })
	stop()
	acting.Wait()
	_, err = reader.VerifyLog(t.Context(), nil, nil)
	must(t, err)
}
