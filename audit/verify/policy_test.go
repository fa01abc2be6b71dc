package verify_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	cosignature "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity-platform/comity/audit/verify"
)

const origin = "comity/log/test"

// logKey is a key of a log, by a seed.
func logKey(t testing.TB, seed byte) (note.Signer, note.Verifier) {
	t.Helper()
	key := ed25519.NewKeyFromSeed(slices.Repeat([]byte{seed}, 32))
	vkey, err := note.NewEd25519VerifierKey(origin, key.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	hash := strings.Split(vkey, "+")[1]
	signer, err := note.NewSigner("PRIVATE+KEY+" + origin + "+" + hash + "+" + base64.StdEncoding.EncodeToString(append([]byte{1}, key.Seed()...)))
	if err != nil {
		t.Fatal(err)
	}
	v, err := note.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	return signer, v
}

// witness cosigns with a time of the test's choosing.
type witness struct {
	name string
	key  ed25519.PrivateKey
	at   time.Time
}

func newWitness(name string, at time.Time) witness {
	seed := sha256.Sum256([]byte(name))
	return witness{name[:strings.LastIndex(name, "/")], ed25519.NewKeyFromSeed(seed[:]), at}
}

func (w witness) vkey() string {
	key := append([]byte{4}, w.key.Public().(ed25519.PublicKey)...)
	h := sha256.Sum256(append([]byte(w.name+"\n"), key...))
	return fmt.Sprintf("%s+%08x+%s", w.name, binary.BigEndian.Uint32(h[:]), base64.StdEncoding.EncodeToString(key))
}

func (w witness) verifier(t *testing.T) note.Verifier {
	t.Helper()
	v, err := cosignature.NewVerifierForCosignatureV1(w.vkey())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func (w witness) Name() string { return w.name }

func (w witness) KeyHash() uint32 {
	key := append([]byte{4}, w.key.Public().(ed25519.PublicKey)...)
	h := sha256.Sum256(append([]byte(w.name+"\n"), key...))
	return binary.BigEndian.Uint32(h[:])
}

func (w witness) Sign(msg []byte) ([]byte, error) {
	sig := ed25519.Sign(w.key, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", w.at.Unix(), msg))
	return append(binary.BigEndian.AppendUint64(nil, uint64(w.at.Unix())), sig...), nil
}

// lookalike signs under the name and the hash of a victim's key.
type lookalike struct {
	note.Signer
	victim note.Signer
}

func (l lookalike) Name() string    { return l.victim.Name() }
func (l lookalike) KeyHash() uint32 { return l.victim.KeyHash() }

// looking is the public half of a key that was made to have a victim's name and hash.
type looking struct {
	note.Verifier
	victim note.Signer
}

func (l looking) Name() string    { return l.victim.Name() }
func (l looking) KeyHash() uint32 { return l.victim.KeyHash() }

func sign(t *testing.T, text string, signers ...note.Signer) []byte {
	t.Helper()
	signed, err := note.Sign(&note.Note{Text: text}, signers...)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// TestPolicy: what satisfies a state's policy, and what does not.
func TestPolicy(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	log, logV := logKey(t, 1)
	other, otherV := logKey(t, 2)
	at := func(name string, age time.Duration) witness { return newWitness(name, now.Add(-age)) }
	kz, kz2 := at("kz.example/w/1", 0), at("kz.example/w/2", 0)
	am, am2, by, kg := at("am.example/w/1", 0), at("am.example/w/2", 0), at("by.example/w/1", 0), at("kg.example/w/1", 0)
	text := verify.Checkpoint{Origin: origin, Size: 5, Root: [32]byte{1}}.String()
	like := func(victim note.Signer) note.Signer { return lookalike{at("x.example/w/1", 0), victim} }
	beside := func(fake note.Signer, signers ...note.Signer) []byte { // before them and after them
		head, lines, _ := strings.Cut(string(sign(t, text, signers...)), "\n\n")
		line := string(last(sign(t, text, fake)))
		return []byte(head + "\n\n" + line + lines + line)
	}
	policy := func(change ...func(*verify.Policy)) verify.Policy {
		p := verify.Policy{Origin: origin, Log: []note.Verifier{logV}, Own: []note.Verifier{kz.verifier(t), kz2.verifier(t)}, Need: 2, MaxAge: time.Minute,
			Others: map[string][]note.Verifier{"AM": {am.verifier(t), am2.verifier(t)}, "BY": {by.verifier(t)}, "KG": {kg.verifier(t)}}}
		for _, c := range change {
			c(&p)
		}
		return p
	}
	for name, c := range map[string]struct {
		signed  []byte
		policy  verify.Policy
		says    string // "" when it satisfies
		missing string // of an *Unsigned
	}{
		"all":                          {signed: sign(t, text, log, kz, kz2, am, am2, by, kg), policy: policy()},
		"any two others":               {signed: sign(t, text, log, kz, am, kg), policy: policy()},
		"the own second key":           {signed: sign(t, text, log, kz2, by, kg), policy: policy()},
		"no own cosignature":           {sign(t, text, log, am, by, kg), policy(), "own witness has not cosigned", "kz.example/w kz.example/w"},
		"no own witness at all":        {sign(t, text, log, kz, am, by, kg), policy(func(p *verify.Policy) { p.Own = nil }), "own witness has not cosigned", ""},
		"one of two others":            {sign(t, text, log, kz, am), policy(), "of 1 other states", "BY KG"},
		"two keys of one state":        {sign(t, text, log, kz, am, am2), policy(), "of 1 other states", "BY KG"},
		"a cosignature twice":          {append(sign(t, text, log, kz, by), last(sign(t, text, by))...), policy(), "of 1 other states", "AM KG"},
		"a key that two states name":   {sign(t, text, log, kz, am), policy(func(p *verify.Policy) { p.Others["BY"] = p.Others["AM"] }), "of 1 other states", "BY KG"},
		"the own key named by another": {sign(t, text, log, kz, am), policy(func(p *verify.Policy) { p.Others["BY"] = p.Own }), "of 1 other states", "BY KG"},
		"not all others are needed":    {signed: sign(t, text, log, kz, am, by), policy: policy(func(p *verify.Policy) { p.Need = 3 })},
		"the only other is not needed": {signed: sign(t, text, log, kz), policy: policy(func(p *verify.Policy) { p.Others = map[string][]note.Verifier{"AM": p.Others["AM"]} })},
		"no others":                    {signed: sign(t, text, log, kz), policy: policy(func(p *verify.Policy) { p.Others = nil })},
		"another key of the log":       {sign(t, text, other, kz, am, by), policy(), "signed by no key of the log", "-"},
		// Lines that look as if they were of a key and do not hold spoil nothing, wherever they stand.
		"looks like the log":            {signed: beside(like(log), log, kz, am, by), policy: policy()},
		"looks like the own witness":    {signed: beside(like(kz), log, kz, am, by), policy: policy()},
		"looks like another's":          {signed: beside(like(am), log, kz, am, by), policy: policy()},
		"only looks like the log":       {beside(like(log), kz, am, by), policy(), "signed by no key of the log", "-"},
		"only looks like the own":       {beside(like(kz), log, am, by), policy(), "own witness has not cosigned", "kz.example/w kz.example/w"},
		"only looks like another's":     {beside(like(am), log, kz, by), policy(), "of 1 other states", "AM KG"},
		"a key that is made to look so": {signed: sign(t, text, log, lookalike{by, am}, kz, am, kg), policy: policy(func(p *verify.Policy) { p.Others["BY"] = []note.Verifier{looking{by.verifier(t), am}} })},
		"one of the log's two keys":     {signed: sign(t, text, other, kz, am, by), policy: policy(func(p *verify.Policy) { p.Log = []note.Verifier{logV, otherV} })},
		"no key of the log":             {sign(t, text, kz, am, by), policy(), "signed by no key of the log", "-"},
		"another log":                   {sign(t, strings.Replace(text, "test", "best", 1), log, kz, am, by), policy(), "of the log", "-"},
		"just late enough":              {signed: sign(t, text, log, at("kz.example/w/1", time.Minute), am, by), policy: policy()},
		"the own too old":               {sign(t, text, log, at("kz.example/w/1", time.Minute+time.Second), am, by), policy(), "own witness has not cosigned", "kz.example/w kz.example/w"},
		"another too old":               {sign(t, text, log, kz, at("am.example/w/1", time.Minute+time.Second), by), policy(), "of 1 other states", "AM KG"},
		"old, and any age counts":       {signed: sign(t, text, log, at("kz.example/w/1", 1e6*time.Second), am, by), policy: policy(func(p *verify.Policy) { p.MaxAge = 0 })},
		"a clock a little ahead":        {signed: sign(t, text, log, at("kz.example/w/1", -10*time.Second), am, by), policy: policy()},
		"from the future":               {sign(t, text, log, at("kz.example/w/1", -11*time.Second), am, by), policy(), "own witness has not cosigned", "kz.example/w kz.example/w"},
		"from the future, and any age counts": {sign(t, text, log, newWitness("kz.example/w/1", time.Unix(1<<40, 0)), am, by),
			policy(func(p *verify.Policy) { p.MaxAge = 0 }), "own witness has not cosigned", "kz.example/w kz.example/w"},
		"another from the future, and any age counts": {sign(t, text, log, kz, newWitness("am.example/w/1", time.Unix(1<<40, 0)), by),
			policy(func(p *verify.Policy) { p.MaxAge = 0 }), "of 1 other states", "AM KG"},
		"others of whom no key counts": {sign(t, text, log, kz, am, by), policy(func(p *verify.Policy) { p.Others = map[string][]note.Verifier{"AM": nil, "BY": nil, "KG": nil} }), "of 0 other states", "AM BY KG"},
		"another from the future":      {sign(t, text, log, kz, at("am.example/w/1", -11*time.Second), by), policy(), "of 1 other states", "AM KG"},
		"a cosignature of other words": {append(sign(t, text, log, am, by), last(sign(t, strings.Replace(text, "\n5\n", "\n6\n", 1), kz))...), policy(), "own witness has not cosigned", "kz.example/w kz.example/w"},
		"a broken one of another":      {signed: append(sign(t, text, log, kz, am, by), last(sign(t, text+"x\n", kg))...), policy: policy()},
		"an extension line":            {sign(t, text+"more\n", log, kz, am, by), policy(), "no checkpoint", "-"},
		"no note":                      {[]byte(text), policy(), "signed by no key", "-"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := c.policy.Open(c.signed, now)
			if c.says == "" {
				if err != nil || got.String() != text {
					t.Fatalf("%+v, %v", got, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("got %v, wanted what says %q", err, c.says)
			}
			u, ok := errors.AsType[*verify.Unsigned](err)
			if ok != (c.missing != "-") || (ok && strings.Join(u.Missing, " ") != c.missing) {
				t.Errorf("missing are %+v, wanted %q", u, c.missing)
			}
		})
	}
}

// TestCosignatures: those of the future are not listed, since nobody could have made them.
func TestCosignatures(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	log, _ := logKey(t, 1)
	kz, am := newWitness("kz.example/w/1", now.Add(10*time.Second)), newWitness("am.example/w/1", now.Add(11*time.Second))
	by := newWitness("by.example/w/1", time.Unix(1, 0))
	p := verify.Policy{Own: []note.Verifier{kz.verifier(t)}, Others: map[string][]note.Verifier{"AM": {am.verifier(t)}, "BY": {by.verifier(t)}, "KG": nil}}
	got := p.Cosignatures(sign(t, verify.Checkpoint{Origin: origin, Size: 5}.String(), log, kz, am, by), now)
	if len(got) != 2 || got[0].State != "" || !got[0].At.Equal(kz.at) || got[1].State != "BY" {
		t.Errorf("%+v", got)
	}
}

// last is the last signature line of a note.
func last(signed []byte) []byte {
	lines := strings.SplitAfter(string(signed), "\n")
	return []byte(lines[len(lines)-2])
}

// tree is a log in memory.
type tree struct {
	leaves [][32]byte
	stored []tlog.Hash
}

func (tr *tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		out[i] = tr.stored[x]
	}
	return out, nil
}

func (tr *tree) add(t testing.TB, leaf [32]byte) {
	t.Helper()
	h, err := tlog.StoredHashes(int64(len(tr.leaves)), leaf[:], tr)
	if err != nil {
		t.Fatal(err)
	}
	tr.leaves, tr.stored = append(tr.leaves, leaf), append(tr.stored, h...)
}

func (tr *tree) at(t testing.TB, size int64) verify.Checkpoint {
	t.Helper()
	root, err := tlog.TreeHash(size, tr)
	if err != nil {
		t.Fatal(err)
	}
	return verify.Checkpoint{Origin: origin, Size: size, Root: root}
}

func (tr *tree) consistency(t testing.TB, size, old int64) [][32]byte {
	t.Helper()
	p, err := tlog.ProveTree(size, old, tr)
	if err != nil {
		t.Fatal(err)
	}
	return plain(p)
}

func (tr *tree) path(t testing.TB, size, index int64) [][32]byte {
	t.Helper()
	p, err := tlog.ProveRecord(size, index, tr)
	if err != nil {
		t.Fatal(err)
	}
	return plain(p)
}

func plain(p []tlog.Hash) [][32]byte {
	out := make([][32]byte, len(p))
	for i, h := range p {
		out[i] = h
	}
	return out
}

// newTree is a log of n leaves, others by mark.
func newTree(t testing.TB, n int, mark byte) *tree {
	t.Helper()
	tr := &tree{}
	for i := range n {
		tr.add(t, sha256.Sum256([]byte{mark, byte(i), byte(i >> 8)}))
	}
	return tr
}

// TestCheckpointText: what is no checkpoint as the specification writes it.
func TestCheckpointText(t *testing.T) {
	good := verify.Checkpoint{Origin: origin, Size: 70, Root: [32]byte{1}}.String()
	if c, err := verify.ParseCheckpoint(good); err != nil || c.Size != 70 || c.Root != [32]byte{1} || c.Origin != origin {
		t.Fatalf("%+v, %v", c, err)
	}
	for name, text := range map[string]string{
		"no origin":        strings.TrimPrefix(good, origin),
		"no size":          strings.Replace(good, "70", "", 1),
		"a sign":           strings.Replace(good, "70", "+70", 1),
		"a zero before":    strings.Replace(good, "70", "070", 1),
		"less than none":   strings.Replace(good, "70", "-70", 1),
		"too many":         strings.Replace(good, "70", "4611686018427387904", 1),
		"too many to read": strings.Replace(good, "70", "9223372036854775808", 1),
		"a short root":     strings.Replace(good, "AQ", "", 1),
		"another base64":   strings.Replace(good, "A=", "B=", 1),
		"a line more":      good + "more\n",
		"no end":           strings.TrimSuffix(good, "\n"),
		"nothing":          "",
	} {
		if c, err := verify.ParseCheckpoint(text); err == nil {
			t.Errorf("%s: %q is read as %+v", name, text, c)
		}
	}
}

// TestConsistency: every two sizes of one log are consistent, and no others.
func TestConsistency(t *testing.T) {
	a, b := newTree(t, 40, 'a'), newTree(t, 40, 'b')
	for old := int64(0); old <= 40; old++ {
		for size := old; size <= 40; size++ {
			var proof [][32]byte
			if old > 0 && size > 0 {
				proof = a.consistency(t, size, old)
			}
			if err := verify.CheckConsistency(a.at(t, old), a.at(t, size), proof); err != nil {
				t.Fatalf("%d to %d: %v", old, size, err)
			}
			if old == 0 {
				continue
			}
			if err := verify.CheckConsistency(b.at(t, old), a.at(t, size), proof); err == nil {
				t.Fatalf("%d to %d: a fork is consistent", old, size)
			}
			if err := verify.CheckConsistency(a.at(t, old), a.at(t, size), append(slices.Clone(proof), [32]byte{})); err == nil {
				t.Fatalf("%d to %d: a proof too long", old, size)
			}
			if len(proof) > 0 {
				proof[len(proof)/2][3] ^= 1
				if err := verify.CheckConsistency(a.at(t, old), a.at(t, size), proof); err == nil {
					t.Fatalf("%d to %d: a wrong proof", old, size)
				}
			}
		}
	}
	for name, c := range map[string]struct {
		old, new verify.Checkpoint
		proof    [][32]byte
		says     string
	}{
		"back":                      {a.at(t, 5), a.at(t, 4), nil, "rolled back"},
		"back to nothing":           {a.at(t, 5), verify.Checkpoint{Origin: origin}, nil, "rolled back"},
		"two roots":                 {a.at(t, 5), b.at(t, 5), nil, "two trees of 5 leaves"},
		"another log":               {verify.Checkpoint{Origin: "x"}, a.at(t, 4), nil, "two logs"},
		"too great":                 {a.at(t, 5), verify.Checkpoint{Origin: origin, Size: 1<<62 + 1}, [][32]byte{{}}, "no number"},
		"less than nothing":         {verify.Checkpoint{Origin: origin, Size: -1}, a.at(t, 4), nil, "no number"},
		"from nothing with a proof": {a.at(t, 0), a.at(t, 4), [][32]byte{{}}, "from the empty"},
	} {
		if err := verify.CheckConsistency(c.old, c.new, c.proof); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, wanted what says %q", name, err, c.says)
		}
	}
}

// TestProof: a proof holds for its opening at its index under its checkpoint, as
// a file too, and any bit changed makes it fail.
func TestProof(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	log, logV := logKey(t, 1)
	kz := newWitness("kz.example/w/1", now)
	policy := verify.Policy{Origin: origin, Log: []note.Verifier{logV}, Own: []note.Verifier{kz.verifier(t)}, MaxAge: time.Minute}
	tr := newTree(t, 11, 'a')
	o := verify.Opening{Index: 11, State: "KZ", Salt: [32]byte{7}, Content: []byte(`{"act":"x"}`)}
	o.Commitments = [][32]byte{{1}, verify.Commitment("KZ", o.Salt, o.Content)}
	slices.SortFunc(o.Commitments, func(a, b [32]byte) int { return slices.Compare(a[:], b[:]) })
	o.Leaf = verify.Leaf(o.Commitments)
	tr.add(t, o.Leaf)
	tr.add(t, [32]byte{9})
	proof := func() verify.Proof {
		o := o
		o.Content, o.Commitments = slices.Clone(o.Content), slices.Clone(o.Commitments)
		return verify.Proof{Opening: o, Path: tr.path(t, 13, 11), Checkpoint: sign(t, tr.at(t, 13).String(), log, kz)}
	}
	raw, err := proof().MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	var read verify.Proof
	if err := read.UnmarshalJSON(raw); err != nil {
		t.Fatal(err)
	}
	if c, err := read.Check(policy, now); err != nil || c != tr.at(t, 13) {
		t.Fatalf("%+v, %v", c, err)
	}
	for name, change := range map[string]func(p *verify.Proof){
		"content":      func(p *verify.Proof) { p.Opening.Content[3] ^= 1 },
		"salt":         func(p *verify.Proof) { p.Opening.Salt[3] ^= 1 },
		"state":        func(p *verify.Proof) { p.Opening.State = "AM" },
		"leaf":         func(p *verify.Proof) { p.Opening.Leaf[3] ^= 1 },
		"commitment":   func(p *verify.Proof) { p.Opening.Commitments[0][3] ^= 1 },
		"index":        func(p *verify.Proof) { p.Opening.Index = 12 },
		"no index":     func(p *verify.Proof) { p.Opening.Index = -1 },
		"beyond":       func(p *verify.Proof) { p.Opening.Index = 13 },
		"path":         func(p *verify.Proof) { p.Path[1][3] ^= 1 },
		"path longer":  func(p *verify.Proof) { p.Path = append(p.Path, [32]byte{}) },
		"path shorter": func(p *verify.Proof) { p.Path = p.Path[1:] },
		"no path":      func(p *verify.Proof) { p.Path = nil },
		"checkpoint":   func(p *verify.Proof) { p.Checkpoint = sign(t, tr.at(t, 12).String(), log, kz) },
		"unsigned":     func(p *verify.Proof) { p.Checkpoint = sign(t, tr.at(t, 13).String(), kz) },
		"uncosigned":   func(p *verify.Proof) { p.Checkpoint = sign(t, tr.at(t, 13).String(), log) },
	} {
		p := proof()
		change(&p)
		if _, err := p.Check(policy, now); err == nil {
			t.Errorf("%s: it holds", name)
		}
	}
	if _, err := proof().Check(policy, now.Add(2*time.Minute)); err == nil {
		t.Error("it holds too late")
	}
}
