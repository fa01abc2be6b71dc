package sovereignty

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/schema/validate"

	"github.com/comity-platform/comity"
)

// set is a copy of the embedded files, to be changed.
func set(t testing.TB) fstest.MapFS {
	t.Helper()
	names, err := fs.Glob(embedded, "*")
	if err != nil {
		t.Fatal(err)
	}
	copied := fstest.MapFS{}
	for _, name := range names {
		text, err := embedded.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		copied[name] = &fstest.MapFile{Data: text}
	}
	return copied
}

const article6 = "article06_nexus.cedar"

func TestLoad(t *testing.T) {
	p := load(t)
	if again := load(t); p.Hash() != again.Hash() || !regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(p.Hash()) {
		t.Errorf("hashes %s and %s", p.Hash(), again.Hash())
	}
	for _, a := range Actions {
		if len(p.byScope[scope{a, comity.RoleLiaison}]) == 0 {
			t.Errorf("no policy speaks of %s", a)
		}
	}
	if len(precedence) != 16 {
		t.Error("the order of precedence has not sixteen Articles")
	}
	seen := map[int]bool{}
	for a := comity.ArticleOriginator; a.Valid(); a++ {
		seen[rank(a)] = true
	}
	if len(seen) != 16 {
		t.Error("two Articles have one place in the order of precedence")
	}
}

// TestSchemaIsWhatGoGives holds every question that Go makes against the schema.
func TestSchemaIsWhatGoGives(t *testing.T) {
	c, err := newChecker()
	if err != nil {
		t.Fatal(err)
	}
	v := validate.New(c.schema)
	for _, a := range Actions {
		action := types.NewEntityUID("Action", types.String(a))
		if c.schema.Actions[action].AppliesTo == nil {
			t.Errorf("the schema lacks %s", a)
			continue
		}
		for _, role := range roles {
			entities, request := facts(Question{Action: a, Officer: comity.Officer{State: "KZ", Agency: "KZ/cyber", Role: role}})
			if err := v.Request(request); err != nil {
				t.Errorf("%s: %v", a, err)
			}
			for _, e := range []types.Entity{entities.principal, entities.resource} {
				if err := v.Entity(e); err != nil {
					t.Errorf("%s: %v", a, err)
				}
			}
		}
	}
	given := 0
	for _, a := range c.schema.Actions {
		if a.AppliesTo != nil {
			given++
		}
	}
	if given != len(Actions) {
		t.Errorf("the schema has %d actions, Go %d", given, len(Actions))
	}
}

// TestEditChangesBehaviour changes a policy file, and nothing else.
func TestEditChangesBehaviour(t *testing.T) {
	whole := load(t)
	edited := set(t)
	edited[article6] = &fstest.MapFile{Data: []byte("// Nothing is asked for.\n")}
	p, err := LoadFS(edited)
	if err != nil {
		t.Fatal(err)
	}
	q := questions(t)["grantMake"]
	q.Record.Nexus = false
	if before, after := whole.Decide(q), p.Decide(q); before.Permit || before.Article != comity.ArticleExternalNexus || !after.Permit {
		t.Errorf("before %+v, after %+v", before, after)
	}
	if p.Hash() == whole.Hash() {
		t.Error("the edited set has the same hash")
	}
}

func TestHashTellsSetsApart(t *testing.T) {
	hashes := map[string]string{load(t).Hash(): "whole"}
	for name, edit := range map[string]func(fstest.MapFS){
		"a comment more": func(m fstest.MapFS) {
			m[article6] = &fstest.MapFile{Data: append([]byte("// x\n"), m[article6].Data...)}
		},
		"a file renamed": func(m fstest.MapFS) {
			m["article06_link.cedar"] = m[article6]
			delete(m, article6)
		},
		"a line moved to the next file": func(m fstest.MapFS) {
			const next = "article07_legal_basis.cedar"
			line, rest, _ := strings.Cut(string(m[next].Data), "\n")
			m[next] = &fstest.MapFile{Data: []byte(rest)}
			m[article6] = &fstest.MapFile{Data: append(m[article6].Data, line+"\n"...)}
		},
	} {
		m := set(t)
		edit(m)
		p, err := LoadFS(m)
		if err != nil {
			t.Fatal(err)
		}
		if other, ok := hashes[p.Hash()]; ok {
			t.Errorf("%s has the hash of %s", name, other)
		}
		hashes[p.Hash()] = name
	}
	m := set(t)
	m["README.md"] = &fstest.MapFile{Data: []byte("beside the policies")}
	if p, err := LoadFS(m); err != nil || hashes[p.Hash()] != "whole" {
		t.Errorf("a file beside the policies counts: %v", err)
	}
}

