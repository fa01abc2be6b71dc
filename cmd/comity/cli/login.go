package cli

import (
	"encoding/base64"
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

type loginCmd struct {
	As         string `help:"The officer at the development issuer, as in liaison@KZ." placeholder:"OFFICER"`
	Server     string `help:"The exchange's URL; remembered after the first login." placeholder:"URL"`
	Roots      string `help:"File of the states' root keys, pinned on the first login; changes are refused later." type:"path" placeholder:"FILE"`
	Thumbprint bool   `help:"Make a session key and print its thumbprint, for an identity provider to bind a token to."`
	TokenFile  string `help:"File with a token that another provider bound to the session key; - reads standard input." placeholder:"FILE"`
}

// Help shows how to log in.
func (loginCmd) Help() string {
	return `Examples:
  comity login --as liaison@KZ --server http://127.0.0.1:8080 --roots roots.json
  comity login --as liaison@KZ                       (again, when the token has expired)
  comity login --profile work --server URL --roots FILE --thumbprint
  comity login --profile work --token-file token     (with another identity provider)

The development issuer's address comes from the officer's state's manifest, which the pinned root signed.
Several logins stand side by side: --profile picks one, as in --profile liaison@KZ.`
}

func (l loginCmd) Run(r *run) (err error) {
	switch n := count(l.As != "", l.Thumbprint, l.TokenFile != ""); {
	case n == 0:
		return usagef("say who logs in: --as OFFICER, or --thumbprint and then --token-file with another identity provider")
	case n > 1:
		return usagef("--as, --thumbprint and --token-file are ways to log in, one at a time")
	}
	name := r.Profile
	if name == "" {
		name = l.As
	}
	if name == "" {
		name = "default"
	}
	p, err := r.open(name)
	if err != nil {
		return err
	}
	if p == nil {
		dir, bad := r.profileDir(name)
		if bad != nil {
			return bad
		}
		p = &profile{dir: dir, Name: name}
		if _, there := os.Lstat(dir); errors.Is(there, fs.ErrNotExist) {
			defer func() {
				if err != nil { // who never logged in has no login
					err = errors.Join(err, os.RemoveAll(dir))
				}
			}()
		}
	}
	if l.Server != "" {
		p.Server = strings.TrimSuffix(l.Server, "/")
	}
	if p.Server == "" {
		return usagef("--server is needed on the first login")
	}
	if err := p.pin(l.Roots); err != nil {
		return err
	}
	config, err := p.config(r)
	if err != nil {
		return err
	}
	if l.Thumbprint {
		return l.thumbprint(r, p, config)
	}
	var c *client.Client
	if l.As != "" {
		c, err = client.Login(r.ctx, config, l.As)
	} else {
		c, err = l.withToken(r, p, config)
	}
	if err != nil {
		return err
	}
	who, err := c.Viewer(r.ctx)
	if err != nil {
		return err
	}
	union, err := c.Refresh(r.ctx)
	if err != nil {
		return err
	}
	p.Union, p.As, p.Who = union.Name, l.As, &who
	key, token := c.Session()
	if err := p.keep(key, token); err != nil {
		return err
	}
	if err := r.save(p); err != nil {
		return err
	}
	return r.whoami(p, who, token)
}

// thumbprint makes the session key that a token is to be bound to.
func (l loginCmd) thumbprint(r *run, p *profile, config client.Config) error {
	if _, err := client.New(config); err != nil { // names what is wrong with server or roots
		return err
	}
	key, err := statement.NewKey()
	if err != nil {
		return err
	}
	jkt, err := statement.Thumbprint(key)
	if err != nil {
		return err
	}
	if err := p.forget(); err != nil {
		return err
	}
	if err := p.keep(key, ""); err != nil {
		return err
	}
	if err := r.save(p); err != nil {
		return err
	}
	return r.print(map[string]string{"profile": p.Name, "thumbprint": jkt}, func(w io.Writer) {
		fmt.Fprintln(w, jkt)
		fmt.Fprintf(r.stderr, "Have the identity provider bind a token to this key (cnf.jkt, RFC 9449), then:\n"+
			"  comity login --profile %s --token-file FILE\n", p.Name)
	})
}

// withToken takes a token that is bound to the key made before.
func (l loginCmd) withToken(r *run, p *profile, config client.Config) (*client.Client, error) {
	key, err := readKey(filepath.Join(p.dir, "session.pem"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, usagef("there is no session key yet that a token could be bound to: comity login --profile %s --thumbprint", p.Name)
	}
	if err != nil {
		return nil, err
	}
	in := r.stdin
	if l.TokenFile != "-" {
		f, err := os.Open(l.TokenFile)
		if err != nil {
			return nil, comity.Invalid("token-file", err.Error())
		}
		defer f.Close()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, 64<<10))
	if err != nil {
		return nil, err
	}
	config.SessionKey, config.Token = key, strings.TrimSpace(string(b))
	var claims struct {
		Confirmation struct {
			JKT string `json:"jkt"`
		} `json:"cnf"`
	}
	jkt, err := statement.Thumbprint(key)
	if err != nil {
		return nil, err
	}
	if err := readClaims(config.Token, &claims); err != nil {
		return nil, comity.Invalid("token-file", "this is not a token (a JWT)")
	}
	if claims.Confirmation.JKT != jkt {
		return nil, comity.Invalid("token-file", fmt.Sprintf("the token is bound to the key %q, this login's key is %s", short(claims.Confirmation.JKT, 60), jkt))
	}
	return client.New(config)
}

// readClaims reads the claims of a JWT without verifying it.
func readClaims(token string, to any) error {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return errors.New("not a JWT")
	}
	b, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return err
	}
	return json.Unmarshal(b, to)
}

