package sovereignty

import (
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/ast"
	"github.com/cedar-policy/cedar-go/x/exp/schema"
	"github.com/cedar-policy/cedar-go/x/exp/schema/resolved"
	"github.com/cedar-policy/cedar-go/x/exp/schema/validate"

	"github.com/comity-platform/comity"
)

//go:embed article*.cedar
var embedded embed.FS

//go:embed articles.cedarschema
var schemaText []byte

// maxPolicyFile bounds a policy file, in bytes, before it is parsed: the
// parser recurses on nesting.
const maxPolicyFile = 64 << 10

// Policies is one set of policies, parsed and checked. It is immutable and safe
// for concurrent use.
type Policies struct {
	hash    string
	byScope map[scope]ordered
	rules   map[types.PolicyID]rule
	texts   map[comity.Article]string // what each file says of its Article
}

// rule is what a policy says of itself in its annotations.
type rule struct {
	id      string
	article comity.Article
	permit  bool
	reason  string
	cure    string
	who     []Who // can do what cures it
	absent  bool  // a denial by it answers as if the record did not exist
	actions []Action
	policy  *cedar.Policy
	order   int // in its file
}

// scope is an action and the role of who does it: what a policy says of either
// in its scope is settled when the set is loaded.
type scope struct {
	action Action
	role   comity.Role
}

// ordered gives the policies of one scope to Cedar in the order in which they
// speak, so that the first reason of the answer is the one that counts.
type ordered []namedPolicy

type namedPolicy struct {
	id     types.PolicyID
	policy *cedar.Policy
}

// All implements [cedar.PolicyIterator].
func (o ordered) All() iter.Seq2[types.PolicyID, *cedar.Policy] {
	return func(yield func(types.PolicyID, *cedar.Policy) bool) {
		for _, p := range o {
			if !yield(p.id, p.policy) {
				return
			}
		}
	}
}

// Load gives the policies that the program carries.
func Load() (*Policies, error) { return LoadFS(embedded) }

var policyFile = regexp.MustCompile(`^article(\d\d)_[a-z_]+\.cedar$`)

// LoadFS reads a set from the files articleNN_name.cedar at the root of fsys,
// exactly one an Article. All faults are reported at once, each with its file
// and position: a file that does not parse or is missing; a policy that names
// an action or a fact that articles.cedarschema does not, that lacks the
// annotations @id, @article and @reason, or that permits without naming actions.
func LoadFS(fsys fs.FS) (*Policies, error) {
	names, err := fs.Glob(fsys, "*.cedar")
	if err != nil {
		return nil, fmt.Errorf("policies: %w", err)
	}
	slices.Sort(names)
	checker, err := newChecker()
	if err != nil {
		return nil, err
	}
	p := &Policies{byScope: map[scope]ordered{}, rules: map[types.PolicyID]rule{}, texts: map[comity.Article]string{}}
	sum := sha256.New()
	var faults []error
	files := map[comity.Article]string{}
	for _, name := range names {
		m := policyFile.FindStringSubmatch(name)
		if m == nil {
			faults = append(faults, fmt.Errorf("%s: a policy file is named articleNN_name.cedar", name))
			continue
		}
		n, _ := strconv.Atoi(m[1])
		article := comity.Article(n)
		if !article.Valid() {
			faults = append(faults, fmt.Errorf("%s: there is no Article %d", name, n))
			continue
		}
		if files[article] != "" {
			faults = append(faults, fmt.Errorf("%s: Article %d already stands in %s", name, n, files[article]))
		}
		files[article] = name
		text, err := readBounded(fsys, name)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		for _, part := range [][]byte{[]byte(name), text} {
			var size [8]byte // so that no two sets of files run together into the same bytes
			binary.BigEndian.PutUint64(size[:], uint64(len(part)))
			sum.Write(size[:])
			sum.Write(part)
		}
		faults = append(faults, p.addFile(checker, name, article, text)...)
	}
	for a := comity.ArticleOriginator; a.Valid(); a++ {
		if files[a] == "" {
			faults = append(faults, fmt.Errorf("article%02d_*.cedar: there is no file for %s", int(a), a))
		}
	}
	if len(faults) > 0 {
		return nil, fmt.Errorf("the policies do not hold: %w", errors.Join(faults...))
	}
	p.hash = hex.EncodeToString(sum.Sum(nil))
	p.arrange()
	return p, nil
}

