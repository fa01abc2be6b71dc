package cli

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/comity-platform/comity/client"
)

type logVerifyCmd struct {
	Head []string `help:"A head that another reader was shown, as SIZE:ROOT: the record must pass through it. Repeatable." placeholder:"SIZE:ROOT"`
}

// Help says what is verified and what is not, and shows examples.
func (logVerifyCmd) Help() string {
	return `Reads the hashes of all leaves and every opening of the own state, and checks that indexes are contiguous,
that the chain holds, and that each opening is one of the leaf at its index. This login remembers the leaves:
when the exchange goes back, shows another leaf where one was seen, or keeps back an opening that it showed
before, the first index that differs is named and the exit code is 9.

What no reader can see alone: that other states are shown the same record (exchange heads with them, by other
means than this exchange, and give theirs with --head), and that no opening was kept back since before the
first look. Compare what the own officers did with comity log list.

Examples:
  comity log verify
  comity log verify --head 4711:5b0c…e9 --json`
}

func (v logVerifyCmd) Run(r *run) error {
	var through []client.LogHead
	for _, s := range v.Head {
		h, err := parseHead(s)
		if err != nil {
			return err
		}
		through = append(through, h)
	}
	c, err := r.client()
	if err != nil {
		return err
	}
	tell, end := r.counting()
	began := time.Now()
	report, err := c.VerifyLog(r.ctx, through, tell)
	end()
	if err != nil {
		return err
	}
	return r.print(struct {
		Verified bool `json:"verified"`
		client.LogReport
	}{true, report}, func(w io.Writer) {
		fmt.Fprintf(w, "verified: %d leaves, %d of them opened by %s (%s)\n", report.Head.Size, report.Own, report.State,
			time.Since(began).Round(10*time.Millisecond))
		field(w, "head", fmt.Sprintf("%d:%s", report.Head.Size, report.Head.Root))
		if b := report.Before; b != nil {
			field(w, "goes on from", fmt.Sprintf("%d:%s", b.Size, b.Root))
		} else {
			field(w, "goes on from", "nothing: this login had not verified the record before")
		}
		for _, h := range through {
			field(w, "passes through", fmt.Sprintf("%d:%s", h.Size, h.Root))
		}
		if report.Waiting > 0 {
			field(w, "waiting", fmt.Sprintf("%d openings whose leaf has no index yet; verify again", report.Waiting))
		}
		field(w, "not proven", "that no opening was kept back from the first")
	})
}

// parseHead reads SIZE:ROOT.
func parseHead(s string) (client.LogHead, error) {
	size, root, ok := strings.Cut(s, ":")
	n, err := strconv.ParseInt(size, 10, 64)
	if !ok || err != nil {
		return client.LogHead{}, usagef("%.80q is no head: write SIZE:ROOT as comity log verify prints it", s)
	}
	return client.LogHead{Size: n, Root: strings.ToLower(root)}, nil
}

// counting is a progress bar of counts on a terminal, and silent in a pipe.
func (r *run) counting() (tell func(what string, done, of int64), end func()) {
	f, ok := r.stderr.(*os.File)
	if r.Quiet || r.JSON || !ok || !term.IsTerminal(int(f.Fd())) {
		return nil, func() {}
	}
	var bar *progressbar.ProgressBar
	shown := ""
	end = func() {
		if bar != nil {
			_ = bar.Clear()
		}
	}
	return func(what string, done, of int64) {
		if what != shown {
			end()
			if of == 0 {
				of = -1
			}
			bar = progressbar.NewOptions64(of, progressbar.OptionSetWriter(f), progressbar.OptionSetDescription(what),
				progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetPredictTime(true),
				progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionFullWidth(), progressbar.OptionClearOnFinish())
			shown = what
		} else if of > 0 {
			bar.ChangeMax64(of)
		}
		_ = bar.Set64(done)
	}, end
}

// articles are the Articles of an entry: that which carried or denied it as a
// whole, else those that withheld its records.
func articles(e client.LogEntry) string {
	if e.Article != 0 {
		return fmt.Sprintf("%d %s", e.Article, e.ArticleName)
	}
	var said []string
	for _, r := range e.Records {
		if s := fmt.Sprintf("%d %s", r.Denied, r.Denied.Name()); r.Denied != 0 && !slices.Contains(said, s) {
			said = append(said, s)
		}
	}
	return strings.Join(said, ", ")
}

// unheld is the error for entries that do not hold, nil when all do.
func unheld(entries []client.LogEntry) error {
	var bad []string
	for _, e := range entries {
		if e.Check.Err() != nil {
			bad = append(bad, string(e.ID))
		}
	}
	if len(bad) == 0 {
		return nil
	}
	return &client.VerificationError{What: "the record of acts", Err: fmt.Errorf("%d of the %d entries listed are not what their leaves commit to: %s",
		len(bad), len(entries), short(strings.Join(bad, " "), 200))}
}
