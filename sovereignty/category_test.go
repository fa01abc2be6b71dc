package sovereignty

import (
	"regexp"
	"testing"

	"github.com/comity-platform/comity"
)

func TestCategories(t *testing.T) {
	form := regexp.MustCompile(`^[A-Z]+(_[A-Z]+)*$`)
	seen := map[comity.Category]bool{}
	competences := map[comity.Competence]int{}
	for _, c := range Categories() {
		if seen[c.Code] || !form.MatchString(string(c.Code)) || c.Title == "" {
			t.Errorf("%+v", c)
		}
		seen[c.Code] = true
		competences[c.Competence]++
		if got, ok := Category(c.Code); !ok || got != c {
			t.Errorf("%s: %+v %v", c.Code, got, ok)
		}
	}
	if len(competences) != 2 || competences[comity.Cybercrime] == 0 || competences[comity.CounterTerrorism] == 0 {
		t.Errorf("competences: %v", competences)
	}
	if _, ok := Category("PEACEFUL_ASSEMBLY"); ok {
		t.Error("peaceful assembly is never a category")
	}
	list := Categories()
	list[0].Code = "CHANGED"
	if Categories()[0].Code == "CHANGED" {
		t.Error("a caller can change the list")
	}
}
