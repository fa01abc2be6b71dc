package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit/notekey"
	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/crypto/statement"
)

type logVerifyCmd struct {
	File string   `arg:"" optional:"" help:"A proof as comity log prove writes it; - reads standard input. Without it, the log is verified." type:"path"`
	URL  string   `name:"url" help:"Verify the log in the folder at this URL, without openings." placeholder:"URL"`
	Dir  string   `help:"Verify the log in this folder, without openings." type:"path" placeholder:"DIR"`
	Key  []string `help:"Of a log at --url or --dir: a key that signs it, as its manifests name it. Repeatable. Without any, a state's manifest says whose signature and cosignatures count." placeholder:"VKEY"`
	believed
	State      comity.State `help:"Of a log at --url or --dir: whose manifest; without it, that of the login's state." placeholder:"CODE"`
	TrustState comity.State `help:"Of a FILE: take the word of this state alone, and ask for no other's." placeholder:"CODE"`
	Seen       string       `help:"Of a log at --url or --dir: remember the leaves in this file, and hold the log against what was seen before." type:"path" placeholder:"FILE"`
	Head       []string     `help:"A head that another reader was shown, as SIZE:ROOT: the log must pass through it. Repeatable." placeholder:"SIZE:ROOT"`
}

// Help says what is verified and what is not, and shows examples.
func (logVerifyCmd) Help() string {
	return `Of the exchange logged in to: reads every leaf, every tile and every opening of the own state, and checks that the
checkpoint is signed and cosigned as the own state's manifest says, that every hash of the tree is what the leaves
hash to, and that each opening is one of the leaf at its index or was erased as another leaf says. This login
remembers the leaves: when the exchange goes back, shows another leaf where one was seen, or keeps back an opening
that it showed before, the first index that differs is named and the exit code is 9.

--url and --dir verify the files of a log anywhere (C2SP tlog-tiles, as comity log copy makes them), --dir without
the network. By a state's manifest as many others' witnesses count as it asks for: give the manifests of all, since
one that is missing lowers no number.

A FILE is the proof of one leaf, verified without the network by the states' root keys. No single state's word is
taken for it, since a state could make a log and cosign it by itself: more than half of the states whose roots are
pinned must name the log's key in the manifests that the file brings, and their witnesses must have cosigned.
--trust-state takes one state's word alone.

What no reader can see alone: that no opening was kept back since before the first look. Compare what the own
officers did with comity log list.

Examples:
  comity log verify
  comity log verify --head 4711:5b0c…e9 --json
  comity log verify --dir copy --key comity/log/csto+1a2b3c4d+AW…
  comity log verify --dir copy --roots roots.json --manifest KZ.jws --manifest AM.jws --manifest BY.jws --state KZ --seen copy.seen
  comity log verify proof.json --roots roots.json
  comity log verify proof.json --roots roots.json --trust-state AM`
}

func (v logVerifyCmd) Run(r *run) error {
	elsewhere := v.URL != "" || v.Dir != ""
	switch {
	case v.URL != "" && v.Dir != "", v.File != "" && elsewhere:
		return usagef("a FILE, --url and --dir are one or the other")
	case v.File != "" && (len(v.Key) > 0 || len(v.Manifest) > 0 || len(v.Head) > 0):
		return usagef("a proof brings its manifests, which --roots are for; --key, --manifest and --head are of a whole log")
	case !elsewhere && (len(v.Key) > 0 || v.State != "" || v.Seen != ""):
		return usagef("--key, --state and --seen are of a log at --url or --dir")
	case !elsewhere && v.File == "" && (v.Roots != "" || len(v.Manifest) > 0):
		return usagef("the login has its own roots and manifests; --roots and --manifest are of a FILE, or of a log at --url or --dir")
	case len(v.Key) > 0 && (v.Roots != "" || len(v.Manifest) > 0 || v.State != ""):
		return usagef("--key says whose signature counts, and --roots, --manifest and --state let a manifest say so: one or the other")
	case v.File == "" && v.TrustState != "":
		return usagef("--trust-state is of the proof in a FILE; of a log at --url or --dir, --state says whose manifest counts")
	case v.File != "":
		return v.proof(r)
	}
	through, err := parseHeads(v.Head)
	if err != nil {
		return err
	}
	began := time.Now()
	var report client.LogReport
	if elsewhere {
		report, err = v.files(r, through)
	} else {
		report, err = v.exchange(r, through)
	}
	if err != nil {
		return err
	}
	return r.print(struct {
		Verified bool `json:"verified"`
		client.LogReport
	}{true, report}, func(w io.Writer) { v.show(w, report, time.Since(began)) })
}

func (v logVerifyCmd) exchange(r *run, through []client.LogHead) (client.LogReport, error) {
	c, err := r.client()
	if err != nil {
		return client.LogReport{}, err
	}
	tell, end := r.counting()
	defer end()
	return c.VerifyLog(r.ctx, through, tell)
}

// files verifies a log wherever its files are.
func (v logVerifyCmd) files(r *run, through []client.LogHead) (client.LogReport, error) {
	open, err := v.opener(r)
	if err != nil {
		return client.LogReport{}, err
	}
	var src verify.Source
	if v.Dir != "" {
		if _, err := os.Stat(v.Dir); err != nil {
			return client.LogReport{}, comity.Invalid("dir", err.Error())
		}
		src = verify.Folder{FS: os.DirFS(v.Dir)}
	} else {
		if src, err = openURL(v.URL); err != nil {
			return client.LogReport{}, err
		}
	}
	tell, end := r.counting()
	defer end()
	return client.VerifyLogFiles(r.ctx, src, open, v.Seen, through, tell)
}

