//go:build unix && !linux

package secretive

import "fmt"

// NoDumps forbids core dumps of this process.
func NoDumps() error {
	if err := noCore(); err != nil {
		return fmt.Errorf("core dumps cannot be forbidden: %w", err)
	}
	return nil
}
