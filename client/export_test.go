package client

import (
	"net/http"
	"time"

	"github.com/comity-platform/comity"
)

// Hurry makes a client's retries follow at once.
func (c *Client) Hurry() *Client {
	c.pause = func(int) time.Duration { return 0 }
	return c
}

// SafeName, ClipTo and Settle are tested on their own.
var (
	SafeName = safeName
	ClipTo   = clipTo
	Settle   = settle
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

// ReadAnswer reads an answer of the API, as of a list of cases.
func ReadAnswer(status int, b []byte) error {
	c := &Client{server: "http://127.0.0.1", now: time.Now}
	var data map[string]Page[Case]
	return c.read("Cases", &http.Response{StatusCode: status, Status: http.StatusText(status), Header: http.Header{}}, b, &result{data: &data})
}

// StoreSaid reads a store's refusal and says what it means for the officer.
func StoreSaid(status int, b []byte) error {
	return plainly(storeSaid(comity.State("KZ"), status, b))
}
