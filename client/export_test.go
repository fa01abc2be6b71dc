package client

import (
	"time"

	"github.com/comity-platform/comity"
)

// Hurry makes a client's retries follow at once.
func (c *Client) Hurry() *Client {
	c.pause = func(int) time.Duration { return 0 }
	return c
}

// Documents are the operations by name.
func Documents() map[string]string { return documents }

// SafeName, ReadResume and ClipTo are tested on their own.
var (
	SafeName = safeName
	ClipTo   = clipTo
)

// ReadResume reads a resume file and gives the parts it keeps, -1 for none.
func ReadResume(b []byte) int {
	if r := readResume(b); r != nil {
		return len(r.parts)
	}
	return -1
}

// VerifyLogEntry holds an entry of the record of acts against its leaf.
func VerifyLogEntry(e *LogEntry, own comity.State) error { return e.verify(own) }
