package graph

import (
	"encoding/json"
	"net/http"
	"net/url"
	"reflect"
	"testing"
	"unicode/utf8"
)

// FuzzAccepts: the answer is of a type that is asked for, and one of the two
// that there are; whoever takes either without reserve gets one.
func FuzzAccepts(f *testing.F) {
	for _, s := range []string{"", " ", "*/*", "application/json", typeResponse, typeResponse + ", application/json;q=0.9", "application/json;q=0", "text/html, */*;q=0.1",
		"application/*;q=0.5", "APPLICATION/JSON; charset=utf-8", "application/json;q=x", "application/json;q=nan", "application/json;q=-1", "application/json;q=1e9", "text/html;a=\"b,c\"", ",,", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		got := accepts(header)
		if got != "" && got != typeJSON && got != typeResponse {
			t.Fatalf("%q gets %q", header, got)
		}
		if accepts(header+",text/html") != got && got != typeJSON {
			t.Fatalf("beside what is not served, %q gets %q instead of %q", header, accepts(header+",text/html"), got)
		}
		for _, media := range []string{typeJSON, typeResponse} {
			if accepts(header+","+media) == "" {
				t.Fatalf("%q beside %s gets nothing", header, media)
			}
		}
	})
}

// FuzzReadQuery: a GET is read as the POST of the same parameters is, or
// refused in words; no parameter is passed over for being unreadable.
func FuzzReadQuery(f *testing.F) {
	for _, s := range []string{"query={a}", "query=%7Ba%7D&variables=%7B%22a%22%3A1%7D&operationName=A", "query=a&query=b", "query=%FF", "query=a&variables=[]", "query=a&variables=null", "query=a&variables=nonsense",
		"query=a&extensions={", "query=a&extensions={}", "query=a;variables={}", "query=a&variables=%zz", "query=a&variables={\"a\":1,\"a\":2}", "query=a&other=%FF", "query=", "", "documentId=sha256:00&variables={}", "documentId=a&query=b", "documentId=a&documentId=b"} {
		f.Add(s)
	}
	h := &handler{limits: DefaultLimits}
	f.Fuzz(func(t *testing.T, raw string) {
		q, fault := h.readQuery(&http.Request{Method: http.MethodGet, URL: &url.URL{RawQuery: raw}})
		if fault != nil {
			if fault.code == "" || fault.message == "" {
				t.Fatalf("a fault without words: %+v", fault)
			}
			return
		}
		values, err := url.ParseQuery(raw)
		if err != nil {
			t.Fatalf("taken, though it cannot be read: %v", err)
		}
		if (q.Query == "") == (q.Document == "") || !utf8.ValidString(q.Query) || !utf8.ValidString(q.Document) || !utf8.ValidString(q.Operation) || !q.fromGET {
			t.Fatalf("taken: %+v", q)
		}
		body := map[string]any{"operationName": values.Get("operationName")}
		for _, name := range []string{"query", "documentId"} {
			if v := values.Get(name); v != "" {
				body[name] = v
			}
		}
		if v := values.Get("variables"); v != "" {
			body["variables"] = json.RawMessage(v)
		}
		b, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		post, fault := decodeWire(b, h.limits)
		post.fromGET = true
		if fault != nil || !reflect.DeepEqual(post, q) {
			t.Fatalf("as a POST it is %+v, %v, as a GET %+v", post, fault, q)
		}
	})
}

// FuzzDecodeWire: a body is read whole, or refused in words; what is taken has
// one text or one id, in UTF-8, and is read alike when it is written anew.
func FuzzDecodeWire(f *testing.F) {
	for _, s := range []string{`{"query":"{a}"}`, `{"query":"{a}","variables":{"a":1.5e3},"operationName":null,"extensions":{}}`, `{"documentId":"sha256:00","variables":null}`,
		`{"query":"{a}","documentId":"b"}`, `{"query":""}`, `{"query":"a","query":"b"}`, `{"query":"\ud800"}`, `{"query":"\u0000"}`, `[{}]`, `{"query":7}`, `{`, ``, "\ufeff{}", `{"query":"a","variables":{"a":{"a":{}}}}`,
		`{"query":"a"} {}`, `{"Query":"a"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		q, fault := decodeWire(body, DefaultLimits)
		if fault != nil {
			if fault.code == "" || fault.message == "" || fault.statusOf() != http.StatusBadRequest {
				t.Fatalf("a fault without words: %+v", fault)
			}
			return
		}
		if !utf8.ValidString(q.Query) || !utf8.ValidString(q.Document) || !utf8.ValidString(q.Operation) || q.Query != "" && q.Document != "" || q.fromGET {
			t.Fatalf("taken: %+v", q)
		}
		anew := map[string]any{"operationName": q.Operation, "variables": q.Variables}
		if q.Document != "" {
			anew["documentId"] = q.Document
		} else {
			anew["query"] = q.Query
		}
		b, err := json.Marshal(anew)
		if err != nil {
			t.Fatal(err)
		}
		again, fault := decodeWire(b, DefaultLimits)
		if fault != nil || !reflect.DeepEqual(again, q) {
			t.Fatalf("written anew it is %+v, %v, and was %+v", again, fault, q)
		}
	})
}
