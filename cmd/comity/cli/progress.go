package cli

import (
	"fmt"
	"math"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/comity-platform/comity/client"
)

// transfer is a progress bar on a terminal, and silent in a pipe.
type transfer struct {
	what  string
	bar   *progressbar.ProgressBar
	began time.Time
	shown time.Time
	rate  rate
	last  client.Progress
}

func (r *run) transfer(what string) *transfer {
	t := &transfer{what: short(what, 40), began: time.Now()}
	f, ok := r.stderr.(*os.File)
	if r.Quiet || r.JSON || !ok || !term.IsTerminal(int(f.Fd())) {
		return t
	}
	t.bar = progressbar.NewOptions64(100, progressbar.OptionSetWriter(f), progressbar.OptionSetDescription(t.what),
		progressbar.OptionSetElapsedTime(false), progressbar.OptionSetPredictTime(false), progressbar.OptionFullWidth(),
		progressbar.OptionClearOnFinish())
	return t
}

func (t *transfer) tell(p client.Progress) {
	t.last = p
	now := time.Now()
	t.rate.add(p.Done-p.Resumed, now)
	if t.bar == nil || now.Sub(t.shown) < 100*time.Millisecond && p.Done < p.Total {
		return
	}
	t.shown = now
	t.bar.ChangeMax64(max(p.Total, 1))
	t.bar.Describe(t.what + "  " + t.rate.say(p))
	_ = t.bar.Set64(p.Done)
}

// end takes the bar away and says how fast it went.
func (t *transfer) end() string {
	if t.bar != nil {
		_ = t.bar.Clear()
	}
	d := time.Since(t.began)
	moved := t.last.Done - t.last.Resumed
	if d <= 0 {
		d = time.Nanosecond
	}
	return fmt.Sprintf("%s in %s (%s/s)", size(moved), d.Round(10*time.Millisecond), size(int64(float64(moved)/d.Seconds())))
}

// rate is how fast bytes move, smoothed over some seconds: they come in bursts,
// of buffers here and there that fill at once.
type rate struct {
	from, at time.Time // of the first report and of the latest measure
	moved    int64
	speed    float64 // bytes per second
}

const (
	rateEvery = 500 * time.Millisecond // how often it is measured
	rateOver  = 5 * time.Second        // after this, what was before counts a third
	rateKnown = 2 * time.Second        // before this, nothing is said
)

func (r *rate) add(moved int64, now time.Time) {
	if r.from.IsZero() {
		r.from, r.at, r.moved = now, now, moved
		return
	}
	d := now.Sub(r.at)
	if d < rateEvery {
		return
	}
	speed := max(float64(moved-r.moved), 0) / d.Seconds()
	if r.at.Equal(r.from) {
		r.speed = speed
	} else {
		r.speed += (speed - r.speed) * (1 - math.Exp(-d.Seconds()/rateOver.Seconds()))
	}
	r.at, r.moved = now, moved
}

// say tells how much is through and, as soon as that is known, how fast and how
// long it still takes.
func (r *rate) say(p client.Progress) string {
	s := size(p.Done) + " of " + size(p.Total)
	if r.at.Sub(r.from) < rateKnown || r.speed < 1 {
		return s
	}
	left := time.Duration(float64(p.Total-p.Done) / r.speed * float64(time.Second))
	return fmt.Sprintf("%s, %s/s, %s left", s, size(int64(r.speed)), left.Round(time.Second))
}

// waiting says why nothing happens for a while.
func (r *run) waiting(why error, d time.Duration) {
	if !r.Quiet && !r.JSON {
		fmt.Fprintf(r.stderr, "comity: %s; waiting %s\n", lines(why.Error()), d)
	}
}
