package exchange

import (
	"testing"
	"time"
)

// TestLasting: only what was met over [SettleAfter] without having settled meanwhile
// lasts, and what was met long ago tells nothing of what is met today.
func TestLasting(t *testing.T) {
	is := incident{"KZ", "gr1_x", "narrowed"}
	other := incident{"KZ", "gr1_x", "not found"}
	type met struct {
		is      incident
		after   time.Duration // since the one before
		settled bool          // before it
		lasts   bool
	}
	for name, steps := range map[string][]met{
		"momentary":               {{is: is}, {is: is, after: SettleAfter - 1}},
		"lasting":                 {{is: is}, {is: is, after: SettleAfter, lasts: true}, {is: is, after: 1, lasts: true}},
		"seldom read":             {{is: is}, {is: is, after: doubtAge, lasts: true}, {is: is, after: doubtAge, lasts: true}},
		"settled between":         {{is: is}, {is: is, after: SettleAfter, settled: true}, {is: is, after: SettleAfter, lasts: true}},
		"long ago":                {{is: is}, {is: is, after: doubtAge + 1}, {is: is, after: SettleAfter, lasts: true}},
		"another of the same":     {{is: is}, {is: other, after: SettleAfter}, {is: is, after: SettleAfter}},
		"long ago, after lasting": {{is: is}, {is: is, after: SettleAfter, lasts: true}, {is: is, after: 60 * doubtAge}},
	} {
		var i incidents
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		for k, m := range steps {
			if m.settled {
				i.settled("KZ", "gr1_x")
			}
			now = now.Add(m.after)
			if got := i.lasts(m.is, now); got != m.lasts {
				t.Errorf("%s: the meeting %d lasts: %v", name, k, got)
			}
		}
	}
	var i incidents
	for n := range 3 * maxIncidents {
		i.lasts(incident{"KZ", string(rune(n + 1000)), "x"}, time.Now())
	}
	if n := len(i.doubts); n == 0 || n > maxIncidents {
		t.Errorf("%d are remembered", n)
	}
}
