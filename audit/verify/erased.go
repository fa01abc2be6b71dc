package verify

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"time"
)

// Erased is what the leaf of an erasure says of the openings that it erased: they
// are those of its own state, at so many indexes of the log.
type Erased struct {
	Before time.Time `json:"before"` // from before this instant, by their leaves
	From   int64     `json:"from"`   // the lowest index
	Until  int64     `json:"until"`  // the highest
	Count  int64     `json:"count"`
	Places string    `json:"places"` // hex, see [Places]
}

// are reports whether it erased exactly the openings at these indexes, which it sorts.
func (e Erased) are(indexes []int64) bool {
	if e.Count != int64(len(indexes)) || len(indexes) == 0 {
		return false
	}
	slices.Sort(indexes)
	places := Places(indexes)
	return e.From == indexes[0] && e.Until == indexes[len(indexes)-1] && e.Places == hex.EncodeToString(places[:])
}

// Places is the hash over the indexes of openings, ascending: whoever has all of a
// state's entries compares those that name an erasing leaf with what that leaf says.
func Places(indexes []int64) [32]byte {
	b := []byte("comity/erased/v1\n")
	for _, i := range indexes {
		b = append(strconv.AppendInt(b, i, 10), '\n')
	}
	return sha256.Sum256(b)
}
