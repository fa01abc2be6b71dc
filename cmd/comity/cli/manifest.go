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
	"github.com/comity-platform/comity/internal/durable"
	"github.com/comity-platform/comity/sovereignty"
)

type manifestCmd struct {
	Key    manifestKeyCmd    `cmd:"" help:"Make a state's root key, in a file."`
	New    manifestNewCmd    `cmd:"" help:"Begin a manifest, or the next number of one."`
	Sign   manifestSignCmd   `cmd:"" help:"Sign a manifest with the state's root key."`
	Verify manifestVerifyCmd `cmd:"" help:"Verify a signed manifest against pinned roots."`
	Diff   manifestDiffCmd   `cmd:"" help:"Show how two manifests differ."`

	Get     manifestGetCmd     `cmd:"" help:"Fetch a state's manifest in force, as its root signed it."`
	Publish manifestPublishCmd `cmd:"" help:"Publish the own state's signed manifest (authority)."`
	List    manifestListCmd    `cmd:"" help:"List what the own state published of its manifests."`
}

// Help says how the commands belong together.
func (manifestCmd) Help() string {
	return `All but get, publish and list works without network. The root key belongs on a machine that has none.

Example:
  comity manifest key KZ --out kz-root.pem --roots roots.json
  comity manifest new KZ --union sample --out kz.json        (then fill it in)
  comity manifest sign kz.json --key kz-root.pem --out kz.jws
  comity manifest verify kz.jws --roots roots.json

The next one, and its publication by the state's authority:
  comity manifest get KZ --out kz.jws
  comity manifest new KZ --from kz.jws --out kz-next.json    (then change it)
  comity manifest sign kz-next.json --key kz-root.pem --out kz-next.jws
  comity manifest publish kz-next.jws`
}

type manifestKeyCmd struct {
	State comity.State `arg:"" help:"The state."`
	Out   string       `required:"" help:"Where to put the private key (PEM, readable by nobody else)." type:"path" placeholder:"FILE"`
	Roots string       `help:"File of roots to add the public half to." type:"path" placeholder:"FILE"`
}

// Help shows an example.
func (manifestKeyCmd) Help() string {
	return `Example:
  comity manifest key KZ --out kz-root.pem --roots roots.json`
}

func (k manifestKeyCmd) Run(r *run) error {
	if !k.State.Valid() {
		return usagef("%q is not an ISO 3166-1 alpha-2 code", k.State)
	}
	if err := absent(k.Out); err != nil {
		return err
	}
	roots := statement.Roots{}
	if k.Roots != "" {
		var err error
		if roots, err = r.readRoots(k.Roots); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if roots == nil {
			roots = statement.Roots{}
		}
		if _, ok := roots[k.State]; ok {
			return comity.Invalid("roots", fmt.Sprintf("%s has a root of %s already; take it out first if it is to be replaced", k.Roots, k.State))
		}
	}
	key, err := statement.NewKey()
	if err != nil {
		return err
	}
	signer, err := statement.NewSoftSigner(key, "")
	if err != nil {
		return err
	}
	if err := writeKey(k.Out, key); err != nil {
		return err
	}
	public := signer.Public()
	if k.Roots != "" {
		roots[k.State] = public
		b, err := roots.Marshal()
		if err != nil {
			return err
		}
		if err := durable.WriteFile(k.Roots, b, 0o644); err != nil {
			return err
		}
	}
	return r.print(map[string]any{"state": k.State, "key": k.Out, "public": public}, func(w io.Writer) {
		field(w, "root key of", k.State)
		field(w, "private key", k.Out+" (keep it off line; nobody can replace it)")
		field(w, "thumbprint", public.KeyID)
	})
}

