package verify_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/comity-platform/comity/audit/verify"
)

// BenchmarkRun verifies a log of 300,000 leaves in a folder against what was remembered.
func BenchmarkRun(b *testing.B) {
	const size = 300_000
	dir := b.TempDir()
	for path, data := range newFiles(b, size) {
		name := filepath.Join(dir, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(name, data, 0o600); err != nil {
			b.Fatal(err)
		}
	}
	open, name := opener(b), filepath.Join(b.TempDir(), "seen")
	for b.Loop() {
		seen, err := verify.Remember(name, "")
		if err != nil {
			b.Fatal(err)
		}
		if _, err := (verify.Check{Source: verify.Folder{FS: os.DirFS(dir)}, Seen: seen, Open: open}).Run(b.Context()); err != nil {
			b.Fatal(err)
		}
		seen.Close()
	}
	b.ReportMetric(float64(size)*float64(b.N)/b.Elapsed().Seconds(), "leaves/s")
}
