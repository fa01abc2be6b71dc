package graph

import (
	"fmt"
	"net/http"
	"time"

	"github.com/comity-platform/comity"
)

// Limits bound what one request may ask for. Each is named in the error that
// refuses what passes it.
type Limits struct {
	Bytes      int           // of the query text
	Tokens     int           // of the query text
	Depth      int           // of brackets of every kind within each other
	Variables  int           // bytes of the variables' JSON
	Response   int           // bytes
	Deadline   time.Duration // from the first byte read to the answer
	Fields     int           // selected, with every fragment written out
	Aliases    int
	Directives int
	RootFields int // of an operation, with every fragment written out
	Cost       int // fields that an answer could hold, lists multiplied
	EventCost  int // the same of an event: a subscription's selection is run for each
}

// DefaultLimits are those of a production server. The variables' allow the
// completion of an exhibit of the most parts that a store takes (10,000).
var DefaultLimits = Limits{
	Bytes: 16 << 10, Tokens: 1000, Depth: 16, Variables: 2 << 20, Response: 8 << 20, Deadline: 10 * time.Second,
	Fields: 500, Aliases: 50, Directives: 50, RootFields: 20, Cost: 100_000, EventCost: 5_000,
}

// body is the longest request that is read: query text with every character
// escaped, variables, and the JSON around them.
func (l Limits) body() int { return 6*l.Bytes + l.Variables + envelopeBytes }

// url is the longest query string of a GET: less than servers and proxies take
// as the head of a request. Longer queries, and large variables, go by POST.
func (l Limits) url() int { return l.Bytes + l.Bytes/2 }

// Limit is a limit as its error and the documentation name it.
type Limit struct {
	Name string // as in extensions.limit
	Max  float64
	Of   string // what is counted
	Text bool   // holds for query texts alone: a trusted document was checked before
}

// Named lists the limits in the order in which a request meets them.
func (l Limits) Named() []Limit {
	return []Limit{
		{"body", float64(l.body()), "bytes of the body of a POST", false},
		{"url", float64(l.url()), "bytes of the query string of a GET", false},
		{"variables", float64(l.Variables), "bytes of the variables' JSON", false},
		{"bytes", float64(l.Bytes), "bytes of query text", true},
		{"tokens", float64(l.Tokens), "tokens of query text", true},
		{"depth", float64(l.Depth), "brackets of every kind within each other", true},
		{"aliases", float64(l.Aliases), "aliases in the document", true},
		{"directives", float64(l.Directives), "directives in the document", true},
		{"fields", float64(l.Fields), "fields of an operation, every fragment written out", true},
		{"rootFields", float64(l.RootFields), "root fields of an operation", true},
		{"cost", float64(l.Cost), "fields that the answer could hold, each list as long as its `first` allows", false},
		{"eventCost", float64(l.EventCost), "fields that an event of a subscription could hold", false},
		{"response", float64(l.Response), "bytes of the answer's data", false},
		{"deadline", l.Deadline.Seconds(), "seconds from the first byte to the answer", false},
	}
}

// passed says which limit was passed.
func passed(name string, limit int, what string) *fault {
	return &fault{code: comity.CodeLimit, limit: name, max: float64(limit), message: fmt.Sprintf("the limit %q was passed: at most %d %s", name, limit, what)}
}

// late says that a request took too long.
func late(limit time.Duration, err error) *fault {
	return &fault{code: comity.CodeLimit, limit: "deadline", max: limit.Seconds(), status: http.StatusServiceUnavailable, cause: err,
		message: fmt.Sprintf("the limit \"deadline\" was passed: at most %s for one request; ask for less, or try again", limit)}
}
