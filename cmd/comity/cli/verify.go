package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/crypto/statement"
)

type grantVerifyCmd struct {
	File string `arg:"" help:"The statement (JWS), with a narrowing in a second line; or JSON with them as of comity grant show --json; - reads standard input."`
	believed
}

// believed says by which keys a statement is verified without the network.
type believed struct {
	Roots    string   `help:"File of the states' root keys; without it, those pinned by the login." type:"path" placeholder:"FILE"`
	Manifest []string `help:"A state's manifest (JWS). Repeatable; without any, the newest that the login has seen." type:"path" placeholder:"FILE"`
}

// Help says what is verified.
func (grantVerifyCmd) Help() string {
	return `Needs no network: the statement is verified by the state's statement key, that by the manifest, the
manifest by the pinned root, and the liaison's own signed act within the statement with it. Whether a
grant was narrowed further or revoked since, only the originator's custodian knows.

Examples:
  comity grant verify grant.jws
  comity grant verify grant.jws --roots roots.json --manifest KZ.jws --manifest AM.jws`
}

// verified is a statement that holds, for programs.
type verified struct {
	Verified bool                    `json:"verified"`
	Kind     statement.Kind          `json:"kind"`
	Union    string                  `json:"union"`
	State    comity.State            `json:"state"`
	Manifest int64                   `json:"manifestNumber"`
	ID       comity.ID               `json:"id"`
	Record   comity.ID               `json:"record"`
	Officer  statement.SignedBy      `json:"officer"`
	Basis    *statement.AgreementRef `json:"agreement,omitempty"`
	IssuedAt time.Time               `json:"issuedAt"`
	Body     map[string]any          `json:"body"`
	// NarrowedTo is what a narrowing left of a grant: that is what it opens now.
	NarrowedTo *verified `json:"narrowedTo,omitempty"`
	statement  statement.Statement
}

func (v grantVerifyCmd) Run(r *run) error {
	given, err := r.readStatements(v.File)
	if err != nil {
		return err
	}
	dir, err := v.directory(r)
	if err != nil {
		return err
	}
	first, err := verifyStatement(dir, given[0])
	if err == nil && len(given) > 1 {
		first.NarrowedTo, err = verifyStatement(dir, given[1])
		if n := first.NarrowedTo; err == nil && (first.Kind != statement.KindGrant || n.Kind != statement.KindNarrowing ||
			n.ID != first.ID || n.Record != first.Record || n.State != first.State) {
			err = errors.New("its second statement is no narrowing of the first")
		}
	}
	if err != nil {
		return &client.VerificationError{What: v.File, Err: err}
	}
	return r.print(first, func(w io.Writer) {
		first.show(w)
		if n := first.NarrowedTo; n != nil {
			fmt.Fprintf(w, "\nNarrowed since. What it opens is only this:\n")
			n.show(w)
		}
	})
}

func verifyStatement(dir *statement.Directory, jws string) (*verified, error) {
	s, err := dir.VerifyStatement(jws)
	if err != nil {
		return nil, err
	}
	var body map[string]any
	if err := json.Unmarshal(s.Body, &body); err != nil {
		return nil, err
	}
	m, err := dir.State(s.State)
	if err != nil {
		return nil, err
	}
	return &verified{true, s.Kind, s.Union, s.State, m.Number, s.ID, s.Record, s.Officer, s.Agreement, time.Unix(s.IssuedAt, 0).UTC(), body, nil, s}, nil
}

func (v *verified) show(w io.Writer) {
	fmt.Fprintf(w, "verified: a %s signed by %s (manifest number %d)\n", v.Kind, v.State, v.Manifest)
	field(w, "id", v.ID)
	field(w, "record", v.Record)
	field(w, "officer", fmt.Sprintf("%s, %s (%s)", v.Officer.Ref, v.Officer.Function, v.Officer.Agency))
	field(w, "signed", v.IssuedAt)
	if v.Basis != nil {
		field(w, "agreement", v.Basis.ID)
	}
	showBody(w, v.statement)
}

// showBody shows the terms that were signed.
func showBody(w io.Writer, s statement.Statement) {
	switch s.Kind {
	case statement.KindGrant:
		var b statement.GrantBody
		if s.Decode(&b) == nil {
			field(w, "category", b.Category)
			field(w, "to", b.Grantee.Viewer())
			field(w, "scope", b.Scope)
			for _, e := range b.Exhibits {
				field(w, "exhibit", e)
			}
			field(w, "grade", strings.TrimSpace(string(b.Grade)+" "+b.Assistance))
			field(w, "purpose", b.Purpose)
			field(w, "caveats", strings.TrimSpace(marked(b.Caveats.Marking)+" "+b.Caveats.Text))
			field(w, "from", time.Unix(b.NotBefore, 0))
			field(w, "until", time.Unix(b.NotAfter, 0))
		}
	case statement.KindNarrowing:
		var b statement.NarrowBody
		if s.Decode(&b) == nil {
			field(w, "scope", b.Scope)
			for _, e := range b.Exhibits {
				field(w, "exhibit", e)
			}
			field(w, "caveats", strings.TrimSpace(marked(b.Caveats.Marking)+" "+b.Caveats.Text))
			field(w, "until", time.Unix(b.NotAfter, 0))
		}
	case statement.KindRevocation:
		var b statement.RevokeBody
		if s.Decode(&b) == nil {
			field(w, "reason", b.Reason)
		}
	case statement.KindRefusal:
		var b statement.RefuseBody
		if s.Decode(&b) == nil {
			field(w, "ground", b.Ground)
			field(w, "note", b.Note)
		}
	case statement.KindReceipt:
		var b statement.CompleteBody
		if s.Decode(&b) == nil {
			field(w, "size", fmt.Sprintf("%d bytes in %d parts", b.Size, b.Parts))
			field(w, "SHA-256", b.PlainSHA256)
			field(w, "root", b.Root)
			field(w, "nonces", b.Nonces)
			field(w, "header", b.HeaderHash)
			field(w, "begun with", b.BeginHash)
		}
	}
}

