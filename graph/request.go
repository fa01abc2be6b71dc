package graph

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/comity-platform/comity"
)

// wire is a request as GraphQL over HTTP has it.
type wire struct {
	Document  string // the id of a trusted document, instead of a query text
	Query     string
	Operation string
	Variables map[string]any
	fromGET   bool
	checked   *document // where it was looked at before
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
	if r.Method != http.MethodPost {
		return h.readQuery(r)
	}
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if charset := params["charset"]; err != nil || media != typeJSON || charset != "" && !strings.EqualFold(charset, "utf-8") {
		return wire{}, &fault{code: comity.CodeInvalid, status: http.StatusUnsupportedMediaType, message: "the body of a request is application/json in UTF-8"}
	}
	if coding := r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		// A few bytes that unfold to gigabytes are not worth what is saved on a request.
		w.Header().Set("Accept-Encoding", "identity")
		return wire{}, &fault{code: comity.CodeInvalid, status: http.StatusUnsupportedMediaType, message: "the body of a request is not compressed"}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(h.limits.body())))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		f := passed("body", h.limits.body(), "bytes in a request")
		f.status = http.StatusRequestEntityTooLarge
		return wire{}, f
	}
	if err != nil {
		f := &fault{code: comity.CodeInvalid, message: "the body did not arrive", cause: err}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			f.status = http.StatusRequestTimeout
			w.Header().Set("Connection", "close")
		}
		return wire{}, f
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
		Document   jsontext.Value `json:"documentId"`
		Operation  jsontext.Value `json:"operationName"`
		Variables  jsontext.Value `json:"variables"`
		Extensions jsontext.Value `json:"extensions"`
	}
	if err := json.Unmarshal(body, &raw); err != nil {
		return wire{}, &fault{code: comity.CodeInvalid, message: "the body is not valid JSON", cause: err}
	}
	var q wire
	if k := raw.Document.Kind(); len(raw.Document) > 0 && k != 'n' && (k != '"' || json.Unmarshal(raw.Document, &q.Document) != nil) {
		return wire{}, invalid("the parameter documentId is a string")
	}
	if k := raw.Query.Kind(); len(raw.Query) > 0 && k != 'n' && (k != '"' || json.Unmarshal(raw.Query, &q.Query) != nil) {
		return wire{}, invalid("the parameter query is a string")
	}
	if f := q.one(len(raw.Query) > 0 && raw.Query.Kind() != 'n'); f != nil {
		return wire{}, f
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

// one wants a query text or the id of one, and not both: which of them counts
// would be anybody's guess.
func (q wire) one(text bool) *fault {
	switch {
	case text && q.Document != "":
		return invalid("a request has the parameter query or documentId, not both")
	case !text && q.Document == "":
		return invalid("the parameter query is a string, and needed where there is no documentId")
	}
	return nil
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
	if len(r.URL.RawQuery) > h.limits.url() {
		f := passed("url", h.limits.url(), "bytes in a query string: a POST takes more")
		f.status = http.StatusRequestURITooLong
		return wire{}, f
	}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil { // what can be read of it would be another question
		return wire{}, &fault{code: comity.CodeInvalid, message: "the query string is not in the form that URLs have", cause: err}
	}
	for _, name := range []string{"query", "documentId", "operationName", "variables", "extensions"} {
		if len(values[name]) > 1 || !utf8.ValidString(values.Get(name)) {
			return wire{}, invalid(fmt.Sprintf("the parameter %s is given once, in UTF-8", name))
		}
	}
	q := wire{Query: values.Get("query"), Document: values.Get("documentId"), Operation: values.Get("operationName"), fromGET: true}
	if f := q.one(q.Query != ""); f != nil {
		return wire{}, f
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
