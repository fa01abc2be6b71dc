package client_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token/tokentest"
)

// serveManifest has the server hand out another manifest of a state.
func serveManifest(m *middle, s comity.State, jws string) {
	m.on("Directory", func(data map[string]any) {
		for _, v := range data["states"].([]any) {
			if st := v.(map[string]any); st["code"] == string(s) {
				st["manifest"] = jws
			}
		}
	})
}

// manifestOf signs a changed manifest of a state with its own root.
func manifestOf(t *testing.T, w *world, s comity.State, by statement.Signer, change func(*statement.Manifest)) string {
	t.Helper()
	m, err := w.Directory.State(s)
	must(t, err)
	change(&m)
	jws, err := statement.SignManifest(context.Background(), by, m)
	must(t, err)
	return jws
}

// TestManifests has the server hand out manifests that are not to be believed.
func TestManifests(t *testing.T) {
	w := newWorld(t)
	for name, test := range map[string]struct {
		jws  string
		says string
	}{
		"signed by another state's root": {manifestOf(t, w, "KZ", w.RootKeys["AM"], func(*statement.Manifest) {}), "manifest of KZ"},
		"another state's":                {w.Directory.JWS("AM"), "manifest of KZ"},
		"for another union":              {manifestOf(t, w, "KZ", w.RootKeys["KZ"], func(m *statement.Manifest) { tokentest.Foreign(t, m, "other"); m.Number++ }), "manifest of KZ"},
		"no manifest":                    {"x", "manifest of KZ"},
		"from the future":                {manifestOf(t, w, "KZ", w.RootKeys["KZ"], func(m *statement.Manifest) { m.IssuedAt = m.IssuedAt.Add(time.Hour); m.Number++ }), "clock"},
	} {
		t.Run(name, func(t *testing.T) {
			m := &middle{}
			serveManifest(m, "KZ", test.jws)
			_, err := client.Login(t.Context(), w.config(m), "liaison@KZ")
			wantUnverified(t, err, test.says)
		})
	}
}

// TestRollback: what was seen once is remembered in a file, and an older
// manifest, or another with the same number, is refused from then on.
func TestRollback(t *testing.T) {
	w := newWorld(t)
	old := w.Directory.JWS("KZ")
	w.Publish(t, "KZ", func(m *statement.Manifest) { m.Name = "Kazakhstan anew" })
	file := filepath.Join(t.TempDir(), "manifests.json")
	m := &middle{}
	config := w.config(m)
	config.StateFile = file
	_, err := client.Login(t.Context(), config, "liaison@KZ")
	must(t, err)
	if st, err := os.Stat(file); err != nil || st.Mode().Perm() != 0o600 {
		t.Fatalf("the state file is %v %v", st, err)
	}

	serveManifest(m, "KZ", old)
	_, err = client.Login(t.Context(), config, "liaison@KZ") // another process
	wantUnverified(t, err, "goes back")

	serveManifest(m, "KZ", manifestOf(t, w, "KZ", w.RootKeys["KZ"], func(m *statement.Manifest) { m.Name = "Kazakhstan otherwise" }))
	_, err = client.Login(t.Context(), config, "liaison@KZ")
	wantUnverified(t, err, "another manifest with the number")

	// The same manifest signed again is no other one.
	serveManifest(m, "KZ", manifestOf(t, w, "KZ", w.RootKeys["KZ"], func(*statement.Manifest) {}))
	_, err = client.Login(t.Context(), config, "liaison@KZ")
	must(t, err)

	// A newer one is taken.
	m.on("Directory", nil)
	w.Publish(t, "KZ", func(m *statement.Manifest) { m.Name = "Kazakhstan once more" })
	c, err := client.Login(t.Context(), config, "liaison@KZ")
	must(t, err)
	u, err := c.Refresh(t.Context())
	must(t, err)
	for _, s := range u.States {
		if s.Code == "KZ" && s.Manifest.Name != "Kazakhstan once more" {
			t.Errorf("KZ is %+v", s)
		}
	}

	must(t, os.WriteFile(file, []byte("{"), 0o600))
	if _, err := client.New(config); err == nil || !strings.Contains(err.Error(), file) {
		t.Fatalf("a damaged state file is %v", err)
	}
	other := config
	must(t, os.Remove(file))
	other.Union = "another union"
	_, err = client.Login(t.Context(), other, "liaison@KZ")
	wantUnverified(t, err, "union")
}

