package filelock_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/comity-platform/comity/internal/filelock"
)

func TestTakeWaitsNoLongerThanAsked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := filelock.Take(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := filelock.Take(short, path); err == nil {
		t.Error("two hold the lock")
	}
	unlock()
	again, err := filelock.Take(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	again()
}
