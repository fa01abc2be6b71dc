package graph

import (
	"strconv"
	"strings"
	"testing"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/exchange"
)

// TestTooLargeIsDisclosed: an answer that passed its limit was read all the same, and how
// large it is was told. The originator's record of acts has it as every read, and what is
// found wrong later reaches who asked.
func TestTooLargeIsDisclosed(t *testing.T) {
	for name, open := range engines {
		t.Run(name, func(t *testing.T) {
			a := serveOn(t, open)
			a = (&api{World: a.World, log: a.log}).serve(t, a.Exchange, func(o *Options) {
				o.Limits = DefaultLimits
				o.Limits.Response = 300
			})
			owner, liaison, reader := a.As(t, "investigator@KZ"), a.As(t, "liaison@KZ"), a.as(t, "investigator@AM")
			c := owner.FileCase(t, "Ransomware", "AM")
			a.Mandate(t, "KZ")
			liaison.Do(t, liaison.MakeGrant(t, c, liaison.GrantBody("AM", owner.Release(t, c, "AM"))))
			read := func() (contents []audit.Content) {
				t.Helper()
				a.Sequence(t)
				auditor := a.As(t, "auditor@KZ")
				auditor.Read(t, func(r *exchange.Reader) error {
					page, err := r.Log(exchange.LogFilter{Record: string(c), Act: "read"}, 10, "")
					contents = nil
					for _, e := range page.Items {
						if e.Content.Actor.State == "AM" {
							contents = append(contents, e.Content)
						}
					}
					return err
				})
				return contents
			}
			if before := read(); len(before) > 0 {
				t.Fatalf("read before it was: %+v", before)
			}
			var again strings.Builder
			for i := range 20 {
				again.WriteString(" a" + strconv.Itoa(i) + ": title")
			}
			r := reader.call(t, `query($id: ID!) { node(id: $id, purpose: INVESTIGATION) { ... on Case { title`+again.String()+` } } }`, map[string]any{"id": c})
			if r.Data != nil || len(r.Errors) != 1 || !strings.Contains(r.raw, `"limit":"response"`) || strings.Contains(r.raw, "Ransomware") {
				t.Fatalf("%d %s", r.status, r.raw)
			}
			after := read()
			if len(after) != 1 || after[0].Outcome != audit.Read || len(after[0].Records) != 1 || after[0].Records[0].ID != string(c) || after[0].Records[0].Denied != 0 {
				t.Errorf("the originator's record of acts says %+v", after)
			}
			notice := liaison.Notice(t, c, c, 0, comity.NoticeCorrect)
			liaison.Do(t, notice)
			if len(notice.Reached) != 1 || notice.Reached[0] != "AM" {
				t.Errorf("a notice reached %v", notice.Reached)
			}
		})
	}
}
