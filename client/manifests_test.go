package client_test

import (
	"testing"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/crypto/statement"
)

// TestManifestPublish: through the client the authority publishes; what it knows
// of the states is then the new one, as it is for whoever asks anew.
func TestManifestPublish(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	authority, liaison := w.as(t, "authority@KZ"), w.as(t, "liaison@KZ")
	name := func() string {
		d, err := authority.Directory(ctx)
		must(t, err)
		m, err := d.State("KZ")
		must(t, err)
		return m.Name
	}
	before := name()
	next := w.Next(t, "KZ", func(m *statement.Manifest) { m.Name = "Renamed" })
	_, err := liaison.ManifestPublish(ctx, next)
	want(t, err, comity.CodeDenied, comity.ArticleNonInterference)
	if name() != before {
		t.Errorf("after the denial the state is %q", name())
	}
	published, err := authority.ManifestPublish(ctx, next)
	must(t, err)
	if published.Signed != next || published.PublishedBy != "KZ:authority-1" || name() != "Renamed" {
		t.Errorf("published is %+v, and the state %q", published, name())
	}
	all, err := liaison.Manifests(ctx)
	must(t, err)
	if len(all) != 1 || all[0] != *published {
		t.Errorf("listed are %+v", all)
	}
	_, err = authority.ManifestPublish(ctx, next)
	want(t, err, comity.CodeConflict, 0)
}

// TestOlderForAMoment: a server that does not know yet what was published through
// another is asked again; one that goes on so is refused.
func TestOlderForAMoment(t *testing.T) {
	w := newWorld(t)
	old := w.Directory.JWS("KZ")
	m := &middle{}
	c, err := client.New(w.config(m))
	must(t, err)
	c.Hurry()
	w.Publish(t, "KZ", func(m *statement.Manifest) { m.Name = "Renamed" })
	_, err = c.Refresh(t.Context())
	must(t, err)
	asked, behind := 0, 1
	m.on("Directory", func(data map[string]any) {
		if asked++; asked > behind {
			return
		}
		for _, s := range data["states"].([]any) {
			if s := s.(map[string]any); s["code"] == "KZ" {
				s["manifest"] = old
			}
		}
	})
	if _, err := c.Refresh(t.Context()); err != nil || asked != 2 {
		t.Errorf("asked %d times: %v", asked, err)
	}
	asked, behind = 0, 100
	_, err = c.Refresh(t.Context())
	wantUnverified(t, err, "goes back")
	if asked != 3 {
		t.Errorf("asked %d times before it was refused", asked)
	}
}
