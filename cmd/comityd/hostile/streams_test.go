package hostile

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

const subscription = "subscription { events { id } }"

// subscribe asks for a stream over a connection of its own and gives what the
// answer begins with.
func (c *caller) subscribe(t *testing.T) (*net.TCPConn, *http.Response) {
	t.Helper()
	at := c.s.cfg.ExternalURL + "/graphql/stream"
	body := string(query(subscription, nil))
	h := http.Header{}
	must(t, c.sign(h, http.MethodPost, at))
	text := strings.Replace(head, "/graphql", "/graphql/stream", 1) + "Accept: text/event-stream\r\n"
	for name, v := range h {
		text += name + ": " + v[0] + "\r\n"
	}
	conn := c.s.dial(t, fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", text, len(body), body))
	_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
	res, err := http.ReadResponse(bufio.NewReaderSize(conn, 512), nil)
	if err != nil {
		t.Fatalf("a stream is not answered: %v", err)
	}
	return conn, res
}

const upgrade = "GET /graphql/stream HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"

// streams floods the server with subscriptions that nobody reads, past what an
// officer may have, with strangers', and with sockets that say nothing, or what
// is no protocol. Those past a limit are told to come again.
func streams(t *testing.T, s *server) {
	idle := s.files(t)
	officer := s.login(t, "investigator@KZ")
	var conns []*net.TCPConn
	open, later := 0, 0
	for range 120 {
		conn, res := officer.subscribe(t)
		conns = append(conns, conn)
		switch {
		case res.StatusCode == http.StatusOK:
			open++
		case res.StatusCode == http.StatusTooManyRequests && res.Header.Get("Retry-After") != "":
			later++
		default:
			t.Errorf("a stream is answered %d, Retry-After %q", res.StatusCode, res.Header.Get("Retry-After"))
		}
	}
	if most := max(s.cfg.MaxOfficerStreams, 20); open != most || later != 120-most {
		t.Errorf("one officer has %d streams open; %d were told to come again", open, later)
	}
	for range 50 {
		conn, res := s.stranger().subscribe(t)
		conns = append(conns, conn)
		if res.StatusCode != http.StatusUnauthorized && res.StatusCode != http.StatusTooManyRequests {
			t.Errorf("a stranger's stream is answered %d", res.StatusCode)
		}
	}
	for _, after := range []string{"", "\x81\x05hello", "\x82\x05hello", "\x81\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", strings.Repeat("\x89\x00", 5000),
		"\x01\x01a" + strings.Repeat("\x00\x01a", 5000), "\xff\xff\xff", "\x81\x85\x00\x00\x00\x00hello"} {
		for range 20 {
			conns = append(conns, s.dial(t, upgrade+after))
		}
	}
	// Something happens that each stream is to be told of, and nobody reads.
	for range 3 {
		fill(t, officer)
	}
	eventually(t, "waiting for streams costs little", func() bool {
		before := s.processor(t)
		time.Sleep(time.Second)
		return s.processor(t)-before < most/2
	})
	// Who waits to be told who asks is let go.
	last := conns[len(conns)-1]
	_ = last.SetReadDeadline(time.Now().Add(time.Minute))
	if _, err := io.Copy(io.Discard, last); err != nil {
		t.Errorf("a socket on which nobody says who asks stays open: %v", err)
	}
	for _, c := range conns {
		_ = c.Close()
	}
	eventually(t, "the server has let go of the streams", func() bool { return s.files(t) < idle+20 })
}
