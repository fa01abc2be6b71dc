package witness_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	cosignature "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"

	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/audit/notekey"
	"github.com/comity-platform/comity/audit/witness"
)

// TestProtocol: statuses, types and bodies as C2SP tlog-witness has them.
func TestProtocol(t *testing.T) {
	w := newWorld(t)
	var seen []int
	server := httptest.NewServer(w.witness.Handler(func(status int) { seen = append(seen, status) }))
	defer server.Close()
	w.grow(20)
	ask := func(body []byte) (int, string, string) {
		res, err := http.Post(server.URL+"/add-checkpoint", "text/plain", bytes.NewReader(body))
		must(t, err)
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		must(t, err)
		return res.StatusCode, res.Header.Get("Content-Type"), string(b)
	}
	first := witness.Request{Signed: w.signed(10)}
	code, _, body := ask(first.Body())
	if code != 200 || !strings.HasPrefix(body, "— comity/witness/union.test/KZ ") || strings.Count(body, "\n") != 1 || !strings.HasSuffix(body, "\n") {
		t.Errorf("a cosignature is %d %q", code, body)
	}
	// The library of the field takes the line.
	verifier, err := cosignature.NewVerifierForCosignatureV1(w.key.Public())
	must(t, err)
	if _, err := note.Open(append(bytes.Clone(first.Signed), body...), note.VerifierList(verifier)); err != nil {
		t.Error(err)
	}
	code, kind, body := ask(witness.Request{Signed: w.signed(20)}.Body())
	if code != 409 || kind != "text/x.tlog.size" || body != "10\n" {
		t.Errorf("a conflict is %d %s %q", code, kind, body)
	}
	for name, c := range map[string]struct {
		body   string
		status int
	}{
		"nothing":         {"", 400},
		"no old":          {"10\n\n" + string(first.Signed), 400},
		"a leading zero":  {"old 010\n\n" + string(first.Signed), 400},
		"below zero":      {"old -1\n\n" + string(first.Signed), 400},
		"no number":       {"old ten\n\n" + string(first.Signed), 400},
		"too great":       {"old 9223372036854775807\n\n" + string(first.Signed), 400},
		"no hash":         {"old 10\nabc\n\n" + string(first.Signed), 400},
		"no checkpoint":   {"old 10\n\n", 400},
		"no note":         {"old 10\n\n" + origin + "\n10\n", 400},
		"too many hashes": {"old 10\n" + strings.Repeat("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", 64) + "\n" + string(first.Signed), 400},
		"too long":        {"old 10\n\n" + strings.Repeat("x", 300<<10), 413},
	} {
		if code, _, body := ask([]byte(c.body)); code != c.status || strings.TrimSpace(body) == "" {
			t.Errorf("%s: %d %q, wanted %d", name, code, body, c.status)
		}
	}
	if w.size(t) != 10 {
		t.Errorf("it stands at %d", w.size(t))
	}
	if !slices.Contains(seen, 200) || !slices.Contains(seen, 409) || !slices.Contains(seen, 400) {
		t.Errorf("seen are %v", seen)
	}
	for _, path := range []string{"/", "/add-checkpoint/", "/checkpoint"} {
		res, err := http.Post(server.URL+path, "text/plain", bytes.NewReader(first.Body()))
		must(t, err)
		must(t, res.Body.Close())
		if res.StatusCode != 404 {
			t.Errorf("POST %s is %d", path, res.StatusCode)
		}
	}
	res, err := http.Get(server.URL + "/add-checkpoint")
	must(t, err)
	must(t, res.Body.Close())
	if res.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("GET is %d", res.StatusCode)
	}
}

