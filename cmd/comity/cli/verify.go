package cli

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/crypto/statement"
)

type grantVerifyCmd struct {
	File string `arg:"" help:"Statements (JWS), one a line, or any JSON with statements in it, as other commands print it; - reads standard input."`
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
grant was narrowed further or revoked since, only the originator's custodian knows. All statements of the
file are verified (grants, narrowings, revocations, refusals, reservations, receipts, annotations, referrals,
notices, compelled disclosures and answers to these), or none counts.

Examples:
  comity grant verify grant.jws
  comity request show request1_… --json > request.json && comity grant verify request.json
  comity evidence list case1_… --json | comity grant verify -
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
	all, err := verifyAll(dir, given)
	if err != nil {
		if _, wrong := errors.AsType[*usageError](err); wrong {
			return err
		}
		return &client.VerificationError{What: v.File, Err: err}
	}
	return r.print(all, func(w io.Writer) {
		for i, s := range all {
			if i > 0 {
				fmt.Fprintln(w)
			}
			s.show(w)
			if n := s.NarrowedTo; n != nil {
				fmt.Fprintf(w, "\nNarrowed since. What it opens is only this:\n")
				n.show(w)
			}
		}
	})
}

// verifyAll verifies statements, and puts each narrowing with its grant.
func verifyAll(dir *statement.Directory, given []string) ([]*verified, error) {
	var all, narrowings []*verified
	for _, jws := range given {
		s, err := verifyStatement(dir, jws)
		switch {
		case err != nil:
			return nil, err
		case s.Kind == statement.KindNarrowing:
			narrowings = append(narrowings, s)
		default:
			all = append(all, s)
		}
	}
	for _, s := range narrowings {
		of := slices.IndexFunc(all, func(g *verified) bool {
			return g.Kind == statement.KindGrant && g.ID == s.ID && g.Record == s.Record && g.State == s.State
		})
		switch {
		case of < 0:
			return nil, errors.New("it holds a narrowing without the grant that is narrowed")
		case all[of].NarrowedTo == nil || all[of].NarrowedTo.IssuedAt.Before(s.IssuedAt):
			all[of].NarrowedTo = s
		}
	}
	return all, nil
}

func verifyStatement(dir *statement.Directory, jws string) (*verified, error) {
	var claim struct {
		State comity.State `json:"state"`
	}
	if err := readClaims(jws, &claim); err == nil && claim.State.Valid() && !slices.Contains(dir.States(), claim.State) {
		return nil, usagef("this is a statement of %s, whose manifest is not at hand: give --manifest %s.jws", claim.State, claim.State)
	}
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
	fmt.Fprintf(w, "verified: %s signed by %s (manifest number %d)\n", v.Kind.Indefinite(), v.State, v.Manifest)
	field(w, "id", v.ID)
	field(w, "record", v.Record)
	field(w, "officer", fmt.Sprintf("%s, %s (%s)", v.Officer.Ref, v.Officer.Function, v.Officer.Agency))
	field(w, "officer's act", "verified: it names these terms, signed with the officer's session key "+v.Officer.JKT)
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
			for _, s := range b.Subjects {
				field(w, "named", s)
			}
			field(w, "grade", strings.TrimSpace(string(b.Grade)+" "+b.Assistance))
			field(w, "purpose", b.Purpose)
			field(w, "caveats", strings.TrimSpace(marked(b.Caveats.Marking)+" "+b.Caveats.Text))
			field(w, "release", b.Release)
			field(w, "request", b.Request)
			field(w, "from", time.Unix(b.NotBefore, 0))
			field(w, "until", time.Unix(b.NotAfter, 0))
			field(w, "term", standing(time.Now(), b.NotBefore, b.NotAfter))
		}
	case statement.KindNarrowing:
		var b statement.NarrowBody
		if s.Decode(&b) == nil {
			field(w, "scope", b.Scope)
			for _, e := range b.Exhibits {
				field(w, "exhibit", e)
			}
			for _, s := range b.Subjects {
				field(w, "named", s)
			}
			field(w, "caveats", strings.TrimSpace(marked(b.Caveats.Marking)+" "+b.Caveats.Text))
			field(w, "until", time.Unix(b.NotAfter, 0))
			field(w, "term", standing(time.Now(), 0, b.NotAfter))
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
	default:
		showDispatched(w, s)
	}
}

// standing says whether now lies between two instants in Unix seconds.
func standing(now time.Time, from, until int64) string {
	switch at := now.Unix(); {
	case at < from:
		return "not begun"
	case at >= until:
		return "EXPIRED: it opens nothing any more"
	}
	return "runs, unless it was revoked since"
}

// readStatements reads statements, one a line, or wherever they are in JSON.
func (r *run) readStatements(file string) ([]string, error) {
	b, err := r.read(file)
	if err != nil {
		return nil, err
	}
	given, err := statementsIn(b)
	if err != nil {
		return nil, comity.Invalid("file", file+": "+err.Error())
	}
	return given, nil
}

// statementsIn finds the statements in a file, each once: any word of JSON, or
// of the text, that says of itself that it is one.
func statementsIn(b []byte) (found []string, err error) {
	add := func(s string) {
		if isStatement(s) && !slices.Contains(found, s) {
			found = append(found, s)
		}
	}
	text := strings.TrimSpace(string(b))
	if !strings.HasPrefix(text, "{") && !strings.HasPrefix(text, "[") {
		for _, s := range strings.Fields(text) {
			if strings.Count(s, ".") != 2 {
				return nil, errors.New("this is neither a signed statement (JWS) nor JSON")
			}
			found = append(found, s)
		}
	} else {
		var v any
		if err := json.Unmarshal(b, &v); err != nil {
			return nil, fmt.Errorf("this is no whole JSON: %w", err)
		}
		walk(v, add)
	}
	if len(found) == 0 {
		return nil, errors.New("it holds no signed statement (JWS)")
	}
	return found, nil
}

// walk visits the strings of a JSON value, members of objects by name.
func walk(v any, visit func(string)) {
	switch v := v.(type) {
	case string:
		visit(v)
	case []any:
		for _, w := range v {
			walk(w, visit)
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			walk(v[name], visit)
		}
	}
}

// isStatement reports whether a word claims to be a statement of a state, by the
// type in its header; acts, manifests and tokens are JWS too.
func isStatement(s string) bool {
	header, _, ok := strings.Cut(s, ".")
	if !ok || strings.Count(s, ".") != 2 {
		return false
	}
	b, err := base64.RawURLEncoding.DecodeString(header)
	if err != nil {
		return false
	}
	var h struct {
		Type string `json:"typ"`
	}
	return json.Unmarshal(b, &h) == nil && h.Type == statement.TypStatement
}
