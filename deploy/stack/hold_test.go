package stack

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

// TestHeldFolder: one at a time, the other is told whom it waits for.
func TestHeldFolder(t *testing.T) {
	dir := t.TempDir()
	release, err := Hold(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Hold(dir); err == nil || !strings.Contains(err.Error(), "in use by pid "+strconv.Itoa(os.Getpid())+";") {
		t.Errorf("held twice: %v", err)
	}
	release()
	again, err := Hold(dir)
	if err != nil {
		t.Fatal(err)
	}
	again()
	if _, err := Hold(dir + "/nowhere"); err == nil {
		t.Error("a folder that is not there is held")
	}
}
