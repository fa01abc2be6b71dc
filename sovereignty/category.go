package sovereignty

import (
	_ "embed"
	"encoding/json"

	"github.com/comity-platform/comity"
)

// CategoryInfo is one kind of crime of the union's list.
type CategoryInfo struct {
	Code       comity.Category   `json:"code"`
	Title      string            `json:"title"`
	Competence comity.Competence `json:"competence"` // what an agency must have to deal with it
	// NeutralityProne: matters of this kind can be of predominantly political,
	// military, religious or racial character, so that an assessment precedes
	// the first grant (Article 5).
	NeutralityProne bool `json:"neutralityProne"`
}

//go:embed categories.json
var categoriesJSON []byte

var categoryList, categoryByCode = func() ([]CategoryInfo, map[comity.Category]CategoryInfo) {
	var list []CategoryInfo
	if err := json.Unmarshal(categoriesJSON, &list); err != nil {
		panic("sovereignty: categories.json: " + err.Error()) // embedded: a fault of the build, met by every test
	}
	byCode := make(map[comity.Category]CategoryInfo, len(list))
	for _, c := range list {
		byCode[c.Code] = c
	}
	return list, byCode
}()

// Categories lists the union's categories in their order. Nothing else is
// shareable; peaceful expression and assembly are never among them (Article 5).
func Categories() []CategoryInfo { return append([]CategoryInfo(nil), categoryList...) }

// Category finds a category by its code.
func Category(c comity.Category) (CategoryInfo, bool) {
	info, ok := categoryByCode[c]
	return info, ok
}
