package main

import (
	"context"
	"crypto"
	"crypto/x509"
	"database/sql"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit/notekey"
	"github.com/comity-platform/comity/client/importer"
	"github.com/comity-platform/comity/client/operations"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token/devlogin"
	"github.com/comity-platform/comity/crypto/token/tokentest"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/graph"
	"github.com/comity-platform/comity/storage"
	"github.com/comity-platform/comity/storage/sqlite"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"comity": main})
}

// TestScripts runs testdata/*.txtar, each against an exchange of its own. The
// commands of a script run as processes of their own.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Setup:               func(env *testscript.Env) error { return setup(t, env) },
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"pick": pick, "status": status, "mode": mode, "sequence": sequence, "big": big, "token": token, "tamper": tamper, "tamperlog": tamperlog, "witnesses": witnesses,
			"files": files, "bucket": bucket, "download": download, "upload": upload,
			"formerly": formerly, "await": await,
		},
	})
}

func setup(t *testing.T, env *testscript.Env) error {
	database := filepath.Join(env.WorkDir, "server", "comity.db")
	if err := os.MkdirAll(filepath.Dir(database), 0o700); err != nil {
		return err
	}
	w := exchangetest.NewWith(t, exchangetest.Options{DB: func(t testing.TB, now func() time.Time) storage.DB {
		db, err := sqlite.Open(context.Background(), database, sqlite.Options{Now: now})
		if err != nil {
			t.Fatal(err)
		}
		env.Defer(func() { db.Close() })
		return db
	}})
	server := httptest.NewUnstartedServer(nil)
	url := "http://" + server.Listener.Addr().String()
	h, err := graph.New(graph.Options{Exchange: w.Exchange, Verifier: w.Verifier, ExternalURL: url + "/graphql", Trusted: operations.All(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/", h)
	mux.Handle("/log/", w.LogFiles(url+"/log/"))
	server.Config.Handler = mux
	server.Start()
	ctx, end := context.WithCancel(context.Background())
	told := make(chan struct{})
	go func() { defer close(told); h.Run(ctx) }()
	done := make(chan struct{})
	go func() { defer close(done); w.Exchange.Effects(ctx) }()
	env.Defer(func() { end(); <-told; <-done; server.Close() })
	roots, err := w.Roots.Marshal()
	if err != nil {
		return err
	}
	own, err := statement.Roots{"KZ": w.Roots["KZ"]}.Marshal()
	if err != nil {
		return err
	}
	env.Values["world"], env.Values["test"], env.Values["database"] = w, t, database
	env.Setenv("COMITY_HOME", filepath.Join(env.WorkDir, "home"))
	env.Setenv("SERVER", url)
	for name, key := range map[string]string{"LOGKEY": w.LogKey, "OTHERKEY": tokentest.NewUnion(t).LogKey} {
		public, err := notekey.LogPublic(key)
		if err != nil {
			return err
		}
		env.Setenv(name, public)
	}
	env.Setenv("CATEGORY", string(tokentest.Category))
	return write(env.WorkDir, map[string][]byte{"roots.json": roots, "KZ-roots.json": own, "misp.json": importer.Sample("ransomware-misp.json"), "stix.json": importer.Sample("ransomware-stix.json"),
		"KZ.jws": []byte(w.Directory.JWS("KZ")), "KZ-next.jws": []byte(w.Next(t, "KZ", func(m *statement.Manifest) { m.Name = "Renamed" }) + "\n"),
		"AM.jws": []byte(w.Directory.JWS("AM"))})
}

func write(dir string, files map[string][]byte) error {
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// pick NAME PATH sets a variable to a member of the JSON on standard output, as
// in "pick CASE case.id" or "pick DISK 0.evidence".
func pick(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: pick NAME PATH")
	}
	var v any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &v))
	for _, p := range strings.Split(args[1], ".") {
		switch w := v.(type) {
		case map[string]any:
			v = w[p]
		case []any:
			i, err := strconv.Atoi(p)
			ts.Check(err)
			v = w[i]
		}
	}
	if v == nil {
		ts.Fatalf("%s is not there", args[1])
	}
	ts.Setenv(args[0], fmt.Sprint(v))
}

// status CODE COMMAND... wants a command to end with that exit code.
func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status CODE COMMAND...")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	if m := regexp.MustCompile(`exit status (\d+)`).FindStringSubmatch(fmt.Sprint(err)); err != nil && m != nil {
		got = m[1]
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if got != args[0] {
		ts.Fatalf("exit status %s, wanted %s", got, args[0])
	}
}

// mode PERMISSIONS FILE... wants files to have these permissions.
func mode(ts *testscript.TestScript, neg bool, args []string) {
	for _, name := range args[1:] {
		st, err := os.Stat(ts.MkAbs(name))
		ts.Check(err)
		if got := fmt.Sprintf("%04o", st.Mode().Perm()); (got == args[0]) == neg {
			ts.Fatalf("%s has mode %s", name, got)
		}
	}
}

