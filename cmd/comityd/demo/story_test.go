package demo

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/diskfs/go-diskfs"

	"github.com/comity-platform/comity"
)

// told checks what a whole story came to.
func told(t *testing.T, s *story, text string) {
	t.Helper()
	if s.acts < 15 || s.denials < 10 || s.steps != len(s.chapters()) {
		t.Errorf("%d steps, %d acts, %d denials", s.steps, s.acts, s.denials)
	}
	// What is counted is what is printed.
	if n := strings.Count(text, "\n    + "); n != s.acts {
		t.Errorf("%d acts are told and %d counted", n, s.acts)
	}
	if n := strings.Count(text, "\n    - "); n != s.denials {
		t.Errorf("%d denials are told and %d counted", n, s.denials)
	}
	for _, a := range []comity.Article{comity.ArticleDomesticReservation, comity.ArticleLegalBasis, comity.ArticleLiaison, comity.ArticlePurpose, comity.ArticleTerm} {
		if !strings.Contains(text, a.String()) {
			t.Errorf("the story names no %v", a)
		}
	}
	if strings.Contains(text, "\x1b") {
		t.Error("colours where there is no terminal")
	}
}

func TestStoryEmbedded(t *testing.T) {
	w := newEmbedded(t)
	s, text := w.play(t)
	told(t, s, text)
	w.checkNothingLeaks(t, s, w.dir)
	// Played again on the same union, it goes as told again.
	s, text = w.play(t)
	told(t, s, text)
}

func TestStoryReal(t *testing.T) {
	w := newReal(t)
	s, text := w.play(t)
	told(t, s, text)
	w.checkVaultAudit(t)
	w.checkMinIO(t, s)
	w.checkNothingLeaks(t, s, w.dir, filepath.Dir(w.real.Vault.LogFile()), filepath.Dir(w.real.MinIO.LogFile()), filepath.Dir(w.real.Postgres.LogFile()))
}

// TestSurprise: what the story does not want ends it, and says where.
func TestSurprise(t *testing.T) {
	tell := &teller{w: testWriter{t}}
	for name, err := range map[string]error{
		"nothing is refused": nil,
		"another code":       comity.NotFound(),
		"another Article":    comity.Denied(comity.ArticleTerm, "no", ""),
		"another error":      fmt.Errorf("no"),
	} {
		if tell.denied("x", "does", err, comity.CodeDenied, comity.ArticlePurpose) == nil {
			t.Errorf("%s: taken for the denial that was wanted", name)
		}
	}
	if tell.denials != 0 {
		t.Errorf("%d denials counted", tell.denials)
	}
	if err := tell.denied("x", "does", fmt.Errorf("in: %w", comity.Denied(comity.ArticlePurpose, "no", "")), comity.CodeDenied, comity.ArticlePurpose); err != nil || tell.denials != 1 {
		t.Errorf("the wanted denial: %v, %d counted", err, tell.denials)
	}
	w := newEmbedded(t)
	document := filepath.Join(t.TempDir(), "no-wallet.json")
	must(t, os.WriteFile(document, []byte(`{"type": "bundle", "id": "bundle--5d0092c5-5f74-4287-9642-33f4c354e56d", "objects": [
		{"type": "domain-name", "spec_version": "2.1", "id": "domain-name--3c10e93f-798e-5a26-a0c1-08156efab7f5", "value": "example.com"}]}`), 0o600))
	_, err := Play(t.Context(), Options{Config: w.cfg, Document: document, ImageSize: smallestImage, Out: testWriter{t}})
	if err == nil || !strings.Contains(err.Error(), "step 2") || !strings.Contains(err.Error(), "wallet") {
		t.Errorf("a document without a wallet: %v", err)
	}
}

func TestImageIsAFileSystem(t *testing.T) {
	file := filepath.Join(t.TempDir(), "disk.img")
	must(t, makeImage(t.Context(), file, smallestImage, func(int64, int64) {}))
	d, err := diskfs.Open(file, diskfs.WithOpenMode(diskfs.ReadOnly))
	must(t, err)
	defer d.Close()
	fs, err := d.GetFilesystem(0)
	must(t, err)
	var total int64
	for _, dir := range []string{"BACKUP", "LOGS", "FINANCE", "MAIL"} {
		entries, err := fs.ReadDir(dir)
		must(t, err)
		for _, e := range entries {
			if info, err := e.Info(); err == nil && !e.IsDir() {
				total += info.Size()
			}
		}
	}
	if total < smallestImage*8/10 {
		t.Errorf("of %d bytes, files fill %d", smallestImage, total)
	}
	if makeImage(t.Context(), file, smallestImage/2, func(int64, int64) {}) == nil {
		t.Error("an image too small for FAT32 is made")
	}
}