// TestExpiredElsewhere: a state whose manifest has run out is dark, and the
// others go on.
func TestExpiredElsewhere(t *testing.T) {
	w := newWorld(t)
	m := &middle{}
	serveManifest(m, "BY", manifestOf(t, w, "BY", w.RootKeys["BY"], func(m *statement.Manifest) {
		m.Number++
		m.IssuedAt, m.Expires = m.IssuedAt.AddDate(-1, 0, -1), m.IssuedAt.Add(-time.Hour)
	}))
	c := w.through(t, "liaison@KZ", m)
	u, err := c.Refresh(t.Context())
	must(t, err)
	for _, s := range u.States {
		if (s.Code == "BY") != (s.Manifest == nil) || s.Code == "BY" && !strings.Contains(s.Fault, "expired") {
			t.Errorf("%s: %+v", s.Code, s)
		}
	}
	_, err = client.Login(t.Context(), w.config(m), "liaison@BY")
	if err == nil || !strings.Contains(err.Error(), "BY") {
		t.Fatalf("Belarus logs in: %v", err)
	}
}

// TestPinnedRoots: only states with a pinned root are believed.
func TestPinnedRoots(t *testing.T) {
	w := newWorld(t)
	config := w.config(nil)
	config.Roots = statement.Roots{"KZ": w.Roots["KZ"]}
	c, err := client.Login(t.Context(), config, "liaison@KZ")
	must(t, err)
	u, err := c.Refresh(t.Context())
	must(t, err)
	for _, s := range u.States {
		if (s.Code == "KZ") != (s.Manifest != nil) {
			t.Errorf("%s: %+v", s.Code, s)
		}
	}
	config.Roots = statement.Roots{"KZ": w.Roots["AM"], "AM": w.Roots["KZ"]}
	_, err = client.Login(t.Context(), config, "liaison@KZ")
	wantUnverified(t, err, "pinned root")
}

// TestNewKeys: a state that changes its statement key is believed as soon as
// its new manifest is out, without a new login.
func TestNewKeys(t *testing.T) {
	w := newWorld(t)
	c := w.as(t, "investigator@KZ")
	of := w.file(t, c).ID
	path, content := temp(t, "f", 100)
	x, err := c.PutEvidence(t.Context(), client.PutOptions{Case: of, Path: path})
	must(t, err)
	keys := w.Signers["KZ"]
	public, err := statement.RawJWK(keys)
	must(t, err)
	w.Publish(t, "KZ", func(m *statement.Manifest) { m.StatementKeys = append(m.StatementKeys, public) })
	w.Clock.Advance(20 * time.Second) // past what counts as just now
	fetch(t, c, x.Evidence, content)
}

