package statement_test

import (
	"slices"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token/tokentest"
)

// TestDenunciation: an agreement binds from the later ratification until the
// earlier denunciation has taken effect; running grants go on where its text
// has it so.
func TestDenunciation(t *testing.T) {
	now := time.Now().UTC().Truncate(time.Second)
	day := func(n int) time.Time { return now.AddDate(0, 0, n) }
	for _, effect := range []statement.Denunciation{"", statement.DenunciationEnds, statement.DenunciationRunOut} {
		u := tokentest.NewUnion(t)
		for _, s := range []comity.State{"KZ", "AM"} {
			u.Publish(t, s, func(m *statement.Manifest) {
				m.Agreements[0].NoticeDays, m.Agreements[0].OnDenunciation = 90, effect
				if s == "AM" {
					m.Agreements[0].Ratified, m.Agreements[0].Denounced = day(-10), day(0)
				}
			})
		}
		for at, want := range map[int][2]bool{ // what is new, what runs
			-11: {false, false}, -10: {true, true}, 0: {true, true}, 89: {true, true},
			90: {false, effect == statement.DenunciationRunOut}, 900: {false, effect == statement.DenunciationRunOut},
		} {
			for _, pair := range [][2]comity.State{{"KZ", "AM"}, {"AM", "KZ"}} {
				_, made := u.Directory.Agreement(pair[0], pair[1], "", tokentest.Category, "", day(at))
				_, runs := u.Directory.Standing(pair[0], pair[1], tokentest.Agreement, tokentest.Category, day(at))
				if (made == nil) != want[0] || (runs == nil) != want[1] {
					t.Errorf("%q, day %d, %v: made %v, runs %v, wanted %v", effect, at, pair, made, runs, want)
				}
			}
		}
	}
}

// TestReciprocity: of the agreements that cover a request the one counts under
// which the asking state may put it.
func TestReciprocity(t *testing.T) {
	u := tokentest.NewUnion(t)
	demanding := func(m *statement.Manifest) {
		m.Agreements[0].Reciprocal = []statement.Measure{statement.MeasureUrgent, statement.Measure(comity.RequestMeasure)}
	}
	u.Publish(t, "KZ", demanding)
	u.Publish(t, "AM", func(m *statement.Manifest) {
		demanding(m)
		m.Agreements[0].Reciprocal[0], m.Agreements[0].Reciprocal[1] = m.Agreements[0].Reciprocal[1], m.Agreements[0].Reciprocal[0]
		m.Offers = []statement.Measure{statement.MeasureUrgent}
	})
	lacking := func(from, to comity.State, k comity.RequestKind, urgency comity.Urgency) []statement.Measure {
		t.Helper()
		_, lacking, err := u.Directory.RequestBasis(from, to, tokentest.Category, k, urgency, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		return lacking
	}
	for name, c := range map[string]struct{ got, want []statement.Measure }{
		"no condition":          {lacking("KZ", "AM", comity.RequestAccess, comity.UrgencyPrompt), nil},
		"urgent, not offered":   {lacking("KZ", "AM", comity.RequestAccess, comity.UrgencyUrgent), []statement.Measure{statement.MeasureUrgent}},
		"urgent, offered":       {lacking("AM", "KZ", comity.RequestAccess, comity.UrgencyUrgent), nil},
		"both, one not offered": {lacking("AM", "KZ", comity.RequestMeasure, comity.UrgencyUrgent), []statement.Measure{"MEASURE"}},
		"both, none offered":    {lacking("KZ", "AM", comity.RequestMeasure, comity.UrgencyUrgent), []statement.Measure{"MEASURE", statement.MeasureUrgent}},
	} {
		if !slices.Equal(c.got, c.want) {
			t.Errorf("%s: %v, wanted %v", name, c.got, c.want)
		}
	}
	for _, s := range []comity.State{"KZ", "AM"} {
		u.Publish(t, s, func(m *statement.Manifest) {
			other := m.Agreements[0]
			other.ID, other.Reciprocal = "other", nil
			m.Agreements = append(m.Agreements, other)
		})
	}
	a, missing, err := u.Directory.RequestBasis("KZ", "AM", tokentest.Category, comity.RequestMeasure, comity.UrgencyUrgent, time.Now())
	if err != nil || len(missing) > 0 || a.ID != "other" {
		t.Errorf("under the agreement without a condition: %s, %v, %v", a.ID, missing, err)
	}
}