// TestPolicyThatCannotBeEvaluated: Cedar would skip it, and with it what it forbids.
func TestPolicyThatCannotBeEvaluated(t *testing.T) {
	m := set(t)
	m[article6] = &fstest.MapFile{Data: []byte(`@id("x") @article("6") @reason("r")
		forbid (principal, action == Action::"caseUpdate", resource) when { 9223372036854775807 + 1 == 0 };`)}
	p, err := LoadFS(m)
	if err != nil {
		t.Fatal(err)
	}
	q := questions(t)["ownChange"]
	if d := p.Decide(q); d.Permit || d.Policy != policyFault || d.Explainable || !strings.Contains(d.Reason, "Policy x") {
		t.Errorf("%+v", d)
	}
}

func TestFaultySets(t *testing.T) {
	const head = `@id("x") @article("6") @reason("r") `
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"does not parse":     {"\npermit (principal,", []string{article6, ":2"}},
		"unknown act":        {head + `forbid (principal, action == Action::"caseDelete", resource);`, []string{article6 + ":1:1", "caseDelete"}},
		"unknown group":      {head + `forbid (principal, action in Action::"changes", resource);`, []string{"changes"}},
		"unknown fact":       {"\n\n" + head + `forbid (principal, action == Action::"caseRead", resource) when { resource.secret };`, []string{article6 + ":3:1", "secret"}},
		"unknown context":    {head + `forbid (principal, action == Action::"caseRead", resource) when { context.mandate };`, []string{"mandate"}},
		"fact of other acts": {head + `forbid (principal, action, resource) when { resource.reserved };`, []string{"reserved"}},
		"wrong type":         {head + `forbid (principal, action == Action::"caseRead", resource is Case) when { resource.reserved == "yes" };`, []string{article6}},
		"unknown role":       {head + `forbid (principal is Operator, action, resource);`, []string{"Operator"}},
		"no id":              {`@article("6") @reason("r") forbid (principal, action, resource);`, []string{"@id"}},
		"no article":         {`@id("x") @reason("r") forbid (principal, action, resource);`, []string{"@article"}},
		"no reason":          {`@id("x") @article("6") forbid (principal, action, resource);`, []string{"@reason"}},
		"empty reason":       {`@id("x") @article("6") @reason("") forbid (principal, action, resource);`, []string{"@reason"}},
		"other article":      {`@id("x") @article("7") @reason("r") forbid (principal, action, resource);`, []string{`@article("7")`}},
		"unknown annotation": {head + `@note("n") forbid (principal, action, resource);`, []string{"@note"}},
		"unknown answer":     {head + `@answer("loud") forbid (principal, action, resource);`, []string{"@answer"}},
		"silent permit":      {head + `@answer("absent") permit (principal, action == Action::"caseRead", resource);`, []string{"@answer"}},
		"id used twice":      {head + "forbid (principal, action, resource);\n" + head + "forbid (principal, action, resource);", []string{article6 + ":2:1", `"x"`}},
		"id of another file": {`@id("hidden") @article("6") @reason("r") forbid (principal, action, resource);`, []string{`"hidden"`}},
		"bypass":             {head + `permit (principal, action, resource);`, []string{"names the actions"}},
		"too long":           {strings.Repeat("// long\n", maxPolicyFile), []string{"at most"}},
	} {
		m := set(t)
		m[article6] = &fstest.MapFile{Data: []byte(c.text)}
		p, err := LoadFS(m)
		if err == nil || p != nil {
			t.Errorf("%s: it loads", name)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q is not in: %v", name, want, err)
			}
		}
	}
}

