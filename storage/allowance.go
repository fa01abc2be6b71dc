package storage

// AllowanceTake is what a server asks for of an agency's allowance: of what the
// agency's officers may still ask for, which fills up by so much a second up to
// a bound. Servers take stretches of it.
type AllowanceTake struct {
	Account string  // an agency's, for one thing that it is for
	Server  string  // any name of the server's own
	Rate    float64 // by which the allowance fills up a second
	Burst   float64 // up to which
	Want    float64
	Keep    float64 // to be left for others
}

// AllowanceGiven is what it gets.
type AllowanceGiven struct {
	Given   float64 // at most what was wanted; 0 when there is not more than is to be kept
	Left    float64 // after it
	Servers int     // that asked lately, this one included
}

// AllowanceWriter shares out allowances among servers, each take in a
// transaction of its own. It is the system's: no officer reads or writes one.
type AllowanceWriter interface {
	// TakeAllowance takes from an agency's allowance, which is full when it was
	// never asked for.
	TakeAllowance(t AllowanceTake) (AllowanceGiven, error)
}
