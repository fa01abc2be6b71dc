package client_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/crypto/envelope"
	"github.com/comity-platform/comity/crypto/statement"
)

// gets is whether a request fetches from a store.
func gets(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/store/")
}

// nothingLeft checks that a failed download left nothing behind.
func nothingLeft(t *testing.T, dir string) {
	t.Helper()
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v (%v)", left, err)
	}
}

// TestGetTampered has the exchange and the store lie in every way; the client
// takes none of it and leaves nothing behind.
func TestGetTampered(t *testing.T) {
	w := newWorld(t)
	owner := w.as(t, "investigator@KZ")
	of := w.file(t, owner).ID
	upload := func(n int) (*client.Exhibit, *client.Evidence) {
		path, _ := temp(t, "f.img", n)
		x, err := owner.PutEvidence(t.Context(), client.PutOptions{Case: of, Path: path})
		must(t, err)
		e, err := owner.Evidence(t.Context(), x.Evidence, "")
		must(t, err)
		return x, e
	}
	one, _ := upload(150_000)
	two, other := upload(150_001)

	// What a genuine opening of the other exhibit, by the same officer, answers.
	var elsewhere map[string]any
	m := &middle{}
	c := w.through(t, "investigator@KZ", m)
	m.on("EvidenceOpen", func(data map[string]any) { elsewhere = within(data, "evidenceOpen", "opened").(map[string]any) })
	fetch(t, c, two.Evidence, contentOf(150_001))
	// And an earlier one of the same exhibit, by another session.
	var earlier map[string]any
	before := w.through(t, "investigator@KZ", m)
	m.on("EvidenceOpen", func(data map[string]any) { earlier = within(data, "evidenceOpen", "opened").(map[string]any) })
	fetch(t, before, one.Evidence, contentOf(150_000))

	opened := func(change func(map[string]any)) func(*middle) {
		return func(m *middle) {
			m.on("EvidenceOpen", func(data map[string]any) { change(within(data, "evidenceOpen", "opened").(map[string]any)) })
		}
	}
	shown := func(change func(map[string]any)) func(*middle) {
		return func(m *middle) {
			m.on("Evidence", func(data map[string]any) { change(within(data, "node").(map[string]any)) })
		}
	}
	stored := func(change func([]byte, *http.Response) []byte) func(*middle) {
		return func(m *middle) {
			m.set(func(m *middle) {
				m.after = func(r *http.Request, answer *http.Response) (*http.Response, error) {
					if !gets(r) {
						return answer, nil
					}
					defer answer.Body.Close()
					b, err := io.ReadAll(answer.Body)
					if err != nil {
						return nil, err
					}
					answer.Body = io.NopCloser(bytes.NewReader(change(b, answer)))
					answer.ContentLength = -1
					return answer, nil
				}
			})
		}
	}
	flip := func(jws string) string {
		parts := strings.Split(jws, ".")
		b := []byte(parts[2])
		if b[5] == 'A' {
			b[5] = 'B'
		} else {
			b[5] = 'A'
		}
		parts[2] = string(b)
		return strings.Join(parts, ".")
	}
	for name, test := range map[string]struct {
		lie  func(*middle)
		says string
	}{
		"a sealed key with a broken signature": {opened(func(o map[string]any) { o["sealedKey"] = flip(o["sealedKey"].(string)) }), "the key of"},
		"the key of another exhibit":           {opened(func(o map[string]any) { o["sealedKey"] = elsewhere["sealedKey"] }), "the key of"},
		"a replayed release":                   {opened(func(o map[string]any) { o["sealedKey"] = earlier["sealedKey"] }), "answers another request"},
		"another exhibit altogether": {opened(func(o map[string]any) {
			for k, v := range elsewhere {
				o[k] = v
			}
		}), "the header of"},
		"the header of another exhibit at opening": {opened(func(o map[string]any) { o["header"] = elsewhere["header"] }), "the header of"},
		"the header of another exhibit":            {shown(func(n map[string]any) { n["header"] = other.Header }), "the header of"},
		"no header":                                {shown(func(n map[string]any) { n["header"] = "AAAA" }), "the header of"},
		"another root":                             {opened(func(o map[string]any) { o["root"] = elsewhere["root"] }), "differs from what the custodian"},
		"another plaintext hash":                   {opened(func(o map[string]any) { o["plainSha256"] = elsewhere["plainSha256"] }), "differs from what the custodian"},
		"another version":                          {opened(func(o map[string]any) { o["version"] = "other" }), "differs from what the custodian"},
		"another size":                             {opened(func(o map[string]any) { o["size"] = 12 }), "differs from what the custodian"},
		"other parts":                              {opened(func(o map[string]any) { o["parts"] = elsewhere["parts"] }), "the list of parts"},
		"no parts":                                 {opened(func(o map[string]any) { o["parts"] = []any{} }), "the list of parts"},
		"an altered part digest": {opened(func(o map[string]any) {
			put(o, strings.Repeat("00", 32), "parts", 0, "sha256")
		}), "the list of parts"},
		"no address":           {opened(func(o map[string]any) { o["get"] = nil }), "was shown as complete"},
		"an address elsewhere": {opened(func(o map[string]any) { put(o, "http://203.0.113.7/store/KZ/x", "get", "url") }), "Article 13"},
		"an address of another scheme": {opened(func(o map[string]any) {
			put(o, strings.Replace(within(o, "get", "url").(string), "http:", "https:", 1), "get", "url")
		}), "Article 13"},
		"a PUT to fetch with":     {opened(func(o map[string]any) { put(o, "PUT", "get", "method") }), "the method"},
		"the receipt of another":  {shown(func(n map[string]any) { n["receipt"] = other.Receipt }), "the receipt of"},
		"a broken receipt":        {shown(func(n map[string]any) { n["receipt"] = flip(n["receipt"].(string)) }), "the receipt of"},
		"no receipt":              {shown(func(n map[string]any) { n["receipt"] = nil }), "the receipt of"},
		"another exhibit's bytes": {opened(func(o map[string]any) { o["get"] = elsewhere["get"] }), "part 1"},
		"a flipped byte":          {stored(func(b []byte, _ *http.Response) []byte { b[70_000] ^= 1; return b }), "part 1"},
		"a truncated download":    {stored(func(b []byte, _ *http.Response) []byte { return b[:len(b)-1] }), "part 1"},
		"cut at a package":        {stored(func(b []byte, _ *http.Response) []byte { return b[:envelope.PackageSize+32] }), "part 1"},
		"an overlong download":    {stored(func(b []byte, _ *http.Response) []byte { return append(b, 'x') }), "part 1"},
		"an empty download":       {stored(func(b []byte, _ *http.Response) []byte { return nil }), "part 1"},
		"another range": {stored(func(b []byte, a *http.Response) []byte {
			a.Header.Set("Content-Range", "bytes 0-9/10")
			return b
		}), "another range"},
	} {
		t.Run(name, func(t *testing.T) {
			m := &middle{}
			c := w.through(t, "investigator@KZ", m)
			test.lie(m)
			dir := t.TempDir()
			_, err := c.GetEvidence(t.Context(), client.GetOptions{Evidence: one.Evidence, Purpose: comity.PurposeInvestigation, Dest: dir})
			wantUnverified(t, err, test.says)
			nothingLeft(t, dir)
		})
	}
}

