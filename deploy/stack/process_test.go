package stack

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain lets the test binary play a caller that starts a process and ends.
func TestMain(m *testing.M) {
	switch dir := os.Getenv("STACK_TEST_DIR"); os.Getenv("STACK_TEST_CALLER") {
	case "":
		os.Exit(m.Run())
	case "detached": // starts one and ends
		if _, err := StartDetached(context.Background(), sleeper(dir), nothing); err != nil {
			panic(err)
		}
	case "child": // starts one and waits to be killed
		if _, err := launch(sleeper(dir), childAttr(nil, syscall.SIGKILL)); err != nil {
			panic(err)
		}
		time.Sleep(time.Minute)
	}
}

func sleeper(dir string) Command {
	return Command{Name: "sleeper", Path: "/bin/sleep", Args: []string{"300"}, Dir: dir, Log: filepath.Join(dir, "log"), PID: filepath.Join(dir, "pid")}
}

func nothing(context.Context) error { return nil }

func caller(t *testing.T, kind, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "STACK_TEST_CALLER="+kind, "STACK_TEST_DIR="+dir)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

func TestDetachedOutlivesItsCallerAndIsStopped(t *testing.T) {
	dir := t.TempDir()
	if err := caller(t, "detached", dir).Wait(); err != nil {
		t.Fatal(err)
	}
	c := sleeper(dir)
	pid, ok := Running(c.PID)
	if !ok {
		t.Fatal("it ended with its caller")
	}
	if _, err := StartDetached(t.Context(), c, nothing); err == nil || !strings.Contains(err.Error(), "already runs") {
		t.Errorf("a second start: %v", err)
	}
	if stopped, err := StopDetached(t.Context(), c.PID); !stopped || err != nil {
		t.Errorf("stop: %v, %v", stopped, err)
	}
	if _, err := startTime(pid); err == nil {
		t.Error("it still runs")
	}
	if stopped, err := StopDetached(t.Context(), c.PID); stopped || err != nil {
		t.Errorf("stop again: %v, %v", stopped, err)
	}
}

func TestStopLeavesAnotherProcessOfTheSameIDAlone(t *testing.T) {
	c := sleeper(t.TempDir())
	pid, err := StartDetached(t.Context(), c, nothing)
	if err != nil {
		t.Fatal(err)
	}
	id, err := readIdentity(c.PID)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = id.end(context.Background(), syscall.SIGKILL) }()
	raw, err := json.Marshal(identity{PID: pid, Start: id.Start + "0"}) // as if the id had been given anew
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(c.PID, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if stopped, err := StopDetached(t.Context(), c.PID); stopped || err != nil {
		t.Errorf("stop: %v, %v", stopped, err)
	}
	if !id.alive() {
		t.Error("it ended a process that it had not started")
	}
	for _, damaged := range []string{"", "{}", `{"pid":1,"start":"x"}`, `{"pid":-1}`} {
		if err := os.WriteFile(c.PID, []byte(damaged), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := StopDetached(t.Context(), c.PID); err == nil {
			t.Errorf("accepted %q for a process", damaged)
		}
	}
}

func TestChildDiesWithItsCaller(t *testing.T) {
	dir := t.TempDir()
	cmd := caller(t, "child", dir)
	var id identity
	eventually(t, "the child to start", func() (err error) { id, err = readIdentity(filepath.Join(dir, "pid")); return err })
	if !id.alive() {
		t.Fatal("it did not start")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed, as it should be
	eventually(t, "the child to end", func() error {
		if id.alive() {
			return errors.New("it still runs")
		}
		return nil
	})
}

func TestStartThatFails(t *testing.T) {
	dir := t.TempDir()
	c := sleeper(dir)
	c.Path, c.Args = "/bin/sh", []string{"-c", "echo the reason; exit 1"}
	_, err := StartDetached(t.Context(), c, func(context.Context) error { return errors.New("no answer") })
	if err == nil || !strings.Contains(err.Error(), "the reason") {
		t.Errorf("the error lacks the log: %v", err)
	}
	c.Args = []string{"-c", "echo slow; exec sleep 300"}
	short, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	_, err = StartDetached(short, c, func(context.Context) error { return errors.New("no answer") })
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "no answer") {
		t.Errorf("never ready: %v", err)
	}
	if _, ok := Running(c.PID); ok {
		t.Error("it was left running")
	}
}

// TestStubborn is a process that ignores the request to end.
func TestStubborn(t *testing.T) {
	c := sleeper(t.TempDir())
	c.Path, c.Args = "/bin/sh", []string{"-c", "trap '' TERM; echo up; while :; do sleep 1; done"}
	up := func(context.Context) error {
		if !strings.Contains(tail(c.Log), "up") {
			return errors.New("not yet")
		}
		return nil
	}
	if _, err := StartDetached(t.Context(), c, up); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if stopped, err := StopDetached(short, c.PID); !stopped || err != nil {
		t.Errorf("stop: %v, %v", stopped, err)
	}
}

func eventually(t *testing.T, what string, f func() error) {
	t.Helper()
	until := time.Now().Add(time.Minute)
	for {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(until) {
			t.Fatalf("waited for %s: %v", what, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