// TestHostileWitness: whatever a witness answers, nothing comes of it but a
// cosignature of its key, a size, or an error.
func TestHostileWitness(t *testing.T) {
	w := newWorld(t)
	w.grow(10)
	signed := w.signed(10)
	own, err := note.Sign(&note.Note{Text: w.checkpoint(10).String()}, w.key)
	must(t, err)
	_, line, _ := strings.Cut(string(own), "\n\n")
	other, err := note.Sign(&note.Note{Text: w.checkpoint(9).String()}, w.key)
	must(t, err)
	_, of9, _ := strings.Cut(string(other), "\n\n")
	skey, err := notekey.New(w.key.Name())
	must(t, err)
	stranger, err := notekey.NewCosigner(skey, time.Now)
	must(t, err)
	by, err := note.Sign(&note.Note{Text: w.checkpoint(10).String()}, stranger)
	must(t, err)
	_, foreign, _ := strings.Cut(string(by), "\n\n")

	answer := func(status int, kind, body string) http.HandlerFunc {
		return func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Content-Type", kind)
			rw.WriteHeader(status)
			_, _ = io.WriteString(rw, body)
		}
	}
	const size = "text/x.tlog.size"
	elsewhere := http.NewServeMux()
	elsewhere.Handle("/add-checkpoint", http.RedirectHandler("/elsewhere", http.StatusTemporaryRedirect))
	elsewhere.Handle("/elsewhere", answer(200, "", line))
	for name, h := range map[string]http.Handler{
		"nothing":                 answer(200, "", ""),
		"garbage":                 answer(200, "", "\x00\xff\n\n— x\n"),
		"another's key":           answer(200, "", foreign),
		"for another tree":        answer(200, "", of9),
		"cut short":               answer(200, "", line[:len(line)/2]),
		"without an end":          answer(200, "", strings.TrimSuffix(line, "\n")),
		"a line that breaks it":   answer(200, "", line+"— "+w.key.Name()+" AAAA\n"),
		"another text":            answer(200, "", "more\n\n"+line),
		"huge":                    answer(200, "", line+"— another "+strings.Repeat("AAAA", 16<<10)+"\n"),
		"a conflict without size": answer(409, size, ""),
		"a conflict of garbage":   answer(409, size, "many\n"),
		"a conflict beyond size":  answer(409, size, "9223372036854775807\n"),
		"a conflict below zero":   answer(409, size, "-4\n"),
		"a conflict of no type":   answer(409, "text/plain", "4\n"),
		"a conflict where it is":  answer(409, size, "0\n"),
		"a conflict twice":        answer(409, size, "4\n5\n"),
		"an error":                answer(500, "", "x"),
		"no content":              answer(204, "", ""),
		"elsewhere":               elsewhere,
		"an answer that breaks":   http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }),
		"huge headers":            http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { rw.Header().Set("X", strings.Repeat("x", 1<<20)) }),
		"a length that it is not": http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Content-Length", "9999")
			_, _ = io.WriteString(rw, line)
		}),
	} {
		lines, err := clientOf(t, h, w.key.Verifier()).Cosign(t.Context(), 0, nil, signed)
		if err == nil {
			t.Errorf("%s: taken as %q", name, lines)
		} else if c, _ := errors.AsType[*audit.Conflict](err); c != nil {
			t.Errorf("%s: taken as a conflict of %d", name, c.Size)
		} else if len(err.Error()) > 2000 {
			t.Errorf("%s: the error is %d bytes long", name, len(err.Error()))
		}
	}
	// What is its own counts, beside what is not.
	lines, err := clientOf(t, answer(200, "", foreign+line), w.key.Verifier()).Cosign(t.Context(), 0, nil, signed)
	must(t, err)
	if string(lines) != line {
		t.Errorf("taken are %q, wanted the one line of its key", lines)
	}
	_, err = clientOf(t, answer(409, size, "4\n"), w.key.Verifier()).Cosign(t.Context(), 0, nil, signed)
	if c, _ := errors.AsType[*audit.Conflict](err); c == nil || c.Size != 4 {
		t.Errorf("a conflict is %v", err)
	}
}

// TestSilentWitness: one that does not answer is waited for no longer than the asker does.
func TestSilentWitness(t *testing.T) {
	w := newWorld(t)
	w.grow(1)
	asked := make(chan struct{}, 1)
	silent := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		asked <- struct{}{}
		<-r.Context().Done()
	})
	client := clientOf(t, silent, w.key.Verifier())
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	if _, err := client.Cosign(ctx, 0, nil, w.signed(1)); !errors.Is(err, context.Canceled) {
		t.Errorf("it ends with %v", err)
	}
	gone := httptest.NewServer(nil)
	gone.Close()
	if _, err := witness.NewClient("KZ", gone.URL, nil, nil).Cosign(t.Context(), 0, nil, w.signed(1)); err == nil || !strings.Contains(err.Error(), "the witness KZ does not answer") {
		t.Errorf("one that is away: %v", err)
	}
}

// FuzzRequest: what is taken for a request is written again as it was, and a
// witness answers everything with a status of the protocol.
func FuzzRequest(f *testing.F) {
	w := newWorld(f)
	w.grow(8)
	for _, r := range []witness.Request{{Signed: w.signed(4)}, {Old: 4, Proof: w.proof(4, 8), Signed: w.signed(8)}, {Old: 8, Signed: w.signed(8)}} {
		f.Add(r.Body())
	}
	f.Add([]byte("old 0\n\n"))
	f.Add(fmt.Appendf(nil, "old 1\nAAAA\n\n%s", w.signed(1)))
	h := w.witness.Handler(nil)
	f.Fuzz(func(t *testing.T, body []byte) {
		if r, err := witness.ParseRequest(body); err == nil && !bytes.Equal(r.Body(), body) {
			t.Fatalf("%q is written again as %q", body, r.Body())
		}
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, httptest.NewRequest(http.MethodPost, "/add-checkpoint", bytes.NewReader(body)))
		if !slices.Contains([]int{200, 400, 403, 404, 409, 413, 422}, rec.Code) {
			t.Fatalf("%q is answered %d %s", body, rec.Code, rec.Body)
		}
	})
}
