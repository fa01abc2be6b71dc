package exchange

import (
	"sync"

	"github.com/comity-platform/comity/sovereignty"
)

// maxDecisions bounds the decisions that are remembered.
const maxDecisions = 4096

// decisions remembers what the policies decide on reads. A decision rests on its
// question alone, which holds all facts, and on the policies, which stay the same.
type decisions struct {
	mu    sync.RWMutex
	known map[sovereignty.Question]sovereignty.Decision
}

// on decides, or remembers.
func (d *decisions) on(q sovereignty.Question, p *sovereignty.Policies) sovereignty.Decision {
	d.mu.RLock()
	decision, ok := d.known[q]
	d.mu.RUnlock()
	if ok {
		return decision
	}
	decision = p.Decide(q)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.known == nil {
		d.known = map[sovereignty.Question]sovereignty.Decision{}
	}
	for other := range d.known {
		if len(d.known) < maxDecisions {
			break
		}
		delete(d.known, other)
	}
	d.known[q] = decision
	return decision
}
