package graph

import (
	"fmt"
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
}

// DefaultLimits are those of a production server. The variables' allow the
// completion of an exhibit of the most parts that a store takes (10,000).
var DefaultLimits = Limits{
	Bytes: 16 << 10, Tokens: 1000, Depth: 16, Variables: 2 << 20, Response: 8 << 20, Deadline: 10 * time.Second,
	Fields: 500, Aliases: 50, Directives: 50, RootFields: 20, Cost: 100_000,
}

// passed says which limit was passed.
func passed(name string, limit any, what string) *fault {
	return &fault{code: comity.CodeLimit, limit: name, message: fmt.Sprintf("the limit %q was passed: at most %v %s", name, limit, what)}
}
