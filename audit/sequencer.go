package audit

import (
	"context"
	"log/slog"
	"time"

	"github.com/comity-platform/comity/storage"
)

// batch bounds the leaves sequenced in one transaction.
const batch = 1000

// Sequencer gives waiting leaves their place in the log. Any server may
// run one; the database lets one work at a time.
type Sequencer struct {
	DB    storage.DB
	Every time.Duration // how long a leaf waits at most while the database answers
	Log   *slog.Logger
}

// Run sequences until ctx ends. An unreachable database is waited out: the
// leaves stand in it, so none is lost.
func (s Sequencer) Run(ctx context.Context) {
	tick := time.NewTicker(s.Every)
	defer tick.Stop()
	for {
		n, err := s.DB.Sequence(ctx, batch, nil)
		if err != nil && ctx.Err() == nil {
			s.Log.Warn("sequencing waits", "error", err)
		}
		if n == batch {
			continue // more is waiting
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
