package hostile

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// dial opens a connection and writes what is given.
func (s *server) dial(t *testing.T, text string) *net.TCPConn {
	t.Helper()
	conn, err := net.DialTimeout("tcp", strings.TrimPrefix(s.cfg.ExternalURL, "http://"), time.Minute)
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	_, _ = io.WriteString(conn, text)
	return conn.(*net.TCPConn)
}

const head = "POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"

// connections opens what never ends: heads and bodies that come slowly or
// not at all, connections closed on one side, answers that nobody reads.
// Officers are served all the while, and the server lets go of every one.
func connections(t *testing.T, s *server) {
	officer := s.login(t, "investigator@KZ")
	idle := s.files(t)
	var conns []*net.TCPConn
	for range 100 {
		conns = append(conns,
			s.dial(t, ""), s.dial(t, "POST /gra"), s.dial(t, head+"X-A: "+strings.Repeat("a", 4000)),
			s.dial(t, head+"Content-Length: 100000\r\n\r\n{"),
			s.dial(t, head+"Transfer-Encoding: chunked\r\n\r\n5\r\n{\"que\r\n"),
		)
		half := s.dial(t, head+"Content-Length: 100\r\n\r\n{")
		_ = half.CloseWrite()
		gone := s.dial(t, head+"Content-Length: 26\r\n\r\n{\"query\":\"{ __typename }\"}")
		_ = gone.SetLinger(0)
		_ = gone.Close() // reset while it is answered
		conns = append(conns, half)
	}
	// One byte at a time, and answers that are not read.
	stop := make(chan struct{})
	var drips sync.WaitGroup
	for range 20 {
		c := s.dial(t, head+"Content-Length: 100000\r\n\r\n")
		drips.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(200 * time.Millisecond):
					if _, err := c.Write([]byte("{")); err != nil {
						return
					}
				}
			}
		})
		deaf := s.dial(t, "")
		for range 200 {
			_ = deaf.SetWriteDeadline(time.Now().Add(10 * time.Millisecond))
			if _, err := io.WriteString(deaf, head+"Content-Length: 26\r\n\r\n{\"query\":\"{ __typename }\"}"); err != nil {
				break
			}
		}
		conns = append(conns, c, deaf)
	}
	for range 20 {
		if code, body, err := officer.post(t.Context(), query("{ viewer { officer { ref } } }", nil)); err != nil || code != http.StatusOK {
			t.Errorf("an officer is answered %d %s %v", code, body, err)
		}
	}
	eventually(t, "waiting for the connections costs little", func() bool {
		before := s.processor(t)
		time.Sleep(time.Second)
		return s.processor(t)-before < most/2
	})
	close(stop)
	drips.Wait()
	for _, c := range conns {
		_ = c.Close()
	}
	eventually(t, "the server has let go of the connections", func() bool { return s.files(t) < idle+20 })
}

// heads sends heads that are too long, too many or wrong.
func heads(t *testing.T, s *server) {
	for name, text := range map[string]string{
		"a long header":              head + "X-A: " + strings.Repeat("a", 4<<20),
		"many headers":               head + many("X-A%d: a\r\n", 200_000),
		"a long target":              "GET /graphql?query=" + strings.Repeat("a", 4<<20) + " HTTP/1.1\r\nHost: x\r\n\r\n",
		"two lengths":                head + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n{}",
		"a length and chunks":        head + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"a length below zero":        head + "Content-Length: -1\r\n\r\n{}",
		"a length past all bounds":   head + "Content-Length: 99999999999999999999\r\n\r\n{}",
		"chunks of a gigabyte":       head + "Transfer-Encoding: chunked\r\n\r\n40000000\r\n{",
		"a chunk of no length":       head + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n{",
		"no HTTP":                    strings.Repeat("\x16\x03\x01\x00\xff", 10_000),
		"the preface of HTTP/2":      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + strings.Repeat("\x00\x00\x00\x04\x00\x00\x00\x00\x00", 10_000),
		"a body told to be deflated": head + "Content-Encoding: gzip\r\nContent-Length: 26\r\n\r\n{\"query\":\"{ __typename }\"}",
	} {
		before := s.processor(t)
		c := s.dial(t, text)
		_ = c.CloseWrite()
		_ = c.SetReadDeadline(time.Now().Add(90 * time.Second))
		answer, err := io.ReadAll(io.LimitReader(c, 1<<16))
		if ne, ok := err.(net.Error); ok && ne.Timeout() {
			t.Errorf("%s: the server keeps the connection", name)
		}
		if strings.HasPrefix(string(answer), "HTTP/1.1 2") || strings.HasPrefix(string(answer), "HTTP/1.1 5") && !strings.HasPrefix(string(answer), "HTTP/1.1 501") {
			t.Errorf("%s: is answered %.200s", name, answer)
		}
		if used := s.processor(t) - before; used > most {
			t.Errorf("%s: costs %s of processor time", name, used)
		}
	}
}

// files counts the files and connections that the server has open.
func (s *server) files(t *testing.T) int {
	t.Helper()
	d, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.cmd.Process.Pid))
	must(t, err)
	return len(d)
}