// TestForgedStatements has the server show grants and refusals that nobody signed so.
func TestForgedStatements(t *testing.T) {
	w := newWorld(t)
	w.Mandate(t, "KZ")
	owner, liaison := w.as(t, "investigator@KZ"), w.as(t, "liaison@KZ")
	of := w.file(t, owner).ID
	grant := w.grant(t, owner, liaison, of)
	second := w.grant(t, owner, liaison, w.file(t, owner).ID)
	m := &middle{}
	foreign := w.through(t, "investigator@AM", m)
	for name, lie := range map[string]func(map[string]any){
		"a wider scope":         func(g map[string]any) { g["scope"] = "SUMMARY" },
		"a longer term":         func(g map[string]any) { g["notAfter"] = "2039-01-01T00:00:00Z" },
		"another grantee":       func(g map[string]any) { g["granteeAgency"] = "AM/ct" },
		"another purpose":       func(g map[string]any) { g["purpose"] = "PREVENTION" },
		"another grade":         func(g map[string]any) { g["grade"] = "EVIDENCE" },
		"no caveats":            func(g map[string]any) { g["caveats"] = nil },
		"another statement":     func(g map[string]any) { g["statement"] = second.Statement },
		"the grant as narrowed": func(g map[string]any) { g["narrowing"] = g["statement"] },
		"a foreign exhibit":     func(g map[string]any) { g["exhibits"] = []any{"evidence1_aaaaaaaaaaaaaaaaaaaaaaaaaa"} },
	} {
		m.on("Grant", func(data map[string]any) { lie(data["node"].(map[string]any)) })
		g, err := foreign.Grant(t.Context(), grant.ID)
		must(t, err)
		if g.Check.Verified() || g.Check.Err() == nil {
			t.Errorf("%s is taken: %v", name, g.Check)
		}
	}
	m.on("Grant", func(data map[string]any) {
		data["node"].(map[string]any)["check"] = "verified"
		data["node"].(map[string]any)["statement"] = nil
	})
	if g, err := foreign.Grant(t.Context(), grant.ID); err != nil || g.Check.Verified() {
		t.Errorf("the server's own word is taken: %v %v", g, err)
	}

	// What answers an act signed here must rest on it.
	lm := &middle{}
	lying := w.through(t, "liaison@KZ", lm)
	lm.on("GrantMake", func(data map[string]any) { put(data, second.Statement, "grantMake", "grant", "statement") })
	now := w.Clock.Now()
	release, err := owner.ReleaseDecide(t.Context(), client.NewRelease{Case: of, Decider: comity.DeciderOwner, Grantee: "AM", Scope: comity.ScopeFull,
		Purpose: comity.PurposeInvestigation, NotAfter: now.Add(time.Hour * 48)})
	must(t, err)
	_, err = lying.GrantMake(t.Context(), client.NewGrant{Case: of, Category: tokentest.Category, Grantee: comity.Grantee{State: "AM"}, Scope: comity.ScopeSummary, Grade: comity.GradeLead,
		Caveats: comity.Caveats{Marking: comity.DefaultMarking}, Purpose: comity.PurposeInvestigation, Agreement: tokentest.Agreement, Release: release.ID,
		NotBefore: now, NotAfter: now.Add(time.Hour)})
	wantUnverified(t, err, "the signed grant")
	// The very same terms, made by another session: a genuine grant, but not this one.
	terms := client.NewGrant{Case: of, Category: tokentest.Category, Grantee: comity.Grantee{State: "AM"}, Scope: comity.ScopeSummary, Grade: comity.GradeLead,
		Caveats: comity.Caveats{Marking: comity.DefaultMarking}, Purpose: comity.PurposeInvestigation, Agreement: tokentest.Agreement, Release: release.ID,
		NotBefore: now, NotAfter: now.Add(time.Hour)}
	var twin any
	om := &middle{}
	om.on("GrantMake", func(data map[string]any) { twin = within(data, "grantMake", "grant") })
	_, err = w.through(t, "liaison@KZ", om).GrantMake(t.Context(), terms)
	must(t, err)
	lm.on("GrantMake", func(data map[string]any) { put(data, twin, "grantMake", "grant") })
	_, err = lying.GrantMake(t.Context(), terms)
	wantUnverified(t, err, "it is about")
	lm.on("GrantMake", func(data map[string]any) { put(data, "2039-01-01T00:00:00Z", "grantMake", "grant", "notAfter") })
	_, err = lying.GrantMake(t.Context(), client.NewGrant{Case: of, Category: tokentest.Category, Grantee: comity.Grantee{State: "AM"}, Scope: comity.ScopeSummary, Grade: comity.GradeLead,
		Caveats: comity.Caveats{Marking: comity.DefaultMarking}, Purpose: comity.PurposeInvestigation, Agreement: tokentest.Agreement, Release: release.ID,
		NotBefore: now, NotAfter: now.Add(time.Hour)})
	wantUnverified(t, err, "other terms")
	lm.on("GrantRevoke", func(data map[string]any) { put(data, grant.Statement, "grantRevoke", "statement") })
	_, err = lying.GrantRevoke(t.Context(), second.Case, second.ID, "")
	wantUnverified(t, err, "the signed revocation")
	lm.on("GrantRevoke", func(data map[string]any) { put(data, "ACTIVE", "grantRevoke", "grant", "status") })
	_, err = lying.GrantRevoke(t.Context(), of, grant.ID, "")
	wantUnverified(t, err, "the revocation")
}
