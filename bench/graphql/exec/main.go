// Command exec measures the executor in memory, beside encoding/json of the same
// values: 50 cases of nine fields, each with its agency and three exhibits of
// five fields. Their answers are compared before they are timed. Runs alternate,
// on one core, and the medians of their rounds are compared.
//
// The last line is "RATIO exec_vs_encoding_json value goal ok|short": above 1
// the plan is the faster one.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"github.com/comity-platform/comity/bench/ratio"
	"github.com/comity-platform/comity/graph/execute"
)

func main() {
	rounds := flag.Int("rounds", 101, "`rounds`, each with both")
	each := flag.Int("each", 50, "answers of each in a `round`")
	flag.Parse()
	if err := measure(os.Stdout, *rounds, *each); err != nil {
		fmt.Fprintln(os.Stderr, "exec:", err)
		os.Exit(1)
	}
}

func measure(w io.Writer, rounds, each int) error {
	cases := fill(50, 3)
	plan, err := compile()
	if err != nil {
		return err
	}
	run := func() *execute.Answer {
		return plan.Run(context.Background(), execute.Params{Root: cases, Limit: 1 << 20})
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out) // into memory that is used again, as the plan does
	encoder.SetEscapeHTML(false)
	encode := func() error {
		out.Reset()
		return encoder.Encode(data{cases})
	}
	answer := run()
	if err := encode(); err != nil {
		return err
	}
	if want := bytes.TrimSpace(out.Bytes()); len(answer.Errors) > 0 || !bytes.Equal(answer.Data, want) {
		return fmt.Errorf("the answers differ: %v\n%s\n%s", answer.Errors, answer.Data, want)
	}
	fmt.Fprintf(w, "one answer: %d bytes\n", len(answer.Data))
	answer.Release()

	runtime.GOMAXPROCS(1)
	timed := func(f func()) float64 {
		began := time.Now()
		for range each {
			f()
		}
		return float64(time.Since(began)) / float64(each) / float64(time.Microsecond)
	}
	var plans, encodings []float64
	for range rounds {
		plans = append(plans, timed(func() { run().Release() }))
		encodings = append(encodings, timed(func() { _ = encode() })) // it did not fail above
	}
	ours, theirs := ratio.Median(plans), ratio.Median(encodings)
	fmt.Fprintf(w, "the plan %.1f µs, encoding/json %.1f µs\n", ours, theirs)
	ratio.AtLeast(w, "exec_vs_encoding_json", theirs/ours, 1)
	return nil
}
