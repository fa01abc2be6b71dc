package verify_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/comity-platform/comity/audit/verify"
)

// custody is a chain of events of KZ with those of two grantees between.
func custody() []verify.CustodyEvent {
	last := map[string][32]byte{}
	var start [32]byte
	var events []verify.CustodyEvent
	for i, of := range []struct{ state, kind string }{{"KZ", "BEGUN"}, {"KZ", "SEALED"}, {"AM", "DISCLOSED"}, {"BY", "DISCLOSED"},
		{"KZ", "DISCLOSED"}, {"AM", "DISCLOSED"}, {"AM", "NOT_RELEASED"}, {"AM", "DISCLOSED"}} {
		e := verify.CustodyEvent{ID: "custody1_" + string(rune('a'+i)), Evidence: "evidence1_x", Kind: of.kind, Actor: of.state + ":o", Function: "f",
			State: of.state, Act: "act" + string(rune('a'+i)), At: int64(i)}
		previous, begun := last[of.state]
		if !begun && of.state != "KZ" {
			previous = start
		}
		e.Chain = verify.CustodyLink(previous, e)
		last[of.state] = e.Chain
		if of.kind == "SEALED" {
			start = e.Chain
		}
		events = append(events, e)
	}
	return events
}

// faulty lists the events that do not hold.
func faulty(events []verify.CustodyEvent) (found []string) {
	for i, err := range verify.Custody("KZ", events) {
		if err != nil {
			found = append(found, events[i].ID[len("custody1_"):])
		}
	}
	return found
}

// TestCustody: an altered link and a gap are named, each state's chain by itself,
// and what one state does not see is no gap.
func TestCustody(t *testing.T) {
	for name, c := range map[string]struct {
		want   string
		change func(all []verify.CustodyEvent) []verify.CustodyEvent
	}{
		"as the originator sees it": {"", func(all []verify.CustodyEvent) []verify.CustodyEvent { return all }},
		"as Armenia sees it": {"", func(all []verify.CustodyEvent) []verify.CustodyEvent {
			return slices.DeleteFunc(all, func(e verify.CustodyEvent) bool { return e.State == "BY" })
		}},
		"a gap":                 {"g", func(all []verify.CustodyEvent) []verify.CustodyEvent { return slices.Delete(all, 5, 6) }},
		"a chain without start": {"f", func(all []verify.CustodyEvent) []verify.CustodyEvent { return slices.Delete(all, 2, 3) }},
		"no sealing":            {"c d e", func(all []verify.CustodyEvent) []verify.CustodyEvent { return slices.Delete(all, 1, 2) }},
		"another purpose":       {"f", func(all []verify.CustodyEvent) []verify.CustodyEvent { all[5].Purpose = "TRIAL"; return all }},
		"another chain value":   {"f g", func(all []verify.CustodyEvent) []verify.CustodyEvent { all[5].Chain[0] ^= 1; return all }},
		"another order":         {"g f h", func(all []verify.CustodyEvent) []verify.CustodyEvent { all[5], all[6] = all[6], all[5]; return all }},
		"an event twice":        {"h h", func(all []verify.CustodyEvent) []verify.CustodyEvent { return append(all, all[7], all[7]) }},
		"an act used again": {"h", func(all []verify.CustodyEvent) []verify.CustodyEvent {
			all[7].Act = all[5].Act
			all[7].Chain = verify.CustodyLink(all[6].Chain, all[7])
			return all
		}},
		// The end of a chain taken away leaves no trace in it.
		"the end cut off": {"", func(all []verify.CustodyEvent) []verify.CustodyEvent { return all[:7] }},
	} {
		t.Run(name, func(t *testing.T) {
			if got := strings.Join(faulty(c.change(custody())), " "); got != c.want {
				t.Errorf("the faults are at %q, wanted %q", got, c.want)
			}
		})
	}
}
