package demo

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/cmd/comityd/service"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/envelope"
	"github.com/comity-platform/comity/storage"
)

// needles are what must be found nowhere, in every form that it could take.
type needles struct {
	name map[string]string // of the thing, by form
	all  [][]byte
}

// add adds a thing as it is, in hex, and in base64 at each of the three places
// that it could begin at within a longer text.
func (n *needles) add(name string, thing []byte) {
	forms := []string{string(thing), hex.EncodeToString(thing), strings.ToUpper(hex.EncodeToString(thing))}
	for shift := range 3 {
		padded := append(bytes.Repeat([]byte{0}, shift), thing...)
		for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			text := e.EncodeToString(padded)
			if lo, hi := (shift*8+5)/6, len(padded)*8/6; hi-lo >= 8 {
				forms = append(forms, text[lo:hi])
			}
		}
	}
	if n.name == nil {
		n.name = map[string]string{}
	}
	for _, f := range forms {
		if n.name[f] == "" {
			n.name[f] = name
			n.all = append(n.all, []byte(f))
		}
	}
}

// search looks for the needles in a stream, across its blocks.
func (n *needles) search(t *testing.T, where string, r io.Reader) {
	t.Helper()
	const block, overlap = 4 << 20, 8 << 10 // no needle is longer than the overlap
	buf := make([]byte, 0, block+overlap)
	for {
		k, err := io.ReadFull(r, buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+k]
		for _, needle := range n.all {
			if bytes.Contains(buf, needle) {
				t.Errorf("%s holds %s", where, n.name[string(needle)])
			}
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return
		}
		must(t, err)
		keep := min(len(buf), overlap)
		buf = append(buf[:0], buf[len(buf)-keep:]...)
	}
}

// TestSearchFinds: the search itself must be able to fail.
func TestSearchFinds(t *testing.T) {
	secret := []byte("a planted secret of some length")
	var n needles
	n.add("the secret", secret)
	for name, text := range map[string]string{
		"plain": "xx" + string(secret), "hex": hex.EncodeToString(secret), "base64": base64.StdEncoding.EncodeToString(append([]byte("{"), secret...)),
		"base64url": base64.URLEncoding.EncodeToString(append([]byte(`{"`), secret...)), "across blocks": strings.Repeat("x", 4<<20+8<<10-5) + string(secret),
	} {
		found := &testing.T{}
		n.search(found, name, strings.NewReader(text))
		if !found.Failed() {
			t.Errorf("%s: not found", name)
		}
	}
}

// planted is what the story knows and nobody who runs the exchange may find:
// the words of the case and the request, the exhibits' bytes and names, the
// officers' tokens, and the keys, which the state's custodian unwraps for us.
func (w *world) planted(t *testing.T, s *story) *needles {
	t.Helper()
	n := &needles{}
	for name, text := range map[string]string{
		"the case's title": "Ransomware at a bank in Almaty", "the case's summary": "a ransom is demanded in cryptocurrency",
		"the file number": "KZ-2026-0417", "an observable": s.wallet, "the request's facts": "A company in Yerevan paid a ransom", "the request's title": "A wallet seen in an extortion",
		"the asking side's reference": "AM-2026-88", "a message": "The wallet is known here.", "the feedback": "two arrests in Yerevan",
		"an exhibit's name": "server-disk.img", "another exhibit's name": "ransom-note.txt", "an exhibit's bytes": "YOUR FILES ARE LOCKED", "the disk image's bytes": "SEIZED-01",
	} {
		n.add(name, []byte(text))
	}
	for name, o := range s.officers {
		_, token := o.Session()
		n.add("the token of "+name, []byte(token))
		n.add("the signature of the token of "+name, []byte(token[strings.LastIndexByte(token, '.')+1:]))
	}
	parts, err := service.Open(t.Context(), w.cfg)
	must(t, err)
	defer func() { must(t, parts.Close(t.Context())) }()
	keys, done, err := w.cfg.States["KZ"].Custodian.Keys(t.Context())
	must(t, err)
	defer func() { must(t, done(t.Context())) }()
	var exhibits map[comity.ID]storage.Evidence
	var wrapped map[comity.ID]map[comity.State]string
	must(t, parts.DB.Read(storage.AsSystem(t.Context()), func(tx storage.ReadTx) (err error) {
		if exhibits, err = tx.EvidenceByID([]comity.ID{s.disk.Evidence, s.letter.Evidence}); err == nil {
			wrapped, err = tx.RecordKeys([]comity.ID{s.filed, s.request})
		}
		return err
	}))
	if len(exhibits) != 2 || len(wrapped[s.filed]) != 1 || len(wrapped[s.request]) != 2 {
		t.Fatalf("the database gives %d exhibits and the record keys %v", len(exhibits), wrapped)
	}
	for id, e := range exhibits {
		h, err := envelope.ParseHeader(e.Header)
		must(t, err)
		hash := h.Hash()
		dek, err := keys.Unwrap(t.Context(), custodian.KeyName(s.filed), sha256.Sum256(append([]byte("comity/evidence/v1"), hash[:]...)), e.WrappedKey)
		must(t, err)
		n.add("the key of "+string(id), dek)
	}
	for record, byState := range wrapped {
		for state, w := range byState {
			key, err := parts.States[state].Custodian.RecordKey(t.Context(), record, w)
			must(t, err)
			n.add("the record key of "+string(record)+" that "+string(state)+" keeps", key[:])
		}
	}
	return n
}

