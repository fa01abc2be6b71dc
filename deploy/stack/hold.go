package stack

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// HoldFile is the file in a folder that [Hold] locks. It names the holder.
const HoldFile = "in-use"

// Hold keeps a folder for this process alone until release, or until the
// process ends, however it ends. An error names the process that has it.
func Hold(dir string) (release func(), err error) {
	f, err := os.OpenFile(filepath.Join(dir, HoldFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		raw, _ := os.ReadFile(f.Name()) // a holder that has not written its name yet is as much in the way
		f.Close()
		return nil, fmt.Errorf("%s is in use by pid %s; end that process or choose another folder with --dir", dir, strings.TrimSpace(string(raw)))
	}
	if err == nil {
		err = f.Truncate(0)
	}
	if err == nil {
		_, err = f.WriteAt(append(strconv.AppendInt(nil, int64(os.Getpid()), 10), '\n'), 0)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() { _ = f.Close() }, nil
}
