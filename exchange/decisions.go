package exchange

import (
	"github.com/comity-platform/comity/internal/bounded"
	"github.com/comity-platform/comity/sovereignty"
)

// maxDecisions bounds the decisions that are remembered.
const maxDecisions = 4096

// decisions remembers what the policies decide on reads. A decision rests on its
// question alone, which holds all facts, and on the policies, which stay the same.
type decisions struct {
	known *bounded.Map[sovereignty.Question, sovereignty.Decision]
}

func newDecisions() decisions {
	return decisions{&bounded.Map[sovereignty.Question, sovereignty.Decision]{Most: maxDecisions}}
}

// on decides, or remembers.
func (d decisions) on(q sovereignty.Question, p *sovereignty.Policies) sovereignty.Decision {
	decision, ok := d.known.Get(q)
	if !ok {
		decision = p.Decide(q)
		d.known.Put(q, decision)
	}
	return decision
}