// checkNothingLeaks searches every file below the folders, and the database's dump.
func (w *world) checkNothingLeaks(t *testing.T, s *story, dirs ...string) {
	t.Helper()
	n := w.planted(t, s)
	files, size := 0, int64(0)
	for _, dir := range dirs {
		must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) || err == nil && !d.Type().IsRegular() { // servers clean up while we look
				return nil
			}
			if err != nil {
				return err
			}
			f, err := os.Open(path)
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil {
				return err
			}
			defer f.Close()
			info, err := f.Stat()
			if err != nil {
				return err
			}
			files, size = files+1, size+info.Size()
			n.search(t, path, f)
			return nil
		}))
	}
	if size < smallestImage {
		t.Errorf("only %d bytes in %d files were searched: the exhibits' ciphertext is not among them", size, files)
	}
	t.Logf("searched %d files, %d MB, for %d forms of what was planted", files, size>>20, len(n.all))
	w.checkLog(t)
	if w.real == nil {
		return
	}
	dsn, err := service.ReadDSN(w.cfg.PostgresDSNFile)
	must(t, err)
	dump, err := w.real.Postgres.Dump(t.Context(), dsn[strings.LastIndexByte(dsn, '/')+1:strings.IndexByte(dsn, '?')])
	must(t, err)
	if !bytes.Contains(dump, []byte(s.filed)) {
		t.Error("the dump lacks the case")
	}
	n.search(t, "the database's dump", bytes.NewReader(dump))
}

var signed = regexp.MustCompile(`(?i)[?&][a-z-]*signature=.{0,8}|eyJ[A-Za-z0-9_-]{8}`)

// checkLog searches the server's log for the server's own secrets.
func (w *world) checkLog(t *testing.T) {
	t.Helper()
	raw, err := os.ReadFile(w.log)
	must(t, err)
	if !bytes.Contains(raw, []byte(`"path":"/graphql"`)) {
		t.Error("the log lacks the requests")
	}
	// Signed URLs, of either store; any JWS or JWE.
	if found := signed.Find(raw); found != nil {
		t.Errorf("the log holds a signed URL or a token: %s", found)
	}
	n := &needles{}
	for _, st := range w.cfg.States {
		if st.Custodian.Vault == nil {
			continue
		}
		secret, err := os.ReadFile(st.Custodian.Vault.SecretIDFile)
		must(t, err)
		n.add("a Vault secret id", bytes.TrimSpace(secret))
		var cred struct{ AccessKey, SecretKey string }
		s3, err := os.ReadFile(st.Store.S3.CredentialsFile)
		must(t, err)
		must(t, json.Unmarshal(s3, &cred))
		n.add("an S3 secret", []byte(cred.SecretKey))
	}
	key, err := os.ReadFile(w.cfg.CursorKeyFile)
	must(t, err)
	n.add("the cursor key", bytes.TrimSpace(key))
	n.search(t, "the server's log", bytes.NewReader(raw))
}

// checkVaultAudit: Vault's own audit device shows what the custodians did, each
// with the login of its own state and no other, and that the exchange signed with
// the log's key and did nothing else.
func (w *world) checkVaultAudit(t *testing.T) {
	t.Helper()
	f, err := os.Open(w.real.Vault.AuditFile)
	must(t, err)
	defer f.Close()
	seen := map[string]bool{}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		var e struct {
			Type string
			Auth struct {
				Policies []string
			}
			Request struct{ Path, Operation string }
		}
		must(t, json.Unmarshal(lines.Bytes(), &e))
		mount, rest, _ := strings.Cut(e.Request.Path, "/")
		if !strings.HasPrefix(mount, "comity-") || len(e.Auth.Policies) != 1 || e.Auth.Policies[0] == "root" {
			continue
		}
		policy := mount + "-custodian"
		if mount == "comity-exchange" {
			policy = mount + "-record"
		}
		if e.Auth.Policies[0] != policy {
			t.Errorf("%s was reached with the policy %s", e.Request.Path, e.Auth.Policies[0])
		}
		for _, what := range []string{"cases/keys/", "cases/datakey/plaintext/", "cases/decrypt/", "statements/sign/", "register/data/grant/", "record/sign/log"} {
			if strings.HasPrefix(rest, what) {
				seen[mount+" "+what] = true
			}
		}
	}
	must(t, lines.Err())
	for _, want := range []string{"comity-kz cases/keys/", "comity-kz cases/datakey/plaintext/", "comity-kz cases/decrypt/", "comity-kz statements/sign/", "comity-kz register/data/grant/",
		"comity-am cases/keys/", "comity-exchange record/sign/log"} {
		if !seen[want] {
			t.Errorf("the audit device does not show %s", want)
		}
	}
}

// checkMinIO: the exhibits lie in Kazakhstan's bucket, locked, and nowhere else.
func (w *world) checkMinIO(t *testing.T, s *story) {
	t.Helper()
	c, err := w.real.MinIO.Client()
	must(t, err)
	n := w.planted(t, s)
	for state := range w.cfg.States {
		objects := 0
		bucket := w.cfg.States[state].Store.S3.Bucket
		for o := range c.ListObjects(t.Context(), bucket, minio.ListObjectsOptions{Recursive: true, WithVersions: true}) {
			must(t, o.Err)
			objects++
			r, err := c.GetObject(t.Context(), bucket, o.Key, minio.GetObjectOptions{VersionID: o.VersionID})
			must(t, err)
			n.search(t, bucket+"/"+o.Key, r)
			must(t, r.Close())
			mode, until, err := c.GetObjectRetention(t.Context(), bucket, o.Key, o.VersionID)
			if err != nil || mode == nil || *mode != minio.Compliance || until == nil {
				t.Errorf("%s/%s is not locked: %v", bucket, o.Key, err)
			}
		}
		if want := map[comity.State]int{"KZ": 2}[state]; objects != want {
			t.Errorf("%s holds %d objects, want %d", bucket, objects, want)
		}
	}
}
