// Package ratio is how a benchmark says its result: a figure beside a peer's,
// taken in the same run, and the goal that it is held against. A benchmark
// that falls short says so and does not fail: what a shared machine measures
// is no test.
package ratio

import (
	"fmt"
	"io"
	"math"
	"slices"
)

// Median of the values, NaN when there are none.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	v := slices.Sorted(slices.Values(values))
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}

// AtLeast prints a figure that reaches its goal from below, to two decimals
// and never rounded up to the goal: "RATIO name value goal ok|short".
func AtLeast(w io.Writer, name string, value, goal float64) {
	shown := math.Floor(value*100+1e-9) / 100
	fmt.Fprintf(w, "RATIO %s %.2f %.2f %s\n", name, shown, goal, verdict(shown >= goal))
}

// AtMost prints a whole figure that must not exceed its goal.
func AtMost(w io.Writer, name string, value, goal float64) {
	shown := math.Ceil(value)
	fmt.Fprintf(w, "RATIO %s %.0f %.0f %s\n", name, shown, goal, verdict(shown <= goal))
}

// Within prints a figure that must not exceed its goal, to two decimals and
// never rounded down to the goal.
func Within(w io.Writer, name string, value, goal float64) {
	shown := math.Ceil(value*100-1e-9) / 100
	fmt.Fprintf(w, "RATIO %s %.2f %.2f %s\n", name, shown, goal, verdict(shown <= goal))
}

func verdict(reached bool) string {
	if reached {
		return "ok"
	}
	return "short"
}
