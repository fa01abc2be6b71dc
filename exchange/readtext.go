package exchange

import (
	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/internal/plainjson"
)

// readText reads the JSON of the words that lists are full of, where it is an object
// of strings without escapes, as most are. It gives what encoding/json gives, to
// which all else is left.
func readText(plain []byte, text any) bool {
	switch t := text.(type) {
	case *comity.CaseText:
		return wholly(plain, func(name string) *string {
			switch name {
			case "title":
				return &t.Title
			case "summary":
				return &t.Summary
			case "narrative":
				return &t.Narrative
			case "reference":
				return &t.Reference
			case "classification":
				return (*string)(&t.Classification)
			}
			return nil
		})
	case *comity.EvidenceText:
		return wholly(plain, func(name string) *string {
			switch name {
			case "name":
				return &t.Name
			case "note":
				return &t.Note
			case "claimMd5":
				return &t.ClaimMD5
			case "claimSha1":
				return &t.ClaimSHA1
			case "classification":
				return (*string)(&t.Classification)
			}
			return nil
		})
	case *comity.EntryText:
		return wholly(plain, func(name string) *string {
			switch name {
			case "happened":
				return &t.Happened
			case "text":
				return &t.Text
			case "classification":
				return (*string)(&t.Classification)
			}
			return nil
		})
	}
	return false
}

func wholly(plain []byte, member func(name string) *string) bool {
	rest, ok := plainjson.Strings(plain, member)
	return ok && len(rest) == 0
}
