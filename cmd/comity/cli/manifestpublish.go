package cli

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/crypto/statement"
)

type manifestPublishCmd struct {
	File string `arg:"" help:"The signed manifest (JWS), or - for standard input."`
}

// Help says when it takes effect, and how the first one comes there.
func (manifestPublishCmd) Help() string {
	return `For the authority of the state: who speaks for the state, its agreements, their ratification and denunciation, and
what it offers in return. It is in force at once, and stands in every state's record of acts. The number must be above
that of any manifest published before. A state whose manifest has expired, or that has none yet, hands it to the
operator: without one nobody can log in.

Examples:
  comity manifest diff kz.jws kz-next.jws
  comity manifest publish kz-next.jws`
}

func (m manifestPublishCmd) Run(r *run) error {
	b, err := r.read(m.File)
	if err != nil {
		return err
	}
	signed := strings.TrimSpace(string(b))
	if strings.HasPrefix(signed, "{") {
		e := comity.Invalid("file", m.File+" is not signed")
		e.Cure = "comity manifest sign signs it, where the state's root key is"
		return e
	}
	c, err := r.client()
	if err != nil {
		return err
	}
	published, err := c.ManifestPublish(r.ctx, signed)
	if err != nil {
		return err
	}
	v := struct {
		*client.PublishedManifest
		Warning string `json:"warning,omitempty"`
	}{PublishedManifest: published}
	var said statement.Manifest
	if u, err := c.Refresh(r.ctx); err != nil { // it is published nevertheless
		v.Warning = fmt.Sprintf("what is in force now cannot be read: %v", err)
	} else if err := readClaims(signed, &said); err == nil && said.Policies != u.Policies {
		v.Warning = fmt.Sprintf("the manifest accepts the policy set %s, and the exchange decides by %s", said.Policies, u.Policies)
	}
	return r.print(v, func(w io.Writer) {
		fmt.Fprintf(w, "manifest number %d is published and in force\n", v.Number)
		field(w, "published by", v.PublishedBy)
		field(w, "at", v.PublishedAt)
		if v.Warning != "" {
			fmt.Fprintf(w, "warning: %s\n", clean(v.Warning))
		}
	})
}

type manifestGetCmd struct {
	State comity.State `arg:"" help:"The state."`
	Out   string       `help:"Where to; without it, standard output." type:"path" placeholder:"FILE"`
}

// Help says what was verified.
func (manifestGetCmd) Help() string {
	return `It is verified against the pinned root, and is no older than any seen before.

Example:
  comity manifest get KZ --out kz.jws`
}

func (g manifestGetCmd) Run(r *run) error {
	if g.Out != "" {
		if err := absent(g.Out); err != nil {
			return err
		}
	}
	c, err := r.client()
	if err != nil {
		return err
	}
	if _, err := c.Refresh(r.ctx); err != nil {
		return err
	}
	d, err := c.Directory(r.ctx)
	if err != nil {
		return err
	}
	m, err := d.State(g.State)
	if err != nil {
		return err
	}
	v := struct {
		State  comity.State `json:"state"`
		Number int64        `json:"number"`
		Signed string       `json:"signed"`
	}{m.State, m.Number, d.JWS(m.State)}
	if g.Out != "" {
		return os.WriteFile(g.Out, []byte(v.Signed+"\n"), 0o644)
	}
	return r.print(v, func(w io.Writer) { fmt.Fprintln(w, v.Signed) })
}

type manifestListCmd struct{}

// Help shows an example.
func (manifestListCmd) Help() string {
	return `Newest first, at most 100. What came by the operator's hand is not listed.

Examples:
  comity manifest list
  comity manifest list --json | jq -r '.[1].signed' > kz-before.jws`
}

func (manifestListCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	all, err := c.Manifests(r.ctx)
	if err != nil {
		return err
	}
	return r.print(nonNil(all), func(w io.Writer) { showManifests(w, all...) })
}

func showManifests(w io.Writer, all ...client.PublishedManifest) {
	row(w, "NUMBER", "PUBLISHED BY", "AT")
	for _, m := range all {
		row(w, m.Number, m.PublishedBy, m.PublishedAt)
	}
}