func count(conditions ...bool) (n int) {
	for _, c := range conditions {
		if c {
			n++
		}
	}
	return n
}

type logoutCmd struct {
	All bool `help:"Of all logins."`
}

// Help says what stays.
func (logoutCmd) Help() string {
	return `Removes the token and the session key. What is pinned (roots, newest manifests) stays for the next login.

Examples:
  comity logout
  comity logout --all`
}

func (l logoutCmd) Run(r *run) error {
	var out []*profile
	if l.All {
		dirs, err := os.ReadDir(filepath.Join(r.home, "profiles"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for _, d := range dirs {
			if p, err := r.open(d.Name()); err == nil && p != nil {
				out = append(out, p)
			}
		}
	} else {
		p, err := r.profile()
		if err != nil {
			return err
		}
		out = append(out, p)
	}
	names := []string{}
	for _, p := range out {
		if err := p.forget(); err != nil {
			return err
		}
		names = append(names, p.Name)
	}
	return r.print(map[string]any{"loggedOut": names}, func(w io.Writer) {
		for _, n := range names {
			fmt.Fprintf(w, "logged out %s\n", n)
		}
	})
}

type whoamiCmd struct{}

// Help shows an example.
func (whoamiCmd) Help() string {
	return `Asks the exchange whom it takes the token for.

Example:
  comity whoami --profile liaison@KZ`
}

func (whoamiCmd) Run(r *run) error {
	p, err := r.profile()
	if err != nil {
		return err
	}
	c, err := p.client(r)
	if err != nil {
		return err
	}
	who, err := c.Viewer(r.ctx)
	if err != nil {
		return err
	}
	_, token := c.Session()
	return r.whoami(p, who, token)
}

func (r *run) whoami(p *profile, who client.Officer, token string) error {
	until := expiry(token)
	return r.print(struct {
		Profile string         `json:"profile"`
		Server  string         `json:"server"`
		Union   string         `json:"union"`
		Officer client.Officer `json:"officer"`
		Expires time.Time      `json:"expires,omitzero"`
	}{p.Name, p.Server, p.Union, who, until}, func(w io.Writer) {
		field(w, "officer", who.Ref)
		field(w, "role", who.Role)
		field(w, "function", who.Function)
		field(w, "agency", who.Agency)
		field(w, "union", p.Union)
		field(w, "server", p.Server)
		field(w, "profile", p.Name)
		field(w, "token until", until)
	})
}
