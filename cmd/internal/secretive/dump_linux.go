package secretive

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// NoDumps forbids core dumps of this process, and on Linux also that other
// processes of the same user read its memory.
func NoDumps() error {
	err := errors.Join(noCore(), unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0))
	if err != nil {
		return fmt.Errorf("core dumps cannot be forbidden: %w", err)
	}
	return nil
}
