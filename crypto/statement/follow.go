package statement

import (
	"fmt"
	"slices"
	"time"
)

// Ref names the agreement as the legal basis of a grant, as [Directory.Agreement]
// and [Directory.Standing] give it.
func (a Agreement) Ref() AgreementRef {
	ref := AgreementRef{ID: a.ID, Hash: a.Hash()}
	if a.OnDenunciation != DenunciationRunOut && !a.Ratified.IsZero() {
		ref.Ratified = a.Ratified.Unix()
	}
	return ref
}

// backdated is how long before its publishing a denunciation may have been signed.
const backdated = 24 * time.Hour

// Follows gives every fault of a manifest that is published at an instant after
// another of the state, each a [Fault]: a state leaves an agreement by denouncing
// it, from now on and with the notice that its text has, and comes back to it by
// ratifying it anew (Article 7).
func (m Manifest) Follows(before Manifest, at time.Time) []error {
	c := &checker{}
	for _, was := range before.Agreements {
		if !was.Until.IsZero() && !at.Before(was.Until) {
			continue // it ended for everybody
		}
		i := slices.IndexFunc(m.Agreements, func(a Agreement) bool { return a.ID == was.ID })
		if i < 0 {
			c.want(false, "/agreements", "%q is left out: a state leaves an agreement by denouncing it, and goes on naming it until its end", was.ID)
			continue
		}
		m.Agreements[i].follows(c, fmt.Sprintf("/agreements/%d", i), was, at)
	}
	return c.faults
}

func (a Agreement) follows(c *checker, here string, was Agreement, at time.Time) {
	c.want(a.Hash() == was.Hash(), here, "%q has another text than before: another text is an agreement under another id", a.ID)
	ended := was.DenouncedFrom()
	anew := !ended.IsZero() && !at.Before(ended) && !a.Ratified.Before(ended) // ratified after it had ended
	if anew {
		was.Ratified, was.Denounced = a.Ratified, time.Time{}
	}
	c.want(a.Ratified.Equal(was.Ratified), here+"/ratified", "is another than before: an agreement is ratified anew once its denunciation has taken effect, at that instant or later")
	switch {
	case a.Denounced.Equal(was.Denounced):
	case was.Denounced.IsZero():
		c.want(!a.Denounced.Before(at.Add(-backdated)), here+"/denounced", "is more than a day ago: the notice runs from when the others can know of it")
	default:
		c.want(at.Before(was.DenouncedFrom()), here+"/denounced", "is another than before, and that took effect: ratify the agreement anew")
		c.want(a.Denounced.IsZero() || a.Denounced.After(was.Denounced), here+"/denounced", "is earlier than before")
	}
}
