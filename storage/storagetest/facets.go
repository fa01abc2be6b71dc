package storagetest

import (
	"database/sql"
	"slices"
	"strings"
	"testing"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/storage"
)

// AuditLeaf is a leaf as the gate writes it, of a read by an officer of AM that
// concerns KZ, where nobody is named who acted.
func AuditLeaf(t testing.TB) storage.Leaf {
	t.Helper()
	c := audit.Content{Act: "read", Outcome: audit.Read, At: noon, Actor: audit.Actor{State: "AM", Agency: "AM/cyber", Ref: "AM:in-1"},
		Records: []audit.Record{{ID: "case1_x"}, {ID: "case1_y"}}, Policies: "p"}
	abroad := audit.Content{Act: "grantEnded", Outcome: audit.Done, At: noon, Actor: audit.Actor{State: "AM"}, Policies: "p"}
	leaves, err := audit.Leaves(noon, map[comity.State]audit.Content{"AM": c, "KZ": abroad})
	if err != nil {
		t.Fatal(err)
	}
	return leaves[0]
}

// FacetsFilledIn takes the facets away and has the migration's INSERT put them
// there anew: they are the same.
func FacetsFilledIn(t *testing.T, db *sql.DB, migration string) {
	t.Helper()
	facets := func() (all []string) {
		rows, err := db.QueryContext(t.Context(), `SELECT state || ' ' || facet || ' ' || at || ' ' || leaf_id FROM log_facets`)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var s string
			if err := rows.Scan(&s); err != nil {
				t.Fatal(err)
			}
			all = append(all, s)
		}
		slices.Sort(all)
		return all
	}
	written := facets()
	if len(written) != 9 {
		t.Errorf("the leaf was written with %q", written)
	}
	_, insert, _ := strings.Cut(migration, "INSERT INTO log_facets")
	insert, _, ok := strings.Cut(insert, ";")
	if !ok {
		t.Fatal("the migration fills no facets in")
	}
	for _, text := range []string{"DELETE FROM log_facets", "INSERT INTO log_facets" + insert} {
		if _, err := db.ExecContext(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	equal(t, "facets filled in", facets(), written)
}
