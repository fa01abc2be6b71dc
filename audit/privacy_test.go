package audit_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// The numbers that these tests print stand in docs/trust-model.md. Each attack is
// tried on a weaker design too, so that it is known to find what there is to be found.

// events is how many acts a beat's growth tells of at least, as an attacker counts.
func events(grown uint8, d design) float64 {
	switch {
	case grown == 0:
		return 0
	case d.fill(5) == 0: // nothing is added
		return float64(grown)
	case grown <= 4:
		return 1
	}
	return float64(grown)/4 + 1
}

// counted is what an attacker counts in each slot: all growth, less what a member
// knows to be of acts that concern itself (member -1: an outsider).
func counted(m *month, grown []uint8, d design, member int) []float64 {
	c := make([]float64, slots)
	for b, g := range grown {
		c[b/inSlot] += events(g, d)
	}
	if member >= 0 {
		for _, a := range m.acts {
			if a.concerned&(1<<member) != 0 {
				c[a.beat/inSlot]--
			}
		}
	}
	return c
}

// unusual takes the rhythm of days out of what was counted: what is usual at the
// time of a working day, and of a weekend's.
func unusual(c []float64) []float64 {
	const day = int(24 * time.Hour / slot)
	var sum, n [2][day]float64
	kind := func(s int) int { return map[bool]int{true: 1}[s/day%7 >= 5] }
	for s, v := range c {
		sum[kind(s)][s%day] += v
		n[kind(s)][s%day]++
	}
	rest := make([]float64, len(c))
	for s, v := range c {
		rest[s] = v - sum[kind(s)][s%day]/n[kind(s)][s%day]
	}
	return rest
}

// sequences scores how much what is unusual comes in sequences, as when one state
// takes up what another sent, in the hours in which both of a pair work.
func (m *month) sequences(rest []float64, all []pair) (scores []float64) {
	after := make([]float64, slots) // what is unusual, times what is so in the next hour and a half
	for s := range rest[:slots-9] {
		for later := 1; later < 9; later++ {
			after[s] += rest[s] * rest[s+later]
		}
	}
	for _, p := range all {
		score, weight := 0.0, 0.0
		for s, v := range after {
			w := m.wake[p.a][s] * m.wake[p.b][s]
			score += w * v
			weight += w
		}
		scores = append(scores, score/weight)
	}
	return scores
}

const inWeek = int(7 * 24 * time.Hour / slot)

// hours of a week at which there is work if a state works by itself, or two share: the
// sendings of each and the other's reading when it is awake, as the attacker knows the union.
func (m *month) hours(all []pair) (of [][]float64) {
	reads := func(from, to int) []float64 {
		w, waiting := make([]float64, inWeek), 0.0
		for s := range 2 * inWeek { // the week after itself
			s %= inWeek
			waiting += m.wake[from][s]
			taken := waiting * (1 - math.Exp(-m.wake[to][s]*float64(slot)/float64(m.reaction)))
			waiting -= taken
			w[s] = m.wake[from][s] + 2*taken
		}
		return w
	}
	for _, p := range all {
		w, back := reads(p.a, p.b), reads(p.b, p.a)
		for s := range w {
			w[s] += back[s]
		}
		of = append(of, w)
	}
	for s := range members {
		of = append(of, m.wake[s][:inWeek])
	}
	return append(of, slices.Repeat([]float64{1}, inWeek)) // cover
}

// byHours scores pairs by how much of all that was counted is theirs in the likeliest
// division of it (expectation and maximisation, the counts being Poisson's).
func (m *month) byHours(c []float64, all []pair) []float64 {
	week := make([]float64, inWeek)
	for s, v := range c[:slots/inWeek*inWeek] {
		week[s%inWeek] += v
	}
	of := m.hours(all)
	share, sums := slices.Repeat([]float64{1}, len(of)), make([]float64, len(of))
	for i, w := range of {
		for _, v := range w {
			sums[i] += v
		}
	}
	for range 100 {
		ratio := make([]float64, inWeek)
		for i, w := range of {
			for s, v := range w {
				ratio[s] += share[i] * v
			}
		}
		for s := range ratio {
			ratio[s] = max(0, week[s]) / ratio[s]
		}
		for i, w := range of {
			sum := 0.0
			for s, v := range w {
				sum += v * ratio[s]
			}
			share[i] *= sum / sums[i]
		}
	}
	return share[:len(all)]
}

// attack is what an attacker thinks, and what is true.
type attack struct {
	scores []float64
	truth  []bool
}

// TestPrivacyPairs: from when and by how much the log grows, neither an outsider nor a
// member learns which others share with each other, but in a union that is made for it.
func TestPrivacyPairs(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 12))
	for _, u := range []struct {
		name        string
		habits      habits
		months      int
		least, most float64 // of the best attack
	}{{"an ordinary union", ordinary, 6, 0, 0.65}, {"states around the globe that do little else than share", around, 3, 0.7, 1}} {
		tries := map[string]*attack{}
		for range u.months {
			m := newMonth(u.habits, r)
			grown := m.growth(real)
			for member := -1; member < len(members); member++ {
				who := map[bool]string{true: "an outsider", false: "a member"}[member < 0]
				c := counted(m, grown, real, member)
				rest, all := unusual(c), pairs(member)
				scored := map[string][]float64{"by sequences": m.sequences(rest, all), "by the hours": m.byHours(c, all)}
				if member >= 0 {
					scored["by what follows on its own sendings"] = m.follows(rest, member, all)
				}
				for how, scores := range scored {
					if tries[who+" "+how] == nil {
						tries[who+" "+how] = &attack{}
					}
					a := tries[who+" "+how]
					for i, p := range all { // compared within a month, by rank
						a.scores, a.truth = append(a.scores, rank(scores, i)), append(a.truth, m.shares[p.a][p.b])
					}
				}
			}
		}
		best := 0.0
		for name, a := range tries {
			got := auc(a.scores, a.truth)
			t.Logf("who shares with whom in %s, %s: AUC %.2f over %d pairs", u.name, name, got, len(a.scores))
			best = max(best, got)
		}
		if best < u.least || best > u.most {
			t.Errorf("%s: who shares with whom is learnt with an AUC of %.2f", u.name, best)
		}
	}
}

