package sqldb

import (
	"errors"
	"fmt"
	"time"

	"github.com/comity-platform/comity/storage"
)

// What is kept of servers that asked: for so long, and so many.
const (
	takersFor  = 5 * time.Second
	takersMost = 64
)

// allowance is what is left for an agency.
type allowance struct {
	account string // column agency: its id, and what it is for where that is not requests
	left    int64  // thousandths of a request
	at      time.Time
	takers  map[string]int64 // the servers that asked lately, and when
}

var allowances = newTable("allowances", "agency left_milli at takers",
	func(a *allowance) []any { return []any{&a.account, &a.left, instant(&a.at), asJSON(&a.takers)} })

// TakeAllowance implements [storage.AllowanceWriter], on the database's clock,
// which is one for all servers.
func (w *writer) TakeAllowance(t storage.AllowanceTake) (g storage.AllowanceGiven, err error) {
	locked := func() (allowance, error) {
		return allowances.one(w.reader, `SELECT `+allowances.cols("a")+` FROM allowances a WHERE a.agency = $1 FOR NO KEY UPDATE`, t.Account)
	}
	a, err := locked()
	if errors.Is(err, storage.ErrNotFound) {
		full := allowance{t.Account, int64(1000 * t.Burst), w.now, map[string]int64{}}
		if err := allowances.insert(w, full); err != nil && !errors.Is(err, storage.ErrExists) {
			return g, err
		}
		a, err = locked()
	}
	if err != nil {
		return g, fmt.Errorf("allowance: %w", err)
	}
	left := float64(a.left) / 1000
	// Another server may have been here at a later instant than this transaction began.
	if passed := w.now.Sub(a.at); passed > 0 {
		left, a.at = left+passed.Seconds()*t.Rate, w.now
	}
	left = min(left, t.Burst)
	if g.Given = min(t.Want, left-t.Keep); g.Given < 1 {
		g.Given = 0
	}
	g.Left = left - g.Given
	for name, at := range a.takers {
		if w.now.Sub(time.UnixMicro(at)) > takersFor || len(a.takers) > takersMost {
			delete(a.takers, name)
		}
	}
	a.takers[t.Server] = w.now.UnixMicro()
	g.Servers = len(a.takers)
	return g, w.changed("take of an allowance", `UPDATE allowances SET left_milli = $2, at = $3, takers = $4 WHERE agency = $1`,
		t.Account, int64(1000*g.Left), micros(a.at), asJSON(&a.takers))
}
