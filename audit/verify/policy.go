package verify

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	cosignature "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
)

// Policy is what a state wants of a checkpoint before it relies on it.
type Policy struct {
	Origin string
	Log    []note.Verifier            // the exchange's keys that the state accepts: a signature of one
	Own    []note.Verifier            // the state's own witness (C2SP cosignature/v1): a cosignature of one; none: nothing satisfies
	Others map[string][]note.Verifier // by state, the other states' witnesses; one without keys is one whose cosignature is missing
	Need   int                        // of how many other states; at most len(Others)-1 counts, so that none is indispensable
	MaxAge time.Duration              // of the cosignatures that count, at now; 0: any. One of the future never counts
}

// ahead is how far a witness's clock may run before the reader's.
const ahead = 10 * time.Second

// Unsigned is that a checkpoint lacks what a policy wants. It may come yet.
type Unsigned struct {
	Missing []string // whose cosignature: the names of own witnesses, or of other states
	Reason  string
}

func (u *Unsigned) Error() string { return u.Reason }

// Invalid is a checkpoint that no cosignature mends.
type Invalid struct{ Reason string }

func (i *Invalid) Error() string { return i.Reason }

// Open reads a signed checkpoint and checks that it satisfies the policy. An
// [*Unsigned] says which cosignatures are missing, any other error is an [*Invalid].
func (p Policy) Open(signed []byte, now time.Time) (Checkpoint, error) {
	c, err := OpenSigned(signed, p.Origin, p.Log)
	if err != nil {
		return Checkpoint{}, err
	}
	counted := map[note.Signature]bool{} // a key that two states name counts for one of them
	if !p.cosigned(signed, p.Own, counted, now) {
		return Checkpoint{}, &Unsigned{Missing: names(p.Own), Reason: "the own witness has not cosigned the checkpoint" + p.within()}
	}
	var have, missing []string
	for _, state := range slices.Sorted(maps.Keys(p.Others)) {
		if p.cosigned(signed, p.Others[state], counted, now) {
			have = append(have, state)
		} else {
			missing = append(missing, state)
		}
	}
	if need := min(p.Need, len(p.Others)-1); len(have) < need {
		return Checkpoint{}, &Unsigned{Missing: missing, Reason: fmt.Sprintf("the witnesses of %d other states have cosigned the checkpoint%s, wanted %d: missing are %s",
			len(have), p.within(), need, strings.Join(missing, ", "))}
	}
	return c, nil
}

// OpenSigned reads a checkpoint that is signed by one of the log's keys, whoever
// cosigned it. An error is an [*Invalid].
func OpenSigned(signed []byte, origin string, keys []note.Verifier) (Checkpoint, error) {
	text, sigs, err := Signatures(signed, keys)
	if err == nil && len(sigs) == 0 {
		err = errors.New("there is no signature of a key that is accepted")
	}
	if err != nil {
		return Checkpoint{}, &Invalid{fmt.Sprintf("the checkpoint is signed by no key of the log: %v", err)}
	}
	c, err := ParseCheckpoint(text)
	if err != nil {
		return Checkpoint{}, &Invalid{err.Error()}
	}
	if c.Origin != origin {
		return Checkpoint{}, &Invalid{fmt.Sprintf("the checkpoint is of the log %q, wanted %q", c.Origin, origin)}
	}
	return c, nil
}

func (p Policy) within() string {
	if p.MaxAge == 0 {
		return ""
	}
	return fmt.Sprintf(" within the last %s", p.MaxAge)
}

// cosigned reports whether one of a state's keys has cosigned, late enough, what
// counts for no other yet.
func (p Policy) cosigned(signed []byte, keys []note.Verifier, counted map[note.Signature]bool, now time.Time) bool {
	_, sigs, _ := Signatures(signed, keys) // it was read before
	found := false
	for _, s := range sigs {
		at, err := cosignature.CoSigV1Timestamp(s)
		if err != nil || counted[s] {
			continue
		}
		if at.Sub(now) <= ahead && (p.MaxAge == 0 || now.Sub(at) <= p.MaxAge) {
			counted[s], found = true, true
		}
	}
	return found
}

// Cosignature is that a witness has seen a checkpoint.
type Cosignature struct {
	State string // whose witness, "" for the own one
	Key   string // its name
	At    time.Time
}

// Cosignatures lists those of the policy's witnesses that a checkpoint bears, the
// own witness's first, whenever they were made; none of the future.
func (p Policy) Cosignatures(signed []byte, now time.Time) []Cosignature {
	var all []Cosignature
	list := func(state string, keys []note.Verifier) {
		_, sigs, _ := Signatures(signed, keys) // none where it cannot be read
		for _, s := range sigs {
			if at, err := cosignature.CoSigV1Timestamp(s); err == nil && at.Sub(now) <= ahead {
				all = append(all, Cosignature{state, s.Name, at})
			}
		}
	}
	list("", p.Own)
	for _, state := range slices.Sorted(maps.Keys(p.Others)) {
		list(state, p.Others[state])
	}
	return all
}

func names(keys []note.Verifier) []string {
	of := make([]string, len(keys))
	for i, k := range keys {
		of[i] = k.Name()
	}
	return of
}