func absent(name string) error {
	if _, err := os.Lstat(name); err == nil {
		return comity.Invalid("out", name+" exists already; nothing is overwritten")
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

type manifestNewCmd struct {
	State comity.State `arg:"" help:"The state."`
	Union string       `help:"The union's name." placeholder:"NAME"`
	Name  string       `help:"The state's name." placeholder:"NAME"`
	From  string       `help:"The present manifest (JWS or JSON), to make its next number." type:"path" placeholder:"FILE"`
	For   int          `help:"For how many days it is valid." default:"365" placeholder:"DAYS"`
	Out   string       `help:"Where to; without it, standard output." type:"path" placeholder:"FILE"`

	Contact string `help:"The contact point's standing line, reached at any hour: telephone, e-mail or radio." placeholder:"LINE"`

	LogKey     []string `help:"Public key of the exchange's log that the state accepts. Repeatable." placeholder:"VKEY" sep:"none"`
	WitnessKey []string `help:"Public key of the state's own witness, as comity witness key prints it. Repeatable." placeholder:"VKEY" sep:"none"`
	WitnessURL string   `help:"Where the witness answers." placeholder:"URL"`
}

// Help says what is to be filled in.
func (manifestNewCmd) Help() string {
	return `Gives JSON to be edited: agencies, issuers with the agencies and roles they speak for, statement keys,
addresses and agreements. What is left empty, comity manifest sign names. policies is the hash of the policy set
that the state accepts: a first manifest has that of the set which this program carries; read the set
before you sign. log says whose word about the record of acts the state takes: the keys of the exchange's log,
its own witness (comity witness --help), and how many other states' witnesses must have cosigned.

Examples:
  comity manifest new KZ --union sample --name Kazakhstan --contact "+000 000 000, at any hour" --out kz.json
  comity manifest new KZ --from kz.jws --out kz-next.json
  comity manifest new KZ --from kz.jws --witness-key "$(cat kz-witness.pub)" --witness-url https://witness.kz.example --out kz-next.json`
}

func (n manifestNewCmd) Run(r *run) error {
	if !n.State.Valid() {
		return usagef("%q is not an ISO 3166-1 alpha-2 code", n.State)
	}
	cyber, ct := comity.AgencyID(n.State+"/cyber"), comity.AgencyID(n.State+"/ct")
	roles := []comity.Role{comity.RoleInvestigator, comity.RoleLiaison, comity.RoleAuthority, comity.RoleAuditor}
	m := statement.Manifest{Union: n.Union, State: n.State, Name: n.Name, Number: 1,
		Agencies: []statement.Agency{{ID: cyber, Competences: []comity.Competence{comity.Cybercrime}}, {ID: ct, Competences: []comity.Competence{comity.CounterTerrorism}}},
		Issuers: []statement.Issuer{{Algorithms: []string{"ES256"}, Agencies: []statement.IssuerScope{{Agency: cyber, Roles: roles},
			{Agency: ct, Roles: roles[:1]}}}},
		ContactPoint: cyber, StatementKeys: []json.RawMessage{}, Agreements: []statement.Agreement{},
		Log: statement.LogTrust{Keys: []string{}, Witnesses: []string{}, Others: 1}}
	if n.From != "" {
		old, err := r.readManifest(n.From)
		if err != nil {
			return err
		}
		if old.State != n.State {
			return comity.Invalid("from", fmt.Sprintf("%s is the manifest of %s", n.From, old.State))
		}
		m = old
		m.Number++
	} else {
		if n.Union == "" {
			return usagef("--union is needed for a first manifest")
		}
		policies, err := sovereignty.Load()
		if err != nil {
			return err
		}
		m.Policies = policies.Hash()
	}
	if n.Contact != "" {
		m.Contact = n.Contact
	}
	if len(n.LogKey) > 0 {
		m.Log.Keys = n.LogKey
	}
	if len(n.WitnessKey) > 0 {
		m.Log.Witnesses = n.WitnessKey
	}
	if n.WitnessURL != "" {
		m.Log.WitnessURL = n.WitnessURL
	}
	m.IssuedAt = time.Now().UTC().Truncate(time.Second)
	m.Expires = m.IssuedAt.AddDate(0, 0, n.For)
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	b = append(b, '\n')
	if n.Out == "" {
		_, err = r.stdout.Write(b)
		return err
	}
	if err := absent(n.Out); err != nil {
		return err
	}
	return os.WriteFile(n.Out, b, 0o644)
}

// readManifest reads a manifest without verifying it: JSON, or the payload of a JWS.
func (r *run) readManifest(file string) (statement.Manifest, error) {
	var m statement.Manifest
	b, err := r.read(file)
	if err != nil {
		return m, err
	}
	if s := strings.TrimSpace(string(b)); !strings.HasPrefix(s, "{") {
		if err := readClaims(s, &m); err != nil {
			return m, comity.Invalid("file", file+" is no manifest, neither JSON nor a JWS")
		}
		return m, nil
	}
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return m, comity.Invalid("file", fmt.Sprintf("%s: %v", file, err))
	}
	return m, nil
}

type manifestSignCmd struct {
	File string `arg:"" help:"The manifest (JSON)."`
	Key  string `required:"" help:"File of the state's root key." type:"path" placeholder:"FILE"`
	Out  string `help:"Where to; without it, standard output." type:"path" placeholder:"FILE"`
}

// Help says where the less obvious fields come from.
func (manifestSignCmd) Help() string {
	return `A manifest with faults is not signed, and all of them are named. policies is what an exchange answers to
the query { union { policies } }, and what comity manifest new fills in.

Example:
  comity manifest sign kz.json --key kz-root.pem --out kz.jws`
}

func (s manifestSignCmd) Run(r *run) error {
	m, err := r.readManifest(s.File)
	if err != nil {
		return err
	}
	if faults := m.Check(); len(faults) > 0 {
		e := comity.Invalid("file", fmt.Sprintf("%s has %d faults:\n%s", s.File, len(faults), errors.Join(faults...)))
		switch said := errors.Join(faults...).Error(); {
		case strings.Contains(said, "/policies"):
			e.Cure = "policies is what the exchange answers to { union { policies } }, and what comity manifest new fills in"
		case strings.Contains(said, "/log"):
			e.Cure = "log names the exchange's log keys and the state's own witness: comity manifest new --help and comity witness --help say how"
		}
		return e
	}
	key, err := readKey(s.Key)
	if err != nil {
		return err
	}
	root, err := statement.NewSoftSigner(key, "")
	if err != nil {
		return err
	}
	jws, err := statement.SignManifest(r.ctx, root, m)
	if err != nil {
		return err
	}
	if s.Out == "" {
		_, err = fmt.Fprintln(r.stdout, jws)
		return err
	}
	if err := absent(s.Out); err != nil {
		return err
	}
	return os.WriteFile(s.Out, []byte(jws+"\n"), 0o644)
}

type manifestVerifyCmd struct {
	File  string `arg:"" help:"The signed manifest (JWS)."`
	Roots string `help:"File of the states' root keys; without it, those pinned by the login." type:"path" placeholder:"FILE"`
}

// Help shows an example.
func (manifestVerifyCmd) Help() string {
	return `Example:
  comity manifest verify kz.jws --roots roots.json`
}

func (v manifestVerifyCmd) Run(r *run) error {
	b, err := r.read(v.File)
	if err != nil {
		return err
	}
	var roots statement.Roots
	if v.Roots != "" {
		roots, err = r.readRoots(v.Roots)
	} else {
		var p *profile
		if p, err = r.profile(); err != nil {
			return usagef("without a login, --roots says whom to believe (%w)", err)
		}
		roots, err = p.roots()
	}
	if err != nil {
		return err
	}
	m, err := manifestOf(strings.TrimSpace(string(b)), roots)
	if err == nil && !time.Now().Before(m.Expires) {
		err = fmt.Errorf("it expired on %s", when(m.Expires))
	}
	if err != nil {
		return &client.VerificationError{What: v.File, Err: err}
	}
	few := m.Log.Minority(len(roots))
	return r.print(struct {
		statement.Manifest
		Warning string `json:"warning,omitempty"`
	}{m, few}, func(w io.Writer) {
		fmt.Fprintf(w, "verified: manifest number %d of %s, signed by its root\n", m.Number, m.State)
		field(w, "union", m.Union)
		field(w, "name", m.Name)
		field(w, "issued", m.IssuedAt)
		field(w, "expires", m.Expires)
		if hash, _, err := statement.BodyHash(m); err == nil {
			field(w, "hash", hash)
		}
		for _, a := range m.Agencies {
			field(w, "agency", fmt.Sprintf("%s %s %v", a.ID, a.Name, a.Competences))
		}
		for _, is := range m.Issuers {
			field(w, "issuer", is.URL)
		}
		field(w, "custodian", m.Custodian)
		field(w, "store", m.Store)
		for _, key := range m.Log.Keys {
			field(w, "log", key)
		}
		for _, key := range m.Log.Witnesses {
			field(w, "witness", key)
		}
		field(w, "witness at", m.Log.WitnessURL)
		field(w, "and of others", m.Log.Others)
		for _, a := range m.Agreements {
			field(w, "agreement", fmt.Sprintf("%s %s (hash %s)", a.ID, a.Title, a.Hash()))
		}
		if few != "" {
			fmt.Fprintf(w, "warning: /log %s\n", few)
		}
	})
}

// readRoots reads a file of roots.
func (r *run) readRoots(file string) (statement.Roots, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	roots, err := statement.ReadRoots(b)
	if err != nil {
		return nil, comity.Invalid("roots", err.Error())
	}
	return roots, nil
}

type manifestDiffCmd struct {
	Old string `arg:"" help:"A manifest (JWS or JSON)."`
	New string `arg:"" help:"Another."`
}

// Help says how to read it.
func (manifestDiffCmd) Help() string {
	return `+ is what the new one adds, - what it no longer has, ~ what changed. Signatures are not verified.

Example:
  comity manifest diff kz.jws kz-next.json`
}

func (d manifestDiffCmd) Run(r *run) error {
	before, err := r.readManifest(d.Old)
	if err != nil {
		return err
	}
	after, err := r.readManifest(d.New)
	if err != nil {
		return err
	}
	v := struct {
		Differences []string `json:"differences"`
		Faults      []string `json:"faults"` // of the new one
		Warning     string   `json:"warning,omitempty"`
	}{Differences: nonNil(before.Diff(after)), Faults: []string{}}
	for _, f := range after.Check() {
		v.Faults = append(v.Faults, f.Error())
	}
	if before.State != after.State {
		v.Warning = fmt.Sprintf("%s is of %s, and %s of %s", filepath.Base(d.Old), before.State, filepath.Base(d.New), after.State)
	}
	return r.print(v, func(w io.Writer) {
		if v.Warning != "" {
			fmt.Fprintf(w, "warning: these are manifests of two states: %s\n", clean(v.Warning))
		}
		if len(v.Differences) == 0 {
			fmt.Fprintf(w, "%s and %s say the same\n", filepath.Base(d.Old), filepath.Base(d.New))
		}
		for _, line := range v.Differences {
			fmt.Fprintln(w, clean(line))
		}
		if len(v.Faults) > 0 {
			fmt.Fprintf(w, "\n%s has %d faults, and cannot be signed so:\n", filepath.Base(d.New), len(v.Faults))
		}
		for _, f := range v.Faults {
			fmt.Fprintf(w, "  %s\n", clean(f))
		}
	})
}
