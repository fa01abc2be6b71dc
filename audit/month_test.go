package audit_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
)

// members are the states of a generated month.
var members = []comity.State{"AM", "AZ", "BY", "KG", "KZ", "RU", "TJ", "UZ"}

const (
	beat   = 200 * time.Millisecond
	days   = 30
	beats  = int(days * 24 * time.Hour / beat)
	slot   = 10 * time.Minute // in which attackers count
	slots  = int(days * 24 * time.Hour / slot)
	inSlot = int(slot / beat)
)

// habits are how the states of a union work.
type habits struct {
	east     [8]int        // hours east of Greenwich
	own      int           // acts of a state a working day that concern nobody else, on the average
	sendings int           // of one state to one with which it shares, a working day
	reaction time.Duration // in which what was sent is taken up, on the average
}

var (
	ordinary = habits{east: [8]int{4, 4, 3, 6, 5, 3, 5, 5}, own: 400, sendings: 10, reaction: 15 * time.Minute}
	// around the globe, of states that do little else than share
	around = habits{east: [8]int{0, 3, 6, 9, 12, 15, 18, 21}, own: 20, sendings: 60, reaction: 15 * time.Minute}
	// of machines that act upon what comes within a second
	machines = habits{east: ordinary.east, own: 400, sendings: 10, reaction: time.Second}
)

// awake is how much of a state's work is done at an instant of the month, which
// begins on a Monday at midnight in Greenwich; 1 at most.
func (h habits) awake(s int, at time.Duration) float64 {
	local := at + time.Duration(h.east[s])*time.Hour
	hour, day := int(local.Hours())%24, int(local.Hours()/24)%7
	w := []float64{0.03, 0.03, 0.03, 0.03, 0.03, 0.03, 0.05, 0.15, 0.6, 1, 1, 1, 0.9, 0.6, 1, 1, 1, 0.9, 0.4, 0.15, 0.1, 0.08, 0.05, 0.03}[hour]
	if day >= 5 {
		w *= 0.15
	}
	return w
}

// done is one act: at which beat, whose, and whom it concerns (a bit for each state).
type done struct {
	beat      int
	by        int
	concerned uint8
	// answered: the state that it was sent to did something about it with a third
	// one within eight times its usual reaction, which the sender is not shown.
	to       int // -1: nobody
	answered bool
}

// month is what the states did, and with whom they share.
type month struct {
	habits
	wake   [8][]float64 // how much each state is awake in each slot
	shares [8][8]bool   // in either direction
	acts   []done       // by time
}

// newMonth draws a month: each state's own work by its hours, sendings to the states
// with which it shares, what these read of it, and what they do about it with others.
func newMonth(h habits, r *rand.Rand) *month {
	m := &month{habits: h}
	for s := range m.wake {
		for n := range slots {
			m.wake[s] = append(m.wake[s], h.awake(s, time.Duration(n)*slot))
		}
	}
	for i := range 8 {
		for j := range i {
			m.shares[i][j] = r.Float64() < 0.4
			m.shares[j][i] = m.shares[i][j]
		}
	}
	// begin draws an instant at which a state works.
	begin := func(s int) time.Duration {
		for {
			if at := time.Duration(r.Int64N(int64(days * 24 * time.Hour))); r.Float64() < m.wake[s][at/slot] {
				return at
			}
		}
	}
	// after draws when a state takes up what came at an instant: the less it is awake,
	// the later.
	after := func(s int, at time.Duration) time.Duration {
		left := r.ExpFloat64() * float64(h.reaction) // of waking time
		for at < days*24*time.Hour {
			end := (at/slot + 1) * slot
			rate := m.wake[s][at/slot]
			if took := left / rate; took < float64(end-at) {
				return at + time.Duration(took)
			}
			left -= float64(end-at) * rate
			at = end
		}
		return at
	}
	add := func(at time.Duration, by int, concerned ...int) *done {
		d := done{beat: int(at / beat), by: by, concerned: 1 << by, to: -1}
		for _, s := range concerned {
			d.concerned |= 1 << s
		}
		if d.beat >= beats {
			return &d // of another month
		}
		m.acts = append(m.acts, d)
		return &m.acts[len(m.acts)-1]
	}
	for s := range 8 {
		for range int(float64(h.own*22) * (0.5 + r.Float64())) {
			add(begin(s), s)
		}
	}
	for i := range 8 {
		for j := range 8 {
			if !m.shares[i][j] {
				continue
			}
			var others []int
			for k := range 8 {
				if k != i && m.shares[j][k] {
					others = append(others, k)
				}
			}
			for range h.sendings * 22 {
				at := begin(i)
				if len(others) > 0 && r.Float64() < 0.2 { // what concerns a third one, too
					add(at, i, j, others[r.IntN(len(others))]).to = j
				} else {
					add(at, i, j).to = j
				}
				sent := len(m.acts) - 1
				for n := r.IntN(3); n >= 0; n-- { // read by the other
					add(after(j, at), j, i)
				}
				if len(others) > 0 && r.Float64() < 0.5 {
					k := others[r.IntN(len(others))]
					acted := after(j, at)
					add(acted, j, k)
					add(after(k, acted), k, j)
					m.acts[sent].answered = acted-at < 8*h.reaction
				}
			}
		}
	}
	slices.SortFunc(m.acts, func(a, b done) int { return a.beat - b.beat })
	return m
}

// design is how many random leaves go with so many acts of a beat: as it is, or none.
type design struct{ fill func(acts int) int }

var (
	real     = design{audit.Fill}
	unpadded = design{func(int) int { return 0 }}
)

// growth is by how many leaves the log grew at each beat, as everybody sees it.
func (m *month) growth(d design) []uint8 {
	grown := make([]uint8, beats)
	next := 0
	for b := range grown {
		n := 0
		for ; next < len(m.acts) && m.acts[next].beat == b; next++ {
			n++
		}
		grown[b] = uint8(min(n+d.fill(n), math.MaxUint8))
	}
	return grown
}

// pair is two of the states.
type pair struct{ a, b int }

// pairs are those that a member is none of; -1: all.
func pairs(but int) (all []pair) {
	for a := range 8 {
		for b := range a {
			if a != but && b != but {
				all = append(all, pair{a, b})
			}
		}
	}
	return all
}

// auc is how often a score is higher where something is true than where it is not:
// 0.5 tells nothing, 1 everything.
func auc(scores []float64, truth []bool) float64 {
	by := make([]int, len(scores))
	for i := range by {
		by[i] = i
	}
	slices.SortFunc(by, func(i, j int) int {
		if d := scores[i] - scores[j]; d != 0 {
			return map[bool]int{true: 1, false: -1}[d > 0]
		}
		return 0
	})
	ranks, yes := 0.0, 0
	for from := 0; from < len(by); {
		to := from
		for to < len(by) && scores[by[to]] == scores[by[from]] {
			to++
		}
		for _, i := range by[from:to] {
			if truth[i] {
				ranks += float64(from+to+1) / 2 // of equal ones the mean
				yes++
			}
		}
		from = to
	}
	no := len(by) - yes
	return (ranks - float64(yes*(yes+1))/2) / float64(yes*no)
}