// sequence gives every leaf of the record of acts its place.
func sequence(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Value("world").(*exchangetest.World).Prover.Publish(ts.Value("test").(*testing.T))
}

// formerly DAYS has officers do so many days ago what a report tells of and an erasure
// takes away: Kazakhstan's case is read by Armenia's investigator, who takes its
// exhibit six times and asks for too much once. CASE and NOTE name them.
func formerly(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: formerly DAYS")
	}
	days, err := strconv.Atoi(args[0])
	ts.Check(err)
	w, t, ago := ts.Value("world").(*exchangetest.World), ts.Value("test").(*testing.T), time.Duration(days)*24*time.Hour
	for _, s := range w.Directory.States() {
		w.Publish(t, s, func(m *statement.Manifest) { m.IssuedAt = m.IssuedAt.Add(-ago - time.Hour) })
	}
	w.Clock.Advance(-ago)
	defer w.Clock.Advance(ago)
	w.Mandate(t, "KZ")
	owner, liaison, foreign := w.As(t, "investigator@KZ"), w.As(t, "liaison@KZ"), w.As(t, "investigator@AM")
	id := owner.FileCase(t, "An old case", "AM")
	begun, key := owner.Begin(t, id, "note.txt", 4)
	note := owner.Finish(t, begun, key, []byte("note"))
	grant := liaison.GrantBody("AM", owner.Release(t, id, "AM", note), note)
	liaison.Do(t, liaison.MakeGrant(t, id, grant))
	for _, p := range []comity.Purpose{comity.PurposeInvestigation, comity.PurposeProsecution} {
		foreign.Read(t, func(r *exchange.Reader) error { _, err := r.Cases([]comity.ID{id}, p); return err })
	}
	for range 6 {
		foreign.Download(t, note, begun.Header, comity.PurposeInvestigation, grant.ID)
	}
	w.Prover.Publish(t)
	ts.Setenv("CASE", string(id))
	ts.Setenv("NOTE", string(note))
}

// await PATTERN COMMAND... runs a command until what it prints matches.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: await PATTERN COMMAND...")
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		ts.Check(ts.Exec(args[1], args[2:]...))
		if regexp.MustCompile(args[0]).MatchString(ts.ReadFile("stdout")) {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("in vain: %s", args[0])
		}
	}
}

// witnesses silent|speak STATE... has witnesses cosign nothing, or again.
func witnesses(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || args[0] != "silent" && args[0] != "speak" {
		ts.Fatalf("usage: witnesses silent|speak STATE...")
	}
	for _, s := range args[1:] {
		speak := ts.Value("world").(*exchangetest.World).Prover.Silence(ts.Value("test").(*testing.T), comity.State(s))
		if args[0] == "speak" {
			speak()
		}
	}
}

// tamper STATEMENT changes the database, as whoever keeps it can.
func tamper(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: tamper STATEMENT")
	}
	db, err := sql.Open("sqlite", ts.Value("database").(string)+"?_pragma=busy_timeout(10000)")
	ts.Check(err)
	defer db.Close()
	for _, trigger := range []string{"leaves_unchanged", "leaves_kept"} { // whoever keeps the database can
		_, err = db.Exec("DROP TRIGGER IF EXISTS " + trigger)
		ts.Check(err)
	}
	r, err := db.Exec(args[0])
	ts.Check(err)
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		ts.Fatalf("it changed nothing (%v)", err)
	}
}

// tamperlog DIR INDEX changes a leaf of a small log in a folder.
func tamperlog(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: tamperlog DIR INDEX")
	}
	names, err := filepath.Glob(filepath.Join(ts.MkAbs(args[0]), "tile", "entries", "000.p", "*"))
	ts.Check(err)
	i, err := strconv.Atoi(args[1])
	ts.Check(err)
	for _, name := range names {
		b, err := os.ReadFile(name)
		ts.Check(err)
		b[i*34+20] ^= 1
		ts.Check(os.WriteFile(name, b, 0o600))
	}
}

// big NAME SIZE makes a file.
func big(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * 7 >> 3)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b, 0o600))
}

// token OFFICER KEYFILE OUT gets a token for the session key of a login, as
// another identity provider would bind one to its thumbprint.
func token(ts *testscript.TestScript, _ bool, args []string) {
	w := ts.Value("world").(*exchangetest.World)
	block, _ := pem.Decode([]byte(ts.ReadFile(args[1])))
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	ts.Check(err)
	_, state, _ := strings.Cut(args[0], "@")
	tok, err := devlogin.Login(context.Background(), http.DefaultClient, w.Issuers[comity.State(state)].URL(), args[0], key.(crypto.Signer), time.Now())
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(tok+"\n"), 0o600))
}
