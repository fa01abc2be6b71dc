// Package genqlient pins the generator of clients in Go that the tests use, and
// what the clients that it generates need.
package genqlient

import _ "github.com/Khan/genqlient/graphql"
