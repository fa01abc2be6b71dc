package cli

import (
	"errors"
	"fmt"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
)

type watchCmd struct {
	Kind    []comity.EventKind `help:"Only events of this kind, as in GRANT_ENDED; may be repeated." placeholder:"KIND"`
	Case    comity.ID          `help:"Only what happens to this case; the command ends when it is no longer open." placeholder:"ID"`
	Purpose comity.Purpose     `help:"For what records of other states are read; without it, nothing of theirs is told." placeholder:"PURPOSE"`
	After   string             `help:"Go on after this event, 7 days ago at most, instead of from now on." placeholder:"ID"`
	First   int                `help:"End after so many events." placeholder:"N"`
}

func (*watchCmd) Help() string {
	return `Prints what happens as it happens, one event in a line, until it is interrupted: requests and messages that
arrive, grants that are made or end, changes of cases, exhibits, notices, proposals that wait for a second
officer, clocks that run out. What you may not know of is not told. The command waits for a server that is
away and goes on where it was. Of an event that cannot be read as a whole the reason is printed (with --json
as its "error"), and the next ones follow.
It ends with exit code 6 when the token does, and with 3 when the case is no longer open.

Kinds: REQUEST_ARRIVED, REQUEST_CHANGED, REQUEST_OVERDUE, REQUEST_ESCALATED, MESSAGE_ARRIVED, GRANT_MADE,
GRANT_CHANGED, GRANT_ENDED, CASE_CHANGED, EVIDENCE_COMPLETED, HOLD_ENDED, DISPATCH_ARRIVED, DISPATCH_CHANGED,
DISPATCH_OVERDUE, PROPOSAL_ARRIVED, PROPOSAL_DECIDED, PROPOSAL_LAPSED.

Examples:
  comity watch
  comity watch --kind REQUEST_ARRIVED --kind MESSAGE_ARRIVED
  comity watch --kind PROPOSAL_ARRIVED
  comity watch --case case1_… --purpose INVESTIGATION --json | while read -r event; do notify "$event"; done
  comity watch --after "$(tail -n 1 events.jsonl | jq -r .id)" --json >> events.jsonl`
}

// errEnough ends a watch that was told all that was asked.
var errEnough = errors.New("cli: enough events")

func (w *watchCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	what := client.Watching{Kinds: w.Kind, Case: w.Case, Purpose: w.Purpose, After: w.After, Waiting: func(cause error, next time.Duration) {
		if !r.Quiet {
			fmt.Fprintf(r.stderr, "waiting %s: %v\n", next.Round(time.Second/10), cause)
		}
	}}
	n := 0
	err = c.Watch(r.ctx, what, func(e client.Event) error {
		if err := w.print(r, e); err != nil {
			return err
		}
		if n++; w.First > 0 && n >= w.First {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

func (w *watchCmd) print(r *run, e client.Event) error {
	if r.JSON {
		said := struct {
			client.Event
			Error string `json:"error,omitempty"`
		}{Event: e}
		if e.Err != nil {
			said.Error = e.Err.Error()
		}
		return writeJSON(r.stdout, said, "")
	}
	if e.Err != nil && !r.Quiet {
		fmt.Fprintf(r.stderr, "of the event %s not all can be read: %v\n", clean(e.ID), clean(e.Err.Error()))
	}
	of := e.Record()
	if of == nil { // BEGAN, or what could not be read
		_, err := fmt.Fprintf(r.stdout, "%s  %-18s\n", e.At.Local().Format(time.DateTime), e.Kind)
		return err
	}
	words := of.Title + of.Name
	if of.Status != "" {
		words += " (" + of.Status + ")"
	}
	if of.Kind != "" {
		words = of.Kind + " " + words
	}
	_, err := fmt.Fprintf(r.stdout, "%s  %-18s  %s  %s\n", e.At.Local().Format(time.DateTime), e.Kind, of.ID, clean(words))
	return err
}
