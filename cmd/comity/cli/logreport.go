package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/client/report"
	"github.com/comity-platform/comity/internal/durable"
)

type logReportCmd struct {
	From      past   `required:"" help:"Not before: a date, an RFC 3339 time, or 90d for ninety days ago." placeholder:"TIME"`
	To        past   `help:"Before: likewise; without it, now." placeholder:"TIME"`
	Format    string `enum:"table,csv,json,html" default:"table" help:"table, csv, json or html (one page with charts)."`
	Published bool   `help:"For others than the state: counts below 5 are not shown, nor what would tell them, and no single records."`
	Out       string `short:"o" help:"The file to write; without it, standard output." type:"path" placeholder:"FILE"`
}

// Help says what is counted.
func (logReportCmd) Help() string {
	return `Counts who saw the own state's records in a period: by reading state, its agencies and functions, purpose, grant, kind
of act and exhibit, with the keys released and the denials. It is counted from the own state's openings of the
record of acts, each verified against its leaf; where one does not hold, nothing is written and the exit code is 9.
That all openings were shown, comity log verify checks. What the state has erased is said, and not counted.

With --published, counts below 5 are shown as <5, others are withheld where they would tell these together with the
totals, and grants and exhibits are left out.

Examples:
  comity log report --from 2026-01-01 --to 2026-07-01
  comity log report --from 2026-01-01 --to 2026-07-01 --format html -o report.html
  comity log report --from 90d --format csv --published -o published.csv`
}

func (l logReportCmd) Run(r *run) error {
	now := time.Now()
	if l.To.IsZero() {
		l.To.Time = now
	}
	if !l.To.After(l.From.Time) {
		return usagef("the period ends before it begins: --to is the instant after it")
	}
	c, err := r.client()
	if err != nil {
		return err
	}
	tell, end := r.counting()
	made, err := reported(r.ctx, c, l.From.Time, l.To.Time, tell)
	end()
	if err != nil {
		return err
	}
	var marks *report.Marks
	if l.Published {
		published, m := made.Publish()
		made, marks = published, &m
	}
	format := l.Format
	if r.JSON && l.Out == "" {
		format = "json"
	}
	var b bytes.Buffer
	if err := report.Formats[format](&b, made, marks); err != nil {
		return err
	}
	if l.Out == "" {
		_, err := r.stdout.Write(b.Bytes())
		return err
	}
	if err := durable.WriteFile(l.Out, b.Bytes(), 0o600); err != nil {
		return err
	}
	return r.print(struct {
		File     string `json:"file"`
		Openings int64  `json:"openings"`
	}{l.Out, made.Openings}, func(w io.Writer) {
		fmt.Fprintf(w, "%s: counted from %d openings\n", clean(l.Out), made.Openings)
	})
}

// reported counts a period's entries page by page.
func reported(ctx context.Context, c *client.Client, from, until time.Time, tell func(what string, done, of int64)) (report.Report, error) {
	who, err := c.Viewer(ctx)
	if err != nil {
		return report.Report{}, err
	}
	b := report.New(who.State, from, until, time.Now())
	var done int64
	err = c.EachLogEntry(ctx, client.LogFilter{From: from, Until: until}, func(e *client.LogEntry) error {
		if done++; tell != nil && done%100 == 0 {
			tell("openings", done, 0)
		}
		return b.Add(*e)
	})
	return b.Report(), err
}
