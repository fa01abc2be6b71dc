package sqldb_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/comity-platform/comity/storage"
	"github.com/comity-platform/comity/storage/sqldb"
	"github.com/comity-platform/comity/storage/sqlite"
	"github.com/comity-platform/comity/storage/sqlite/sqlitetest"
	"github.com/comity-platform/comity/storage/storagetest"
)

// condition is one on a column by which rows are kept from viewers.
var condition = regexp.MustCompile(`(?:\b[a-z]\w*\.)?\b(?:state|to_state|grantee_state|grantee_agency|grantee_officer|orig_state|via_agency|viewer|officer|role|` +
	`routed_to|tlp|handling|scope|assessed_finding) (?:=|<>|IN|NOT IN) |(?:\(|AND |OR |NOT )(?:[a-z]\w*\.)?(?:reserved|protected|was_active|seconded)\b`)

// shows reports whether what a statement finds can come before a viewer, or into the
// lists of what is visible: acts lock and change what was found by other statements.
func shows(text string) bool {
	switch word, _, _ := strings.Cut(text, " "); word {
	case "UPDATE", "DELETE":
		return false
	case "INSERT":
		return strings.Contains(text, "SELECT")
	}
	return !strings.Contains(text, "FOR NO KEY UPDATE")
}

// TestEveryConditionIsRegistered wants each such condition of each statement that the
// shared suite has run among what TestEveryPredicateIsMissed takes away, or listed
// with a reason; and each that stands in the source run by the suite.
func TestEveryConditionIsRegistered(t *testing.T) {
	var mu sync.Mutex
	ran := map[string]bool{}
	t.Run("suite", func(t *testing.T) {
		storagetest.Run(t, func(t *testing.T) storage.DB {
			db := sqlitetest.Open(t, sqlite.Options{})
			db.(*sqldb.DB).Observe(func(text string, _ int) {
				mu.Lock()
				defer mu.Unlock()
				ran[text] = true
			})
			return db
		})
	})
	missing, used := map[string]string{}, map[string]bool{}
	for text := range ran {
		if !shows(text) {
			continue
		}
		known := sqldb.Known(text, used)
		for _, at := range condition.FindAllStringIndex(text, -1) {
			if !known(at[0], at[1]) {
				missing[text[max(0, at[0]-40):min(len(text), at[1]+30)]] = text
			}
		}
	}
	for part, text := range missing {
		t.Errorf("a condition is not registered: …%s…\n\tin %s", part, text)
	}
	for _, why := range sqldb.Unused(used) {
		t.Errorf("no statement has a condition of which it is said that %q", why)
	}
	for _, part := range conditionsInSource(t) {
		found := false
		for text := range ran {
			found = found || strings.Contains(text, part)
		}
		if !found {
			t.Errorf("the suite runs no statement with %q", part)
		}
	}
}

// conditionsInSource are the literals of the package that hold such a condition.
func conditionsInSource(t *testing.T) (all []string) {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(len(files), err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
				if text, err := strconv.Unquote(l.Value); err == nil && condition.MatchString(text) {
					all = append(all, text)
				}
			}
			return true
		})
	}
	return all
}
