package statement

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit/notekey"
	"github.com/comity-platform/comity/audit/verify"
)

// LogTrust is whose word about the record of acts a state takes: a checkpoint of
// the log counts for it when one of Keys signed it, one of Witnesses cosigned it,
// and so did the witnesses of Others other states. A key counts from when its
// manifest came into force, and no longer than that manifest does.
type LogTrust struct {
	Keys       []string `json:"keys"`       // public keys (vkey, C2SP signed-note) of the exchange's log
	Witnesses  []string `json:"witnesses"`  // public keys (vkey, cosignature/v1) of the state's own witness, by its name ([verify.IsWitnessName])
	WitnessURL string   `json:"witnessUrl"` // where it answers; "embedded" in the exchange's process
	Others     int      `json:"others"`     // never more are needed than all but one of those there are
}

// The most that a manifest names: several are needed only while one key follows
// another, and no checkpoint should be weighed down by more.
const (
	maxLogKeys     = 4
	maxWitnessKeys = 4
	maxOthers      = 100
)

func (t LogTrust) check(c *checker, at, union, state string) {
	if len(t.Keys) == 0 && len(t.Witnesses) == 0 && t.WitnessURL == "" {
		c.want(false, at, "is missing: the keys of the exchange's log that the state accepts, and its own witness (comity witness key)")
		return
	}
	seen := map[string]bool{}
	list := func(at string, all []string, most int, read func(string) (note.Verifier, error)) {
		c.want(len(all) > 0, at, "there is none")
		c.want(len(all) <= most, at, "are more than %d", most)
		for i, vkey := range all {
			here := fmt.Sprintf("%s/%d", at, i)
			if _, err := read(vkey); err != nil {
				c.want(false, here, "%s", err)
				continue
			}
			public, _ := notekey.Public(vkey) // it was read
			c.want(!seen[string(public)], here, "is a key that stands here twice")
			seen[string(public)] = true
		}
	}
	origin := verify.Origin(union)
	list(at+"/keys", t.Keys, maxLogKeys, func(vkey string) (note.Verifier, error) {
		v, err := notekey.Log(vkey)
		if err == nil && v.Name() != origin && union != "" {
			err = fmt.Errorf("is a key of %.300q, and the union's log is %q", v.Name(), origin)
		}
		return v, err
	})
	list(at+"/witnesses", t.Witnesses, maxWitnessKeys, func(vkey string) (note.Verifier, error) {
		v, err := notekey.Witness(vkey)
		if err == nil && !verify.IsWitnessName(v.Name(), union, state) && union != "" {
			err = fmt.Errorf("is a key of %.300q, and a witness of this state is called %q", v.Name(), verify.WitnessName(union, state))
		}
		return v, err
	})
	if t.WitnessURL != Embedded {
		checkURL(c, at+"/witnessUrl", t.WitnessURL)
	}
	c.want(t.Others >= 0 && t.Others <= maxOthers, at+"/others", "is not from 0 to %d", maxOthers)
}

// Minority says in words what is wrong when the witnesses whose cosignatures the
// state wants are not more than half of all states'; it is "" when they are. Two
// halves of a union can then be shown two logs, each cosigned as its states want
// it. Of a union of one or two states it says nothing: more than half of them
// would be all, and then each could keep the other from its own.
func (t LogTrust) Minority(states int) string {
	most := max(states-2, 0) // what counts at most, so that none of the others is indispensable
	witnesses := 1 + min(t.Others, most)
	if states < 3 || 2*witnesses > states {
		return ""
	}
	return fmt.Sprintf("wants the log cosigned by the state's own witness and %d of others, %d of %d states: two groups of states can be shown two different logs, "+
		"each cosigned as they want it; set others to %d or more", t.Others, witnesses, states, states/2)
}

// LogPolicy is which checkpoints of the log count for a state at an instant, by
// the manifests in force: its own says whose signatures, the others' who their
// witnesses are. It does not bound the cosignatures' age.
//
// The others are all whose roots are pinned. One whose manifest is missing or not
// in force has no witness that counts, and is no fewer to count on: nobody lowers
// the number that is needed by keeping manifests back.
//
// One key is one witness, whoever names it: a key of the state's own witness
// never counts for another state, and one that several others name counts for
// that which names the fewest, then for the first of them, so that nobody gains
// a second cosignature, or takes another's away, by naming what is not theirs.
func (d *Directory) LogPolicy(s comity.State, now time.Time) (verify.Policy, error) {
	snap := d.snap.Load()
	own, err := d.in(snap, s, now)
	if err != nil {
		return verify.Policy{}, err
	}
	p := verify.Policy{Origin: verify.Origin(d.union), Others: map[string][]note.Verifier{}, Need: own.Log.Others}
	taken := map[string]bool{}
	for _, vkey := range own.Log.Keys {
		v, err := notekey.Log(vkey)
		if err != nil {
			return verify.Policy{}, err
		}
		p.Log = append(p.Log, v)
	}
	for _, vkey := range own.Log.Witnesses {
		v, err := witnessKey(vkey, taken)
		if err != nil {
			return verify.Policy{}, err
		}
		p.Own = append(p.Own, v)
	}
	var others []Manifest
	for state := range d.roots {
		if state == s {
			continue
		}
		p.Others[string(state)] = nil
		if other, ok := snap.states[state]; ok && other.manifest.current(now) == nil {
			others = append(others, other.manifest)
		}
	}
	slices.SortFunc(others, func(a, b Manifest) int {
		return cmp.Or(len(a.Log.Witnesses)-len(b.Log.Witnesses), cmp.Compare(a.State, b.State))
	})
	for _, m := range others {
		for _, vkey := range m.Log.Witnesses {
			if v, err := witnessKey(vkey, taken); err == nil && v != nil {
				p.Others[string(m.State)] = append(p.Others[string(m.State)], v)
			}
		}
	}
	return p, nil
}

// LogKeys are the keys of the log that more than half of the states whose roots
// are pinned name, by the manifests in force at an instant: those that no single
// state's word is needed for.
func (d *Directory) LogKeys(now time.Time) ([]note.Verifier, error) {
	snap := d.snap.Load()
	named, keys := map[string]int{}, map[string]note.Verifier{}
	for state := range d.roots {
		p, ok := snap.states[state]
		if !ok || p.manifest.current(now) != nil {
			continue
		}
		for _, vkey := range p.manifest.Log.Keys {
			v, err := notekey.Log(vkey)
			if err != nil {
				return nil, err
			}
			named[vkey]++ // no manifest names one twice
			keys[vkey] = v
		}
	}
	var most []note.Verifier
	for _, vkey := range slices.Sorted(maps.Keys(named)) {
		if 2*named[vkey] > len(d.roots) {
			most = append(most, keys[vkey])
		}
	}
	return most, nil
}

// witnessKey reads a witness's key, nil when it was taken already.
func witnessKey(vkey string, taken map[string]bool) (note.Verifier, error) {
	v, err := notekey.Witness(vkey)
	if err != nil {
		return nil, err
	}
	public, err := notekey.Public(vkey)
	if err != nil || taken[string(public)] {
		return nil, err
	}
	taken[string(public)] = true
	return v, nil
}