func TestFaultyFolders(t *testing.T) {
	for name, edit := range map[string]func(fstest.MapFS){
		"Article 6":           func(m fstest.MapFS) { delete(m, article6) },
		"already stands":      func(m fstest.MapFS) { m["article06_twice.cedar"] = &fstest.MapFile{} },
		"is named":            func(m fstest.MapFS) { m["extra.cedar"] = &fstest.MapFile{} },
		"no Article 17":       func(m fstest.MapFS) { m["article17_more.cedar"] = &fstest.MapFile{} },
		"no Article 0":        func(m fstest.MapFS) { m["article00_less.cedar"] = &fstest.MapFile{} },
		"article01_*.cedar":   func(m fstest.MapFS) { clear(m) },
		article6 + ": open":   func(m fstest.MapFS) { m[article6] = &fstest.MapFile{Mode: fs.ModeSymlink, Data: []byte("nowhere")} },
		"article06_nexus":     func(m fstest.MapFS) { m[article6] = &fstest.MapFile{Mode: fs.ModeDir} },
		"there is no Article": func(m fstest.MapFS) { m["article99_x.cedar"] = &fstest.MapFile{} },
	} {
		m := set(t)
		edit(m)
		if _, err := LoadFS(m); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	m := set(t)
	m[article6] = &fstest.MapFile{Data: []byte("permit")}
	m["article07_legal_basis.cedar"] = &fstest.MapFile{Data: []byte("forbid")}
	if _, err := LoadFS(m); err == nil || !strings.Contains(err.Error(), article6) || !strings.Contains(err.Error(), "article07") {
		t.Errorf("not both faults are told: %v", err)
	}
}

// FuzzLoadFS: whatever stands in a policy file, it loads or is refused by name,
// and a set that loads decides without a fault.
func FuzzLoadFS(f *testing.F) {
	names, _ := fs.Glob(embedded, "*")
	for _, name := range names {
		text, _ := embedded.ReadFile(name)
		f.Add(strings.ReplaceAll(string(text), `@article("`, `@article("6") @x("`))
	}
	text, _ := embedded.ReadFile(article6)
	f.Add(string(text))
	f.Add("")
	f.Add(`@id("x") @article("6") @reason("r") permit (principal, action == Action::"caseRead", resource) when { 1 + 1 > 9223372036854775807 + 1 };`)
	f.Add(`@id("x") @article("6") @reason("r") forbid (principal, action == Action::"caseRead", resource) when { (((((((principal.state)))))) == "\u{0}" };`)
	base := set(f)
	asked := questions(f)
	f.Fuzz(func(t *testing.T, text string) {
		m := fstest.MapFS{}
		for name := range base {
			m[name] = &fstest.MapFile{Data: []byte("// nothing\n")}
		}
		m[article6] = &fstest.MapFile{Data: []byte(text)}
		p, err := LoadFS(m)
		if err != nil {
			if !strings.Contains(err.Error(), article6) {
				t.Fatalf("the error does not name the file: %v", err)
			}
			return
		}
		for _, q := range asked {
			if d := p.Decide(q); !d.Article.Valid() || d.Reason == "" || d.Policy == "" {
				t.Fatalf("%+v", d)
			}
		}
	})
}

// TestTheCeilingIsInThePolicies: which classifications the union exchanges stands
// in a policy file, and so in the hash that states accept.
func TestTheCeilingIsInThePolicies(t *testing.T) {
	files := set(t)
	const name, list = "article09_purpose.cedar", `["UNCLASSIFIED", "RESTRICTED"]`
	text := string(files[name].Data)
	if !strings.Contains(text, list) {
		t.Fatalf("%s lists no classifications", name)
	}
	files[name] = &fstest.MapFile{Data: []byte(strings.Replace(text, list, `["UNCLASSIFIED", "RESTRICTED", "CONFIDENTIAL"]`, 1))}
	raised, err := LoadFS(files)
	if err != nil {
		t.Fatal(err)
	}
	as := load(t)
	if raised.Hash() == as.Hash() {
		t.Error("with another ceiling the set has the same hash")
	}
	for _, c := range comity.Classifications {
		q := Question{Action: CaseFile, Officer: comity.Officer{State: "KZ", Agency: "KZ/cyber", Role: comity.RoleInvestigator},
			Record:        Record{State: "KZ", Agency: "KZ/cyber", Category: "RANSOMWARE", Marking: comity.DefaultMarking, Claimed: true},
			Circumstances: Circumstances{Competent: true, Classification: c}}
		if d := as.Decide(q); d.Permit != (c == comity.Unclassified || c == comity.Restricted) {
			t.Errorf("%s: %+v", c, d)
		}
		if d := raised.Decide(q); d.Permit != (c != comity.Secret && c != comity.TopSecret) {
			t.Errorf("%s under a higher ceiling: %+v", c, d)
		}
	}
}
