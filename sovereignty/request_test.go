package sovereignty

import (
	"os"
	"strings"
	"testing"

	"github.com/comity-platform/comity"
)

var statuses = []comity.RequestStatus{comity.RequestSent, comity.RequestReceived, comity.RequestAcknowledged,
	comity.RequestSupplementAsked, comity.RequestForwarded, comity.RequestExecuted, comity.RequestExecutedInPart,
	comity.RequestNothingHeld, comity.RequestPostponed, comity.RequestRefused, comity.RequestClosed}

// TestNextStatus holds every act in every status against testdata/requests.txt:
// what is not in the table may not be done.
func TestNextStatus(t *testing.T) {
	text, err := os.ReadFile("testdata/requests.txt")
	if err != nil {
		t.Fatal(err)
	}
	type step struct {
		from    comity.RequestStatus
		act     Action
		outcome comity.RequestStatus
	}
	want := map[step]comity.RequestStatus{}
	for _, line := range strings.Split(string(text), "\n") {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		cells := strings.Split(line, "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if len(cells) != 3 {
			t.Fatalf("%q", line)
		}
		s := step{from: comity.RequestStatus(cells[0]), act: Action(cells[1])}
		if s.act == RequestExecute {
			s.outcome = comity.RequestStatus(cells[2])
		}
		want[s] = comity.RequestStatus(cells[2])
	}
	met := 0
	for _, from := range append(statuses, "", "LOST") {
		for _, a := range append(Actions, "") {
			for _, outcome := range append(statuses, "", "LOST") {
				to, ok := NextStatus(from, a, outcome)
				wanted, may := want[step{from, a, outcome}]
				if ok != may || to != wanted {
					t.Errorf("%s, %s (%s): %q %v, want %q %v", from, a, outcome, to, ok, wanted, may)
				}
				if may {
					met++
				}
			}
		}
	}
	if met != len(want) {
		t.Errorf("%d rows of %d were met", met, len(want))
	}
}