// TestGetInsider has somebody who holds the exhibit's key deceive its reader:
// other ciphertext under the same key than the receipt lists, and a receipt that
// was declared over another plaintext.
func TestGetInsider(t *testing.T) {
	w := newWorld(t)
	insider := w.As(t, "investigator@KZ")
	of := insider.FileCase(t, "A case", "AM")
	m := &middle{}
	c := w.through(t, "investigator@KZ", m)
	get := func(e comity.ID, says string) {
		t.Helper()
		dir := t.TempDir()
		_, err := c.GetEvidence(t.Context(), client.GetOptions{Evidence: e, Purpose: comity.PurposeInvestigation, Dest: dir})
		wantUnverified(t, err, says)
		nothingLeft(t, dir)
	}
	plain := contentOf(100_000)

	begun, key := insider.Begin(t, of, "f", int64(len(plain)))
	insider.Finish(t, begun, key, plain)
	h, err := envelope.ParseHeader(begun.Header)
	must(t, err)
	other, _, err := envelope.SealPartBuffer(nil, key, h, 0, true, bytes.NewReader(contentOf(100_001)[:100_000]))
	must(t, err)
	m.set(func(m *middle) {
		m.after = func(r *http.Request, answer *http.Response) (*http.Response, error) {
			if gets(r) {
				answer.Body.Close()
				answer.Body = io.NopCloser(bytes.NewReader(other))
			}
			return answer, nil
		}
	})
	get(begun.ID, "ciphertext is not the one")
	m.set(func(m *middle) { m.after = nil })

	begun, key = insider.Begin(t, of, "f", int64(len(plain)))
	h, err = envelope.ParseHeader(begun.Header)
	must(t, err)
	complete := insider.Put(t, begun, key, plain)
	item := &complete.Items[0]
	item.PlainSHA256 = sha256.Sum256([]byte("something else"))
	item.Act = insider.Sign(t, statement.Act{Act: statement.ActEvidenceComplete, Record: begun.ID}, statement.Completed(h, item.BeginHash,
		[]envelope.SealedPart{{CipherSize: item.Parts[0].Size, CipherSHA256: item.Parts[0].SHA256, Nonce: item.Parts[0].Nonce}}, item.PlainSHA256))
	insider.Do(t, complete)
	get(begun.ID, "its plaintext has the SHA-256")
}