func readBounded(fsys fs.FS, name string) ([]byte, error) {
	info, err := fs.Stat(fsys, name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if info.Size() > maxPolicyFile {
		return nil, fmt.Errorf("%s: a policy file is at most %d bytes", name, maxPolicyFile)
	}
	text, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return text, nil
}

// articleText is the comment that a policy file begins with, without its title.
func articleText(text []byte) string {
	var words []string
	for i, line := range strings.Split(string(text), "\n") {
		comment, ok := strings.CutPrefix(line, "//")
		if !ok {
			break
		}
		if i > 0 {
			words = append(words, strings.TrimSpace(comment))
		}
	}
	return strings.Join(words, " ")
}

// addFile parses one file and takes in its policies.
func (p *Policies) addFile(c *checker, name string, article comity.Article, text []byte) (faults []error) {
	list, err := cedar.NewPolicyListFromBytes(name, text)
	if err != nil {
		return []error{fmt.Errorf("%s: %w", name, err)}
	}
	p.texts[article] = articleText(text)
	for i, policy := range list {
		r, errs := c.rule(policy, article)
		if before, ok := p.rules[types.PolicyID(r.id)]; ok && r.id != "" {
			errs = append(errs, fmt.Errorf("the id %q already stands in Article %d", r.id, before.article))
		}
		for _, err := range errs {
			at := policy.Position()
			faults = append(faults, fmt.Errorf("%s:%d:%d: %w", name, at.Line, at.Column, err))
		}
		if len(errs) == 0 {
			r.order = i
			p.rules[types.PolicyID(r.id)] = r
		}
	}
	return faults
}

// sorted gives the policies in the order in which they speak: what forbids
// before what permits, the Articles by precedence, within one by their order in
// the file.
func (p *Policies) sorted() []rule {
	order := func(r rule) int {
		if r.permit {
			return 1
		}
		return 0
	}
	return slices.SortedFunc(maps.Values(p.rules), func(a, b rule) int {
		return cmp.Or(cmp.Compare(order(a), order(b)), cmp.Compare(rank(a.article), rank(b.article)), cmp.Compare(a.order, b.order))
	})
}

// arrange settles, per action and role, the policies that speak about it.
func (p *Policies) arrange() {
	for _, r := range p.sorted() {
		scoped := *r.policy.AST()
		scoped.Action = ast.ScopeTypeAll{}
		typ, one := scoped.Principal.(ast.ScopeTypeIs)
		if one {
			scoped.Principal = ast.ScopeTypeAll{}
		}
		compiled := namedPolicy{types.PolicyID(r.id), cedar.NewPolicyFromAST(&scoped)}
		for role, asker := range principals {
			if one && asker.Type != typ.Type {
				continue
			}
			for _, a := range r.actions {
				p.byScope[scope{a, role}] = append(p.byScope[scope{a, role}], compiled)
			}
		}
	}
}

// Hash is the hex SHA-256 over the sorted names and contents of the policy
// files, each preceded by its length in eight bytes. It is what a state accepts
// in its manifest.
func (p *Policies) Hash() string { return p.hash }

// checker holds policies against articles.cedarschema.
type checker struct {
	schema    *resolved.Schema
	validator *validate.Validator
}

func newChecker() (*checker, error) {
	var s schema.Schema
	s.SetFilename("articles.cedarschema")
	if err := s.UnmarshalCedar(schemaText); err != nil {
		return nil, fmt.Errorf("articles.cedarschema: %w", err)
	}
	r, err := s.Resolve()
	if err != nil {
		return nil, fmt.Errorf("articles.cedarschema: %w", err)
	}
	return &checker{schema: r, validator: validate.New(r)}, nil
}

// rule reads a policy's annotations and checks it against the schema.
func (c *checker) rule(policy *cedar.Policy, article comity.Article) (r rule, faults []error) {
	r = rule{permit: policy.Effect() == types.Permit, policy: policy, article: article}
	for key, value := range policy.Annotations() {
		switch text := string(value); key {
		case "id":
			r.id = text
		case "article":
			if text != strconv.Itoa(int(article)) {
				faults = append(faults, fmt.Errorf("@article(%q) stands in the file of Article %d", text, article))
			}
		case "reason":
			r.reason = text
		case "cure":
			r.cure = text
		case "who":
			var err error
			if r.who, err = readWho(text); err != nil {
				faults = append(faults, err)
			}
		case "answer":
			if r.absent = text == "absent"; !r.absent || r.permit {
				faults = append(faults, fmt.Errorf(`@answer(%q): only "absent" is known, and only where forbidden`, text))
			}
		default:
			faults = append(faults, fmt.Errorf("the annotation @%s is not known", key))
		}
	}
	if _, ok := policy.Annotations()["article"]; !ok {
		faults = append(faults, errors.New("the policy lacks @article"))
	}
	if r.id == "" {
		faults = append(faults, errors.New("the policy lacks @id"))
	}
	if len(r.who) > 0 && r.cure == "" {
		faults = append(faults, errors.New("@who says who can do what @cure says, which is missing"))
	}
	if r.reason == "" {
		faults = append(faults, errors.New("the policy lacks @reason"))
	}
	scope := policy.AST().Action
	if _, all := scope.(ast.ScopeTypeAll); all && r.permit {
		// Article 16: a permit for whatever there is would be a bypass.
		faults = append(faults, errors.New("a policy that permits names the actions that it permits"))
	}
	if err := c.validator.Policy("", (*ast.Policy)(policy.AST())); err != nil {
		faults = append(faults, err)
	}
	for _, a := range Actions {
		if c.inScope(types.NewEntityUID("Action", types.String(a)), scope) {
			r.actions = append(r.actions, a)
		}
	}
	slices.SortFunc(faults, func(a, b error) int { return cmp.Compare(a.Error(), b.Error()) })
	return r, faults
}

// inScope reports whether an action falls under the scope of a policy, also
// through its groups.
func (c *checker) inScope(action types.EntityUID, scope ast.IsActionScopeNode) bool {
	switch s := scope.(type) {
	case ast.ScopeTypeAll:
		return true
	case ast.ScopeTypeEq:
		return action == s.Entity
	case ast.ScopeTypeIn:
		return c.descends(action, s.Entity)
	case ast.ScopeTypeInSet:
		return slices.ContainsFunc(s.Entities, func(e types.EntityUID) bool { return c.descends(action, e) })
	}
	return false
}

func (c *checker) descends(action, group types.EntityUID) bool {
	if action == group {
		return true
	}
	for parent := range c.schema.Actions[action].Entity.Parents.All() {
		if c.descends(parent, group) {
			return true
		}
	}
	return false
}
