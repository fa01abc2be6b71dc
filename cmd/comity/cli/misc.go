package cli

import (
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
)

type versionCmd struct{}

// Help shows an example.
func (versionCmd) Help() string {
	return `Example:
  comity version --json`
}

// Run prints what the build knows of itself.
func (versionCmd) Run(r *run) error {
	v := struct {
		Version  string `json:"version"`
		Revision string `json:"revision,omitempty"`
		Go       string `json:"go"`
	}{Version: "devel"}
	if info, ok := debug.ReadBuildInfo(); ok {
		v.Go = info.GoVersion
		if info.Main.Version != "" && info.Main.Version != "(devel)" {
			v.Version = info.Main.Version
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				v.Revision = s.Value
			}
		}
	}
	return r.print(v, func(w io.Writer) { fmt.Fprintf(w, "comity %s %s %s\n", v.Version, v.Revision, v.Go) })
}

type stateCmd struct {
	List stateListCmd `cmd:"" help:"List the member states by their verified manifests."`
}

// Help shows an example.
func (stateCmd) Help() string {
	return `Example:
  comity state list`
}

type stateListCmd struct{}

// Help says what verified means.
func (stateListCmd) Help() string {
	return `Every manifest is verified against the pinned roots, and an older one than was seen before is refused.

Example:
  comity state list --json`
}

func (stateListCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	u, err := c.Refresh(r.ctx)
	if err != nil {
		return err
	}
	return r.print(u, func(w io.Writer) {
		row(w, "STATE", "NAME", "CONTACT POINT", "STANDING CONTACT", "AGENCIES", "AGREEMENTS", "MANIFEST", "EXPIRES")
		for _, s := range u.States {
			m := s.Manifest
			if m == nil {
				row(w, s.Code, "not verified: "+s.Fault)
				continue
			}
			var agencies, agreements []string
			for _, a := range m.Agencies {
				agencies = append(agencies, string(a.ID))
			}
			for _, a := range m.Agreements {
				agreements = append(agreements, a.ID)
			}
			row(w, s.Code, m.Name, m.ContactPoint, m.Contact, strings.Join(agencies, " "), strings.Join(agreements, " "), fmt.Sprintf("number %d", m.Number), m.Expires)
		}
	})
}

type categoryCmd struct {
	List     categoryListCmd     `cmd:"" help:"List the kinds of crime that can be shared; nothing else is."`
	Reserve  categoryReserveCmd  `cmd:"" help:"Reserve a category of the own state in advance (Article 4)."`
	Lift     categoryLiftCmd     `cmd:"" help:"Propose to lift the reservation of a category."`
	Reserved categoryReservedCmd `cmd:"" help:"List the categories that the own state has reserved."`
}

// Help shows an example.
func (categoryCmd) Help() string {
	return `Example:
  comity category list`
}

type categoryListCmd struct{}

// Help says what the columns mean.
func (categoryListCmd) Help() string {
	return `An agency deals with a category by its competence. Before the first grant of a case of a category that is
prone to it, an assessment of its political, military, religious or racial character is recorded (Article 5).

Example:
  comity category list`
}

func (categoryListCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	u, err := c.Refresh(r.ctx)
	if err != nil {
		return err
	}
	return r.print(nonNil(u.Categories), func(w io.Writer) {
		row(w, "CATEGORY", "COMPETENCE", "ASSESSED", "TITLE")
		for _, k := range u.Categories {
			row(w, k.Code, k.Competence, k.NeutralityProne, k.Title)
		}
	})
}

type logCmd struct {
	List   logListCmd   `cmd:"" help:"List what concerns the officer's state, newest first."`
	Verify logVerifyCmd `cmd:"" help:"Verify the whole log, with the own openings and against what was seen before; or a copy of it, or the proof of one leaf."`
	Prove  logProveCmd  `cmd:"" help:"Write a file that proves one leaf, and what it tells the own state, to others."`
	Copy   logCopyCmd   `cmd:"" help:"Make a copy of the log's files, or bring it up to date."`

	Report   logReportCmd   `cmd:"" help:"Tell who saw the own state's records in a period: table, CSV, JSON or a page with charts."`
	Erase    logEraseCmd    `cmd:"" help:"Propose to erase the own state's old openings (Article 14)."`
	Erasures logErasuresCmd `cmd:"" help:"List such erasures."`
}

// Help shows examples.
func (logCmd) Help() string {
	return `Examples:
  comity log list --act grantMake
  comity log verify
  comity log prove leaf1_… -o proof.json
  comity log report --from 2026-01-01 --to 2026-07-01 --format html -o report.html`
}

type logListCmd struct {
	Act     string            `help:"Only this act, as in grantMake, evidenceOpen or read." placeholder:"ACT"`
	Outcome logOutcome        `help:"Only with this outcome." placeholder:"OUTCOME"`
	State   comity.State      `help:"Only by officers of this state." placeholder:"CODE"`
	Officer comity.OfficerRef `help:"Only by this officer, as in KZ:li-7q2f." placeholder:"REF"`
	Record  comity.ID         `help:"Only about this record." placeholder:"ID"`
	From    past              `help:"Not before: a date, an RFC 3339 time, or 7d for seven days ago." placeholder:"TIME"`
	Until   past              `help:"Before: likewise." placeholder:"TIME"`
	pageFlags
}

// Help shows an example.
func (logListCmd) Help() string {
	return `Every act, foreign read, denial and key release is a leaf of the record of acts. #- means that the
sequencer has not placed the leaf yet; of an ERASED opening the leaf of the erasure is named. Every entry is verified against its leaf; what one that does not
hold says is not shown, and the exit code is 9. That the leaves stand in the log, comity log verify checks.

Examples:
  comity log list --limit 20
  comity log list --outcome DENIED --state AM --from 2026-11-01 --until 2026-12-01
  comity log list --record case1_… --officer AM:in-4k2p`
}

func (l logListCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	entries, total, cut, err := list(l.pageFlags, func(first int, after string) (client.Page[client.LogEntry], error) {
		return c.Log(r.ctx, client.LogFilter{Act: l.Act, Outcome: string(l.Outcome), State: l.State, Officer: l.Officer, Record: l.Record,
			From: l.From.Time, Until: l.Until.Time}, first, after)
	})
	if err != nil {
		return err
	}
	defer r.more(cut, len(entries), total)
	return errors.Join(r.print(nonNil(entries), func(w io.Writer) {
		row(w, "#", "LEAF", "WHEN", "WHO", "FUNCTION", "ACT", "OUTCOME", "ARTICLE", "RECORDS")
		for _, e := range entries {
			place := any("-")
			if e.Index != nil {
				place = *e.Index
			}
			if err := e.Check.Err(); err != nil {
				row(w, place, "DOES NOT HOLD", short(err.Error(), 80))
				continue
			}
			var records []string
			for _, rec := range e.Records {
				records = append(records, rec.ID)
			}
			if e.ErasedBy != "" {
				records = []string{"by " + string(e.ErasedBy)}
			}
			row(w, place, e.Check, e.At, e.Ref, e.Function, e.Act, e.Outcome, articles(e), short(strings.Join(records, " "), 80))
		}
	}), unheld(entries))
}

// nonNil makes an empty list [] in JSON.
func nonNil[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
