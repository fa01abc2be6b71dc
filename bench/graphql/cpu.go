package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is what /proc counts processor time in: USER_HZ, 100 on every Linux
// that Go runs on.
const tick = 10 * time.Millisecond

// cpuOf is the processor time that a process and its children took so far, with
// those that ended and were waited for.
func cpuOf(pid int) (time.Duration, error) {
	all, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	if len(all) == 0 {
		return 0, fmt.Errorf("this system tells no processor time in /proc")
	}
	type process struct {
		parent int
		took   time.Duration
	}
	processes := map[int]process{}
	for _, path := range all {
		raw, err := os.ReadFile(path)
		if err != nil { // it has ended
			continue
		}
		// The second field is a name in parentheses, which may hold any of them (proc(5)).
		fields := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))
		id, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil || len(fields) < 15 {
			continue
		}
		var p process
		p.parent, _ = strconv.Atoi(fields[1])
		for _, f := range fields[11:15] { // utime, stime, cutime, cstime
			n, err := strconv.ParseInt(f, 10, 64)
			if err != nil {
				return 0, fmt.Errorf("%s: %w", path, err)
			}
			p.took += time.Duration(n) * tick
		}
		processes[id] = p
	}
	if _, ok := processes[pid]; !ok {
		return 0, fmt.Errorf("process %d has ended", pid)
	}
	var total time.Duration
	for id, p := range processes {
		for up := id; up > 1; up = processes[up].parent {
			if up == pid {
				total += p.took
				break
			}
		}
	}
	return total, nil
}
