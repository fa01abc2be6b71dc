package token

import (
	"errors"
	"math"
	"strconv"
	"time"
)

// number is a NumericDate (RFC 7519, section 2) in whole seconds; issuers may
// write fractions, which do not count.
type number int64

// maxNumber keeps sums of instants from overflowing: the year 9999.
const maxNumber = 253402300799

func (n *number) UnmarshalJSON(b []byte) error {
	f, err := strconv.ParseFloat(string(b), 64)
	if err != nil || math.IsNaN(f) || f < 0 || f > maxNumber {
		return errors.New("a date is not in seconds since 1970")
	}
	*n = number(f)
	return nil
}

func (n number) time() time.Time { return time.Unix(int64(n), 0) }
