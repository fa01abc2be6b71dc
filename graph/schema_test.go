package graph

import (
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write schema.graphql as it is printed")

// TestPrintedSchema holds the schema that is served to the file that is
// published: same definitions, same order, every description.
func TestPrintedSchema(t *testing.T) {
	s, _, err := bindSchema()
	if err != nil {
		t.Fatal(err)
	}
	printed := s.Print()
	if *update {
		if err := os.WriteFile("schema.graphql", []byte(printed), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if printed != SDL {
		t.Fatal("schema.graphql is not as it is printed: run the test with -update and look at the difference")
	}
}
