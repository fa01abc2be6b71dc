package audit

import "math/rand/v2"

// The sizes by which the log grows, so that how many acts there were in a beat
// shows only as a class: 4 leaves, 16, 64 and so on by fours. Classes are filled
// up with random leaves that nobody opens.
const (
	smallest = 4
	step     = 4
	// coverOf: one in so many of the beats with no act is given a class of the
	// smallest size all the same, so that silence and single acts look alike.
	coverOf = 50
)

// Class is the number of leaves that a beat with n waiting leaves places.
func Class(n int) int {
	if n == 0 {
		return 0
	}
	c := smallest
	for c < n {
		c *= step
	}
	return c
}

// fill is how many random leaves go with n acts of a beat.
func fill(n int) int {
	if n == 0 && rand.N(coverOf) == 0 {
		return smallest
	}
	return Class(n) - n
}
