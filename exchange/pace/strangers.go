package pace

import (
	"net/netip"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

// knownAddresses bounds the addresses that are remembered: one that is forgotten
// for others begins anew.
const knownAddresses = 4096

// strangers are those who show no valid token, by where they come from.
type strangers struct {
	o     Options
	known *lru.Cache[netip.Prefix, *rate.Limiter]
}

func newStrangers(o Options) (strangers, error) {
	known, err := lru.New[netip.Prefix, *rate.Limiter](knownAddresses)
	return strangers{o, known}, err
}

// Stranger admits a request without a valid token from an address (nil), or says
// how long to wait. Of IPv6, whoever has an address has the network around it.
func (p *Pace) Stranger(address netip.Addr) *Wait {
	s := p.strangers
	network := Network(address)
	l, ok := s.known.Get(network)
	if !ok {
		l = rate.NewLimiter(rate.Limit(s.o.Address), int(Burst*s.o.Address))
		if other, had, _ := s.known.PeekOrAdd(network, l); had {
			l = other
		}
	}
	now := s.o.Now()
	r := l.ReserveN(now, 1)
	if after := r.DelayFrom(now); after > 0 {
		r.CancelAt(now)
		return &Wait{"addressRate", s.o.Address, max(after, time.Millisecond)}
	}
	return nil
}

// Network is the network that whoever has an address has, the zero one for all that
// are none.
func Network(address netip.Addr) netip.Prefix {
	address = address.Unmap()
	bits := 64
	if address.Is4() {
		bits = 32
	}
	network, err := address.WithZone("").Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return network
}