// TestGetOtherState: a custodian of another state, though of the union, speaks
// for no exhibit but its own.
func TestGetOtherState(t *testing.T) {
	w := newWorld(t)
	m := &middle{}
	c := w.through(t, "investigator@KZ", m)
	of := w.file(t, c).ID
	path, _ := temp(t, "f", 100)
	x, err := c.PutEvidence(t.Context(), client.PutOptions{Case: of, Path: path})
	must(t, err)
	// The server says that the header is that of an Armenian exhibit of the
	// same ids, under a key that Armenia's custodian would sign for.
	m.on("Evidence", func(data map[string]any) {
		h, err := envelope.NewHeader("AM", string(x.Case), string(x.Evidence), 100, 0)
		must(t, err)
		b, err := h.MarshalBinary()
		must(t, err)
		put(data, b, "node", "header")
	})
	dir := t.TempDir()
	if _, err := c.GetEvidence(t.Context(), client.GetOptions{Evidence: x.Evidence, Purpose: comity.PurposeInvestigation, Dest: dir}); err == nil {
		t.Fatal("an exhibit was opened under another state's header")
	}
	nothingLeft(t, dir)
}

// TestGetLine breaks the line once within each try that is left to mend it.
func TestGetLine(t *testing.T) {
	w := newWorld(t)
	m := &middle{}
	c := w.through(t, "investigator@KZ", m)
	of := w.file(t, c).ID
	path, content := temp(t, "f", 200_000)
	x, err := c.PutEvidence(t.Context(), client.PutOptions{Case: of, Path: path})
	must(t, err)
	n := 0
	m.set(func(m *middle) {
		m.after = func(r *http.Request, answer *http.Response) (*http.Response, error) {
			if !gets(r) {
				return answer, nil
			}
			switch n++; n {
			case 1:
				answer.Body.Close()
				return nil, errors.New("reset")
			case 2:
				answer.Body.Close()
				return status(http.StatusForbidden), nil
			case 3:
				answer.Body = io.NopCloser(io.MultiReader(io.LimitReader(answer.Body, 1000), failing{}))
			case 4:
				answer.Body = io.NopCloser(io.LimitReader(answer.Body, 70_000))
			}
			return answer, nil
		}
	})
	var last client.Progress
	got, err := c.GetEvidence(t.Context(), client.GetOptions{Evidence: x.Evidence, Purpose: comity.PurposeInvestigation, Dest: t.TempDir(), Progress: func(p client.Progress) { last = p }})
	must(t, err)
	if b, err := os.ReadFile(got.Path); err != nil || !bytes.Equal(b, content) || last.Done != int64(len(content)) {
		t.Fatalf("after a broken line the file differs (%v), progress %+v", err, last)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("connection reset by peer") }

// TestGetExpired: a URL that is about to expire is not used; the exhibit is
// opened anew.
func TestGetExpired(t *testing.T) {
	w := newWorld(t)
	m := &middle{}
	c := w.through(t, "investigator@KZ", m)
	of := w.file(t, c).ID
	path, content := temp(t, "f", 1000)
	x, err := c.PutEvidence(t.Context(), client.PutOptions{Case: of, Path: path})
	must(t, err)
	n := 0
	m.on("EvidenceOpen", func(data map[string]any) {
		if n++; n == 1 {
			put(data, time.Now().Add(time.Second).UTC().Format(time.RFC3339), "evidenceOpen", "opened", "get", "expires")
		}
	})
	fetch(t, c, x.Evidence, content)
	if n != 2 {
		t.Fatalf("the exhibit was opened %d times", n)
	}
}

// TestGetDestination: nothing is overwritten, and no name that another state
// chose leads anywhere.
func TestGetDestination(t *testing.T) {
	w := newWorld(t)
	c := w.as(t, "investigator@KZ")
	of := w.file(t, c).ID
	path, content := temp(t, "f", 1000)
	x, err := c.PutEvidence(t.Context(), client.PutOptions{Case: of, Path: path, Name: "../../etc/.cron:x"})
	must(t, err)
	dir := t.TempDir()
	get := func(dest string) error {
		_, err := c.GetEvidence(t.Context(), client.GetOptions{Evidence: x.Evidence, Purpose: comity.PurposeInvestigation, Dest: dest})
		return err
	}
	must(t, get(dir))
	left, err := os.ReadDir(dir)
	must(t, err)
	if len(left) != 1 || left[0].Name() != "cron_x" {
		t.Fatalf("the file is %v", left)
	}
	st, err := os.Stat(filepath.Join(dir, left[0].Name()))
	must(t, err)
	if st.Mode().Perm() != 0o600 {
		t.Errorf("the plaintext can be read by others: %v", st.Mode())
	}
	want(t, get(filepath.Join(dir, left[0].Name())), comity.CodeInvalid, 0)
	want(t, get(dir), comity.CodeInvalid, 0)
	if b, err := os.ReadFile(filepath.Join(dir, left[0].Name())); err != nil || !bytes.Equal(b, content) {
		t.Fatal("the first file was touched")
	}
	if err := get(filepath.Join(dir, "absent", "f")); err == nil {
		t.Fatal("a directory was made")
	}
	if os.Geteuid() != 0 {
		locked := t.TempDir()
		must(t, os.Chmod(locked, 0o500))
		want(t, get(filepath.Join(locked, "f")), comity.CodeInvalid, 0)
	}
}

// TestGetFull runs out of room on a disk of 1 MiB.
func TestGetFull(t *testing.T) {
	w := newWorld(t)
	c := w.as(t, "investigator@KZ")
	of := w.file(t, c).ID
	path, content := temp(t, "f", 3<<20)
	x, err := c.PutEvidence(t.Context(), client.PutOptions{Case: of, Path: path})
	must(t, err)
	dir := smallDisk(t)
	_, err = c.GetEvidence(t.Context(), client.GetOptions{Evidence: x.Evidence, Purpose: comity.PurposeInvestigation, Dest: filepath.Join(dir, "f")})
	e := told(t, err, comity.CodeLimit, 0)
	if !strings.Contains(e.Message, fmt.Sprint(len(content))) || e.Cure == "" {
		t.Errorf("the error is %+v", e)
	}
	nothingLeft(t, dir)
}

func TestSafeName(t *testing.T) {
	const fallback = comity.ID("evidence1_x")
	for name, want := range map[string]string{
		"disk.img": "disk.img", "../../etc/passwd": "passwd", `..\..\boot.ini`: "boot.ini", ".bashrc": "bashrc", "..": string(fallback),
		"": string(fallback), "/": string(fallback), "a\x00b\nc": "a_b_c", "снимок диска.img": "снимок диска.img", "a\u202egnp.exe": "a_gnp.exe",
		strings.Repeat("д", 300): strings.Repeat("д", 100),
	} {
		if got := client.SafeName(name, fallback); got != want {
			t.Errorf("%q becomes %q, wanted %q", name, got, want)
		}
	}
}

func FuzzSafeName(f *testing.F) {
	for _, s := range []string{"disk.img", "../x", `..\x`, "\x1b]0;x\x07", ".. ..", strings.Repeat("ü", 200), "\xff/\xfe"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := client.SafeName(s, "evidence1_x")
		if got == "" || got == "." || got == ".." || len(got) > 200 || strings.ContainsAny(got, "/\\\x00") || got[0] == '.' || filepath.Base(got) != got {
			t.Fatalf("%q becomes %q", s, got)
		}
	})
}