func rank(all []float64, i int) float64 {
	n := 0
	for _, v := range all {
		if v < all[i] {
			n++
		}
	}
	return float64(n) / float64(len(all))
}

// follows scores pairs by how much more than usual is done in the hour after a
// member's sendings to one of the two.
func (m *month) follows(rest []float64, member int, all []pair) (scores []float64) {
	var sum, n [8]float64
	for _, a := range m.acts {
		if s := a.beat / inSlot; a.by == member && a.to >= 0 && s+6 < len(rest) {
			for later := range 6 {
				sum[a.to] += rest[s+later]
			}
			n[a.to]++
		}
	}
	for _, p := range all {
		scores = append(scores, sum[p.a]/math.Sqrt(n[p.a]+1)+sum[p.b]/math.Sqrt(n[p.b]+1))
	}
	return scores
}

// TestPrivacyAnswers: whether a state did something hidden about what a member sent it
// is learnt of no single sending of people's, and of machines' it is.
func TestPrivacyAnswers(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	for _, c := range []struct {
		name        string
		habits      habits
		design      design
		least, most float64
	}{
		{"by people", ordinary, real, 0, 0.6}, {"by people, without cover and padding", ordinary, unpadded, 0, 0.6},
		{"by machines within seconds", machines, real, 0.7, 1}, {"by machines, without cover and padding", machines, unpadded, 0.8, 1},
	} {
		m := newMonth(c.habits, r)
		grown := m.growth(c.design)
		before := make([]float64, beats+1) // events before a beat
		for b, g := range grown {
			before[b+1] = before[b] + events(g, c.design)
		}
		all := counted(m, grown, c.design, -1)
		rest := unusual(all)
		window := int(2 * c.habits.reaction / beat)
		var a attack
		for member := range members {
			var own []int // beats of acts that the member knows of
			for _, x := range m.acts {
				if x.concerned&(1<<member) != 0 {
					own = append(own, x.beat)
				}
			}
			for _, x := range m.acts {
				from, to := x.beat+1, x.beat+1+window
				if x.by != member || x.to < 0 || to >= beats {
					continue
				}
				first, _ := slices.BinarySearch(own, from)
				last, _ := slices.BinarySearch(own, to)
				usual := (all[x.beat/inSlot] - rest[x.beat/inSlot]) * float64(window) / float64(inSlot)
				a.scores, a.truth = append(a.scores, before[to]-before[from]-float64(last-first)-usual), append(a.truth, x.answered)
			}
		}
		got := auc(a.scores, a.truth)
		t.Logf("whether one sending was acted upon %s: AUC %.2f of %d", c.name, got, len(a.truth))
		if got < c.least || got > c.most {
			t.Errorf("whether a sending was acted upon %s is learnt with an AUC of %.2f", c.name, got)
		}
	}
}

// TestPrivacyBeats: what growth tells of whether there was an act, and how well the
// number of acts in an hour is known.
func TestPrivacyBeats(t *testing.T) {
	m := newMonth(ordinary, rand.New(rand.NewPCG(1, 2)))
	for name, d := range map[string]design{"as it is": real, "without cover and padding": unpadded} {
		grown := m.growth(d)
		const inHour = int(time.Hour / beat)
		var grew, acted [2]float64 // by night, by day
		hours, known := make([]float64, beats/inHour), make([]float64, beats/inHour)
		for b, g := range grown {
			known[b/inHour] += events(g, d)
		}
		next := 0
		for b, g := range grown {
			first := next
			for next < len(m.acts) && m.acts[next].beat == b {
				next++
			}
			hours[b/inHour] += float64(next - first)
			if hour := b / inHour % 24; g > 0 && b/inHour/24%7 < 5 {
				by := map[bool]int{true: 0, false: 1}[hour >= 19 && hour < 23]
				if by == 1 && (hour < 6 || hour >= 10) {
					continue
				}
				grew[by]++
				if next > first {
					acted[by]++
				}
			}
		}
		cover := 0.0
		if d.fill(1) > 0 {
			cover = float64(inHour) / 50
		}
		off, all := 0.0, 0.0
		for h, v := range hours {
			off += math.Abs(known[h] - cover - v)
			all += v
		}
		night, day := acted[0]/grew[0], acted[1]/grew[1]
		t.Logf("growth, %s: an act by %.0f %% of the time at night, %.0f %% by day; acts an hour are %.0f on the average and known to within %.0f", name, 100*night, 100*day, all/float64(len(hours)), off/float64(len(hours)))
		if d.fill(1) > 0 && (night > 0.25 || off/float64(len(hours)) < 10) {
			t.Errorf("growth at night is an act by %.2f", night)
		}
		if d.fill(1) == 0 && (night < 1 || off > 0) {
			t.Errorf("without cover, growth at night is an act by %.2f only", night)
		}
	}
}
