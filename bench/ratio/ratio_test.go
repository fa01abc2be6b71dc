package ratio

import (
	"bytes"
	"math"
	"testing"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		of   []float64
		want float64
	}{{[]float64{3}, 3}, {[]float64{9, 1, 2}, 2}, {[]float64{4, 1, 2, 9}, 3}} {
		if got := Median(c.of); got != c.want {
			t.Errorf("the median of %v is %v, not %v", c.of, got, c.want)
		}
	}
	if got := Median(nil); !math.IsNaN(got) {
		t.Errorf("the median of nothing is %v", got)
	}
}

func TestLines(t *testing.T) {
	var b bytes.Buffer
	AtLeast(&b, "put", 0.7999, 0.8)
	AtLeast(&b, "put", 0.8, 0.8)
	AtLeast(&b, "put", math.NaN(), 0.8)
	AtMost(&b, "memory", 512.1, 512)
	AtMost(&b, "memory", 211.3, 512)
	Within(&b, "growth", 1.501, 1.5)
	Within(&b, "growth", 1.5, 1.5)
	want := "RATIO put 0.79 0.80 short\nRATIO put 0.80 0.80 ok\nRATIO put NaN 0.80 short\nRATIO memory 513 512 short\nRATIO memory 212 512 ok\n" +
		"RATIO growth 1.51 1.50 short\nRATIO growth 1.50 1.50 ok\n"
	if b.String() != want {
		t.Errorf("printed\n%swant\n%s", &b, want)
	}
}
