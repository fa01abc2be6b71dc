package graph

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/comity-platform/comity"
)

// wire is a request as GraphQL over HTTP has it.
type wire struct {
	Query     string
	Operation string
	Variables map[string]any
	fromGET   bool
}

// envelopeBytes is what the JSON around query and variables may take.
const envelopeBytes = 8 << 10

// Media types of GraphQL over HTTP.
const (
	typeResponse = "application/graphql-response+json"
	typeJSON     = "application/json"
)

// receive takes a request apart. A POST of another media type than JSON is what a
// page of another site can send without being asked first: it is refused.
func (h *handler) receive(w http.ResponseWriter, r *http.Request) (wire, *fault) {
	if r.Method == http.MethodGet {
		return h.readQuery(r)
	}
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if charset := params["charset"]; err != nil || media != typeJSON || charset != "" && !strings.EqualFold(charset, "utf-8") {
		return wire{}, &fault{code: comity.CodeInvalid, status: http.StatusUnsupportedMediaType, message: "the body of a request is application/json in UTF-8"}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(6*h.limits.Bytes+h.limits.Variables+envelopeBytes)))
	if tooLong, ok := errors.AsType[*http.MaxBytesError](err); ok {
		f := passed("body", tooLong.Limit, "bytes in a request")
		f.status = http.StatusRequestEntityTooLarge
		return wire{}, f
	}
	if err != nil {
		return wire{}, &fault{code: comity.CodeInvalid, message: "the body did not arrive", cause: err}
	}
	return decodeWire(body, h.limits)
}

// decodeWire reads the body of a POST: strictly, with no name twice.
func decodeWire(body []byte, l Limits) (wire, *fault) {
	switch jsontext.Value(body).Kind() {
	case '{':
	case '[':
		return wire{}, invalid("a request holds one operation: lists of them are not taken")
	default:
		return wire{}, invalid("the body is not a JSON object")
	}
	var raw struct {
		Query      jsontext.Value `json:"query"`
		Operation  jsontext.Value `json:"operationName"`
		Variables  jsontext.Value `json:"variables"`
		Extensions jsontext.Value `json:"extensions"`
	}
	if err := json.Unmarshal(body, &raw); err != nil {
		return wire{}, &fault{code: comity.CodeInvalid, message: "the body is not valid JSON", cause: err}
	}
	var q wire
	if raw.Query.Kind() != '"' || json.Unmarshal(raw.Query, &q.Query) != nil {
		return wire{}, invalid("the parameter query is a string, and needed")
	}
	if k := raw.Operation.Kind(); len(raw.Operation) > 0 && k != 'n' && (k != '"' || json.Unmarshal(raw.Operation, &q.Operation) != nil) {
		return wire{}, invalid("the parameter operationName is a string")
	}
	if k := raw.Extensions.Kind(); len(raw.Extensions) > 0 && k != 'n' && k != '{' {
		return wire{}, invalid("the parameter extensions is an object")
	}
	var f *fault
	q.Variables, f = decodeVariables(raw.Variables, l)
	return q, f
}

func decodeVariables(raw jsontext.Value, l Limits) (map[string]any, *fault) {
	if len(raw) == 0 {
		return nil, nil
	}
	if len(raw) > l.Variables {
		return nil, passed("variables", l.Variables, "bytes of variables")
	}
	var v map[string]any
	if k := raw.Kind(); k != '{' && k != 'n' || json.Unmarshal(raw, &v) != nil {
		return nil, invalid("the parameter variables is a JSON object")
	}
	return v, nil
}

// readQuery reads the parameters of a GET. What it asks for an officer does not
// come from a page of another site: it carries the headers Authorization and
// DPoP, which no page sends elsewhere without a preflight, and none is answered.
// Without them it gets the directory, which everybody may have.
func (h *handler) readQuery(r *http.Request) (wire, *fault) {
	if len(r.URL.RawQuery) > 4*h.limits.Bytes {
		return wire{}, passed("bytes", h.limits.Bytes, "bytes of query text")
	}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil { // what can be read of it would be another question
		return wire{}, &fault{code: comity.CodeInvalid, message: "the query string is not in the form that URLs have", cause: err}
	}
	for _, name := range []string{"query", "operationName", "variables", "extensions"} {
		if len(values[name]) > 1 || !utf8.ValidString(values.Get(name)) {
			return wire{}, invalid(fmt.Sprintf("the parameter %s is given once, in UTF-8", name))
		}
	}
	q := wire{Query: values.Get("query"), Operation: values.Get("operationName"), fromGET: true}
	if q.Query == "" {
		return wire{}, invalid("the parameter query is needed")
	}
	if e := jsontext.Value(values.Get("extensions")); len(e) > 0 && (e.Kind() != '{' || !e.IsValid()) {
		return wire{}, invalid("the parameter extensions is a JSON object")
	}
	var f *fault
	q.Variables, f = decodeVariables(jsontext.Value(values.Get("variables")), h.limits)
	return q, f
}

// accepts picks the media type of the answer, "" for none that is accepted.
// Without an Accept header it is the older one, as the specification has it.
func accepts(header string) string {
	if strings.TrimSpace(header) == "" {
		return typeJSON
	}
	best, bestQ := "", 0.0
	for _, part := range strings.Split(header, ",") {
		media, params, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		q := 1.0
		if s, ok := params["q"]; ok {
			if _, err := fmt.Sscanf(s, "%g", &q); err != nil {
				continue
			}
		}
		switch media {
		case "*/*", "application/*":
			media = typeJSON
			q -= 0.001 // what is named goes before what is meant along
		case typeResponse, typeJSON:
		default:
			continue
		}
		if q > bestQ {
			best, bestQ = media, q
		}
	}
	return best
}