// readStatements reads one JWS, or a grant's and its narrowing's, alone or
// within JSON.
func (r *run) readStatements(file string) ([]string, error) {
	b, err := r.read(file)
	if err != nil {
		return nil, err
	}
	given := strings.Fields(string(b))
	var within struct {
		Statement string `json:"statement"`
		Narrowing string `json:"narrowing"`
		Receipt   string `json:"receipt"`
	}
	if strings.HasPrefix(strings.TrimSpace(string(b)), "{") && json.Unmarshal(b, &within) == nil {
		given = nil
		for _, s := range []string{within.Statement, within.Narrowing, within.Receipt} {
			if s != "" {
				given = append(given, s)
			}
		}
	}
	if len(given) == 0 || len(given) > 2 || strings.Count(given[0], ".") != 2 {
		return nil, comity.Invalid("file", file+" holds no signed statement (JWS)")
	}
	return given, nil
}

// maxFile bounds what is read of a file that holds a signed thing.
const maxFile = 1 << 20

// read reads a small file, or standard input.
func (r *run) read(file string) ([]byte, error) {
	in := r.stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, comity.Invalid("file", err.Error())
		}
		defer f.Close()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = comity.Invalid("file", fmt.Sprintf("%s is longer than %d bytes", file, maxFile))
	}
	return b, err
}

// directory puts together whom to believe: files given, or what the login has pinned.
func (v believed) directory(r *run) (*statement.Directory, error) {
	var p *profile
	if v.Roots == "" || len(v.Manifest) == 0 {
		var err error
		if p, err = r.profile(); err != nil {
			return nil, usagef("without a login, --roots and --manifest say whom to believe (%w)", err)
		}
	}
	var roots statement.Roots
	var err error
	if v.Roots != "" {
		roots, err = r.readRoots(v.Roots)
	} else {
		roots, err = p.roots()
	}
	if err != nil {
		return nil, err
	}
	var manifests []string
	for _, file := range v.Manifest {
		b, err := r.read(file)
		if err != nil {
			return nil, err
		}
		manifests = append(manifests, strings.TrimSpace(string(b)))
	}
	if len(manifests) == 0 {
		if manifests, err = p.manifests(); err != nil {
			return nil, err
		}
	}
	var dir *statement.Directory
	for _, jws := range manifests {
		if dir == nil {
			union, err := unionOf(jws, roots)
			if err != nil {
				return nil, &client.VerificationError{What: "the manifest", Err: err}
			}
			dir = statement.NewDirectory(union, roots, time.Now)
		}
		if err := dir.Add(jws); err != nil && comity.CodeOf(err) != comity.CodeUnavailable {
			return nil, &client.VerificationError{What: "a manifest", Err: err}
		}
	}
	return dir, nil
}

// manifests gives the newest manifests that the login has seen.
func (p *profile) manifests() ([]string, error) {
	b, err := os.ReadFile(filepath.Join(p.dir, "manifests.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, usagef("this login has seen no manifests yet; give --manifest")
	}
	if err != nil {
		return nil, err
	}
	var kept struct {
		Manifests map[comity.State]struct {
			JWS string `json:"jws"`
		} `json:"manifests"`
	}
	if err := json.Unmarshal(b, &kept); err != nil {
		return nil, err
	}
	var out []string
	for _, m := range kept.Manifests {
		out = append(out, m.JWS)
	}
	return out, nil
}

// unionOf finds the union that a manifest is of, by whichever root signed it.
func unionOf(jws string, roots statement.Roots) (string, error) {
	m, err := manifestOf(jws, roots)
	return m.Union, err
}

// manifestOf verifies a manifest by the root of the state that it is of. An
// expired one is still read: see [statement.Directory.State].
func manifestOf(jws string, roots statement.Roots) (statement.Manifest, error) {
	var claim struct {
		State comity.State `json:"state"`
	}
	if err := readClaims(jws, &claim); err != nil {
		return statement.Manifest{}, errors.New("this is no manifest (JWS)")
	}
	root, ok := roots[claim.State]
	if !ok {
		return statement.Manifest{}, fmt.Errorf("no root is pinned for %.20q", claim.State)
	}
	m, err := statement.VerifyManifest(jws, root, time.Now())
	if err != nil && comity.CodeOf(err) == comity.CodeUnavailable {
		err = nil
	}
	return m, err
}
