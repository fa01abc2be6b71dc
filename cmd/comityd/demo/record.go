package demo

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/client"
)

// record lists what each of three states reads in the record of acts.
func (s *story) record(ctx context.Context) error {
	for _, side := range []struct {
		state comity.State
		name  string
	}{{"KZ", "Kazakhstan"}, {"AM", "Armenia"}, {"BY", "Belarus"}} {
		auditor, err := s.as(ctx, "auditor@"+string(side.state))
		if err != nil {
			return err
		}
		all, err := client.All(func(first int, after string) (client.Page[client.LogEntry], error) {
			return auditor.Log(ctx, client.LogFilter{}, first, after)
		})
		if err != nil {
			return err
		}
		slices.Reverse(all) // told in order
		all = slices.DeleteFunc(all, func(e client.LogEntry) bool { return e.At.Before(s.began) })
		if err := s.side(side.state, all); err != nil {
			return err
		}
		told, own := apart(side.state, all)
		s.line("    %s", s.paint(bold, fmt.Sprintf("%s reads %s", side.name, count(len(all), "entry"))))
		s.table(rows(told))
		s.line("      %s", s.paint(dim, fmt.Sprintf("and %s by its own officers that found what they looked for", count(own, "read"))))
		if err := s.witnessed(ctx, auditor); err != nil {
			return err
		}
	}
	return nil
}

// witnessed verifies the whole log as a state's auditor does, and tells who vouches for it.
func (s *story) witnessed(ctx context.Context, auditor *officer) error {
	report, err := auditor.VerifyLog(ctx, nil, nil)
	if err != nil {
		return err
	}
	s.line("      %s", s.paint(dim, fmt.Sprintf("verified: %s in one tree, which the exchange signed and the witnesses of %s cosigned, its own among them",
		count(int(report.Head.Size), "entry"), count(strings.Count(report.Checkpoint, "\n— "+verify.WitnessName(s.o.Config.Union, "")), "state"))))
	return nil
}

// apart leaves out what a state's own officers read, which is told as a number.
func apart(state comity.State, all []client.LogEntry) (told []client.LogEntry, own int) {
	for _, e := range all {
		if e.State == state && e.Outcome == "READ" {
			own++
		} else {
			told = append(told, e)
		}
	}
	return told, own
}

// side checks that a state is shown what concerns it and nothing else.
func (s *story) side(state comity.State, all []client.LogEntry) error {
	seen := map[string]bool{}
	for _, e := range all {
		about := false
		for _, r := range e.Records {
			about = about || r.ID == string(s.filed) || r.ID == string(s.disk.Evidence)
		}
		if e.Act == "configuration" { // what servers go by is told to every state
			continue
		}
		if state == "BY" && e.State != "BY" {
			return fmt.Errorf("an act of %s is shown to Belarus", e.State)
		}
		if about || state == "BY" {
			seen[string(e.State)+" "+e.Outcome] = true
		}
	}
	// The outcomes are those of package audit, in the API's spelling.
	for _, want := range map[comity.State][]string{
		"KZ": {"KZ DONE", "KZ DENIED", "AM READ", "AM RELEASED", "AM DENIED"},
		"AM": {"AM READ", "AM RELEASED", "AM DENIED", "KZ DONE"},
		"BY": {"BY NOTFOUND"},
	}[state] {
		if !seen[want] {
			return fmt.Errorf("in what %s is shown, %q is missing about the case", state, want)
		}
	}
	return nil
}

// rows are the acts, with the same act by the same officer in a row told once.
func rows(all []client.LogEntry) [][]string {
	var out [][]string
	times := 0
	for i, e := range all {
		times++
		row := []string{e.At.Local().Format("15:04:05"), who(e), e.Act, strings.ToLower(e.Outcome), ""}
		if e.Article != 0 {
			row[4] = e.Article.String()
		}
		if i+1 < len(all) && same(e, all[i+1]) {
			continue
		}
		if times > 1 {
			row[2] += fmt.Sprintf(" (%d times)", times)
		}
		out, times = append(out, row), 0
	}
	return out
}

// who acted, as shown abroad; what ends quietly shows the state alone (Article 12).
func who(e client.LogEntry) string {
	if e.Function == "" {
		return string(e.State)
	}
	return e.Function + ", " + string(e.State)
}

func same(a, b client.LogEntry) bool {
	return a.Ref == b.Ref && a.Act == b.Act && a.Outcome == b.Outcome && a.Article == b.Article
}
