package main

import (
	"syscall"
	"time"
)

// cost is what a transfer took.
type cost struct {
	Took time.Duration
	CPU  time.Duration // processor time of whoever transferred, the server's not included
}

// clock is when this process began a transfer.
type clock struct {
	at  time.Time
	cpu time.Duration
}

func start() (clock, error) {
	cpu, err := processorTime()
	return clock{time.Now(), cpu}, err
}

func (c clock) until() (cost, error) {
	took := time.Since(c.at)
	cpu, err := processorTime()
	return cost{took, cpu - c.cpu}, err
}

// processorTime is what this process has had so far, with the system's work for it.
func processorTime() (time.Duration, error) {
	var usage syscall.Rusage
	err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), err
}
