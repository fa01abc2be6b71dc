package cli

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/comity-platform/comity/client"
)

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