// opener reads checkpoints by the keys given, or as a state's manifest wants them.
func (v logVerifyCmd) opener(r *run) (func([]byte) (verify.Checkpoint, error), error) {
	if len(v.Key) > 0 {
		var keys []note.Verifier
		for _, vkey := range v.Key {
			k, err := notekey.Log(vkey)
			if err != nil {
				return nil, usagef("--key: %w", err)
			}
			if len(keys) > 0 && k.Name() != keys[0].Name() {
				return nil, usagef("--key: these are the keys of two logs, %s and %s", keys[0].Name(), k.Name())
			}
			keys = append(keys, k)
		}
		return func(signed []byte) (verify.Checkpoint, error) { return verify.OpenSigned(signed, keys[0].Name(), keys) }, nil
	}
	dir, err := v.directory(r)
	if err != nil {
		return nil, err
	}
	state := v.State
	if state == "" {
		p, err := r.profile()
		if err != nil || p.Who == nil {
			return nil, usagef("without a login, --state says whose manifest says what counts")
		}
		state = p.Who.State
	}
	policy, err := dir.LogPolicy(state, time.Now())
	return func(signed []byte) (verify.Checkpoint, error) { return policy.Open(signed, time.Now()) }, err
}

func (v logVerifyCmd) show(w io.Writer, report client.LogReport, took time.Duration) {
	opened := "without openings"
	if report.State != "" {
		opened = fmt.Sprintf("%d of them opened by %s", report.Own, report.State)
	}
	fmt.Fprintf(w, "verified: %d leaves, %s (%s)\n", report.Head.Size, opened, took.Round(10*time.Millisecond))
	field(w, "head", fmt.Sprintf("%d:%s", report.Head.Size, report.Head.Root))
	switch b := report.Before; {
	case b != nil:
		field(w, "goes on from", fmt.Sprintf("%d:%s", b.Size, b.Root))
	case report.State != "":
		field(w, "goes on from", "nothing: this login had not verified the log before")
	}
	for _, h := range v.Head {
		field(w, "passes through", h)
	}
	if report.Erased > 0 {
		field(w, "erased", fmt.Sprintf("%d openings, as leaves say", report.Erased))
	}
	if report.Waiting > 0 {
		field(w, "waiting", fmt.Sprintf("%d openings whose leaf has no index yet; verify again", report.Waiting))
	}
	if report.State != "" {
		field(w, "not proven", "that no opening was kept back from the first")
	} else if len(v.Key) > 0 {
		field(w, "not proven", "that others are shown this log: only its signature was wanted, and no cosignature")
	}
}

func parseHeads(given []string) ([]client.LogHead, error) {
	var heads []client.LogHead
	for _, s := range given {
		h, err := parseHead(s)
		if err != nil {
			return nil, err
		}
		heads = append(heads, h)
	}
	return heads, nil
}

// proof verifies the proof of one leaf.
func (v logVerifyCmd) proof(r *run) error {
	b, err := r.read(v.File)
	if err != nil {
		return err
	}
	p, err := client.ReadLogProof(b)
	if err != nil {
		return err
	}
	var roots statement.Roots
	if v.Roots != "" {
		roots, err = r.readRoots(v.Roots)
	} else if login, lerr := r.profile(); lerr == nil {
		if p.Union != login.Union {
			return &client.VerificationError{What: "the proof of a leaf", Err: fmt.Errorf("it is of the union %.80q, and the login of %q", p.Union, login.Union)}
		}
		roots, err = login.roots()
	} else {
		return usagef("without a login, --roots says whom to believe: the file claims to be of %s in the union %q, by manifests that the root keys of %s have to have signed",
			p.State, p.Union, strings.Join(p.States(), ", "))
	}
	if err != nil {
		return err
	}
	e, err := p.Verify(roots, v.TrustState, time.Now())
	if err != nil {
		return err
	}
	return r.print(struct {
		Verified bool `json:"verified"`
		*client.ProvenEntry
	}{true, e}, func(w io.Writer) { showProven(w, e) })
}

func showProven(w io.Writer, e *client.ProvenEntry) {
	fmt.Fprintf(w, "verified: what the log of the union %s tells %s of leaf %d\n", clean(e.Union), e.State, e.Index)
	field(w, "act", e.Act)
	field(w, "outcome", e.Outcome)
	field(w, "at", e.At)
	field(w, "actor", strings.Join(strings.Fields(fmt.Sprintf("%s %s %s %s", e.Actor.State, e.Actor.Ref, e.Actor.Function, e.Actor.Agency)), " "))
	for _, rec := range e.Records {
		field(w, "record", strings.Join(strings.Fields(fmt.Sprintf("%s %s %s %s", rec.ID, rec.Level, rec.Grant, rec.Purpose)), " "))
	}
	field(w, "leaf", e.Leaf)
	field(w, "under", fmt.Sprintf("%d:%s", e.Head.Size, e.Head.Root))
	for _, c := range e.Witnessed {
		field(w, "cosigned", fmt.Sprintf("%s %s at %s", c.State, c.Key, c.At.Format(time.RFC3339)))
	}
	field(w, "as of", e.VerifiedAt)
	if e.Word != "" {
		field(w, "not proven", fmt.Sprintf("that this log is the exchange's: the word of %s alone was taken (manifest number %d)", e.Word, e.Manifest))
	}
	field(w, "not proven", "that what the exchange wrote is true; that no newer manifest was in force then")
}
