package importer

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/comity-platform/comity"
)

// weight is the size of a draft's texts in bytes.
func weight(d *Draft) int { return len(fmt.Sprintf("%+v", *d)) }

// many writes n pieces.
func many(n int, piece func(i int) string) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = piece(i)
	}
	return out
}

// Documents made to cost much more than they weigh: each must be read, or
// refused, in time in proportion to its size, and give a draft of about its size.
func TestHostileDocuments(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	names := func(k int) string {
		return "'" + strings.Join(many(900, func(i int) string { return fmt.Sprintf("n%d_%d", i, k) }), "','") + "'"
	}
	quoted := func(list []string) string { return `"` + strings.Join(list, `","`) + `"` }
	rel := func(i int) string {
		return sdo("relationship", i+1, `"relationship_type":"targets","source_ref":"`+sid("malware", 1)+`","target_ref":"`+sid("malware", 1)+`"`)
	}
	const n = 4000
	for name, c := range map[string]struct {
		doc     string
		refused bool
	}{
		"a long name in many sentences": {doc: bundle(append(many(n, rel), sdo("malware", 1, `"name":"`+long+`"`))...)},
		"one observation of many": {doc: bundle(sdo("malware", 1, `"name":"`+long+`"`), sdo("observed-data", 1,
			`"first_observed":"2026-11-01T00:00:00Z","last_observed":"2026-11-01T00:00:00Z","number_observed":1,"object_refs":[`+
				quoted(many(100_000, func(int) string { return sid("malware", 1) }))+`]`))},
		"a long description of many things": {doc: bundle(many(20, func(i int) string {
			return indicator(i+1, "[mutex:name IN ("+names(i)+")]", `,"description":"`+long[:20_000]+`"`)
		})...)},
		"one thing very often": {doc: bundle(many(n, func(i int) string {
			return indicator(i+1, "[mutex:name = 'm']", fmt.Sprintf(`,"description":"about %d %s"`, i, long[:500]))
		})...)},
		"many producers": {doc: bundle(append(many(n, func(i int) string {
			return sdo("identity", i+1, fmt.Sprintf(`"name":"p%d","identity_class":"group"`, i))
		}), many(n, func(i int) string {
			return sdo("tool", i+1, `"name":"t","created_by_ref":"`+sid("identity", i+1)+`"`)
		})...)...)},
		"many registry values": {doc: bundle(`{"type":"windows-registry-key","id":"` + sid("windows-registry-key", 1) + `","key":"HKLM\\a","values":[` +
			strings.Join(many(100_000, func(int) string { return `{"data":"0123456789"}` }), ",") + `]}`)},
		"many markings of one object": {doc: bundle(indicator(1, "[mutex:name = 'm']", `,"object_marking_refs":[`+
			quoted(many(100_000, func(int) string { return tlpRed }))+`]`))},
		"many statements": {refused: true, doc: bundle(many(n, func(i int) string {
			return sdo("marking-definition", i+1, fmt.Sprintf(`"definition_type":"statement","definition":{"statement":"s%d"}`, i))
		})...)},
		"many tags": {refused: true, doc: event("", many(n, func(i int) string {
			return attr(i+1, "mutex", "m", fmt.Sprintf(`,"Tag":[{"name":"tlp:t%d"}]`, i))
		})...)},
		"many sources": {refused: true, doc: bundle(many(n, func(i int) string {
			return sdo("identity", i+1, fmt.Sprintf(`"name":"secret %d","roles":["informant"]`, i))
		})...)},
		"many victims in a long text": {doc: event("", append(many(n, func(i int) string {
			return attr(i+10, "target-user", strings.Repeat("a ", 1+i%100)+fmt.Sprint(i), "")
		}), attr(1, "comment", strings.Repeat("a ", 1<<19), ""))...)},
		"a long source": {refused: true, doc: bundle(sdo("identity", 1, `"name":"`+long+`","roles":["informant"]`))},
		"a person with many telephones": {doc: event(`,"Object":[{"uuid":"` + uid(1) + `","name":"person","Attribute":[` + attr(2, "text", long, `,"object_relation":"last-name"`) + "," +
			strings.Join(many(n, func(i int) string {
				return attr(i+10, "phone-number", fmt.Sprintf("+7%07d", i), `,"object_relation":"phone-number"`)
			}), ",") + `]}]`)},
		"an object's long comment": {doc: event(`,"Object":[{"uuid":"` + uid(1) + `","name":"url","comment":"` + long + `","Attribute":[` +
			strings.Join(many(n, func(i int) string { return attr(i+10, "mutex", fmt.Sprint(i), "") }), ",") + `]}]`)},
		"a name referred to often": {doc: event(`,"Object":[{"uuid":"` + uid(1) + `","name":"` + long + `","Attribute":[],"ObjectReference":[` +
			strings.Join(many(n, func(i int) string {
				return fmt.Sprintf(`{"uuid":%q,"relationship_type":"x","referenced_uuid":%q}`, uid(i+10), uid(1))
			}), ",") + `]}]`)},
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			d, err := Read(strings.NewReader(c.doc), Options{})
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("it took %s", took)
			}
			if c.refused {
				if comity.CodeOf(err) != comity.CodeLimit {
					t.Errorf("it was not refused: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatalf("%.300s", err)
			}
			for _, e := range d.Entries {
				if e.Kind == "observed-data" && len(e.Text) > 60*maxName {
					t.Errorf("a sentence of %d bytes", len(e.Text))
				}
			}
			if w := weight(d); w > 20*len(c.doc) {
				t.Errorf("a document of %d bytes gave a draft of %d", len(c.doc), w)
			}
		})
	}
}
