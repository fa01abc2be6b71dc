package stack

import (
	"bytes"
	"fmt"
	"os"
	"sync"
	"syscall"
)

// childAttr makes the kernel send sig to the process when we end, however we end.
func childAttr(user *syscall.Credential, sig syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: sig, Credential: user}
}

// bootID tells this run of the machine from others, as start times count from boot.
var bootID = sync.OnceValue(func() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "unknown"
	}
	return string(bytes.TrimSpace(id))
})

// startTime is when the process started (clock ticks since boot, field 22 of
// proc_pid_stat(5)). A process that ended and only waits to be reaped is an error.
func startTime(pid int) (string, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", err
	}
	// The second field, the name, may hold spaces and parentheses of its own.
	fields := bytes.Fields(raw[bytes.LastIndexByte(raw, ')')+1:])
	if len(fields) < 20 {
		return "", fmt.Errorf("/proc/%d/stat has too few fields", pid)
	}
	if state := fields[0][0]; state == 'Z' || state == 'X' {
		return "", fmt.Errorf("process %d has ended", pid)
	}
	return bootID() + "/" + string(fields[19]), nil
}
