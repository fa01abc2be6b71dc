// Package differential makes the cases in which the exchange's own execution of
// GraphQL is compared with the reference implementation: queries of a schema,
// valid and invalid, with their variables, and data that both sides work out for
// themselves from the path that leads to it. The reference's side is
// reference/reference.mjs.
package differential

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Case is a request. Of a subscription, the answer is that for its one event.
type Case struct {
	Query     string          `json:"query"`
	Variables json.RawMessage `json:"variables"`
	Operation string          `json:"operationName,omitempty"`
}

func (c Case) String() string {
	return fmt.Sprintf("query: %s\nvariables: %s\noperationName: %q", c.Query, c.Variables, c.Operation)
}

// Where a request is refused before anything of it runs.
const (
	AtDocument  = "document"  // it cannot be parsed, or is not valid
	AtVariables = "variables" // of the wrong form, or for an operation that is not there
	AtSource    = "source"    // of a subscription: the arguments of its root field
)

// Answer is what a request came to.
type Answer struct {
	Refused string            `json:"refused"` // where; "" for one that ran
	Data    json.RawMessage   `json:"data"`
	Errors  []json.RawMessage `json:"errors"` // paths, in their order
	// Says are the errors' texts, which are not compared.
	Says []string `json:"says"`
}

// Difference tells how two answers to a request differ; "" where they do not.
// Data are the same where their keys stand in the same order too.
func Difference(ours, reference Answer) string {
	if ours.Refused != reference.Refused {
		return fmt.Sprintf("ours was refused at %q (%v), the reference at %q (%v)", ours.Refused, ours.Says, reference.Refused, reference.Says)
	}
	same := func(x, y json.RawMessage) bool { return bytes.Equal(x, y) }
	if !slices.EqualFunc(ours.Errors, reference.Errors, same) {
		return fmt.Sprintf("the errors differ:\n ours      %s %v\n reference %s %v", ours.Errors, ours.Says, reference.Errors, reference.Says)
	}
	if ours.Refused != "" {
		return ""
	}
	a, err := canonical(ours.Data)
	b, err2 := canonical(reference.Data)
	if err = errors.Join(err, err2); err != nil {
		return fmt.Sprintf("an answer is no JSON: %v", err)
	}
	if a != b {
		return fmt.Sprintf("the data differ:\n ours      %s\n reference %s", a, b)
	}
	return ""
}

// canonical writes JSON in one way, without changing the order of anything.
func canonical(raw []byte) (string, error) {
	var b strings.Builder
	d := jsontext.NewDecoder(bytes.NewReader(raw))
	for {
		t, err := d.ReadToken()
		if errors.Is(err, io.EOF) {
			return b.String(), nil
		}
		if err != nil {
			return "", err
		}
		switch t.Kind() {
		case '0':
			f, err := t.Float()
			if err != nil {
				return "", err
			}
			b.WriteString(strconv.FormatFloat(f, 'g', -1, 64))
		case '"':
			b.WriteString(strconv.Quote(t.String()))
		default:
			b.WriteString(t.String())
		}
		b.WriteByte(' ')
	}
}
