package graph

import (
	"log/slog"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/storage"
)

// onEngines serves the API over each engine.
func onEngines(t *testing.T, test func(*testing.T, *api)) {
	t.Helper()
	for engine, db := range map[string]func(testing.TB, func() time.Time) storage.DB{"SQLite": exchangetest.SQLite, "PostgreSQL": exchangetest.Postgres} {
		t.Run(engine, func(t *testing.T) {
			log := &logBuffer{}
			w := exchangetest.NewWith(t, exchangetest.Options{DB: db, Log: slog.New(slog.NewTextHandler(log, nil))})
			test(t, (&api{World: w, log: log}).serve(t, w.Exchange, nil))
		})
	}
}

// TestReciprocityOverHTTP: a state puts urgent requests only while it offers the
// urgent channel itself, where the agreement demands it (Article 15).
func TestReciprocityOverHTTP(t *testing.T) {
	onEngines(t, func(t *testing.T, a *api) {
		for _, s := range []comity.State{"KZ", "AM"} {
			a.Publish(t, s, func(m *statement.Manifest) {
				m.Agreements[0].Reciprocal = []statement.Measure{statement.MeasureUrgent}
				m.Agreements[0].Clocks = map[comity.Urgency]int{comity.UrgencyUrgent: 5}
			})
		}
		c := a.as(t, "investigator@KZ")
		request := func(urgency string) map[string]any {
			return map[string]any{"to": "AM", "kind": "INFORMATION", "urgency": urgency, "category": "RANSOMWARE", "purpose": "INVESTIGATION",
				"title": "A request", "facts": "The facts"}
		}
		c.done(t, "requestSend", "request { id }", request("PROMPT"))
		if e := c.refused(t, "requestSend", request("URGENT"), comity.CodeDenied); e["article"] != float64(comity.ArticleReciprocity) || e["cure"] == "" {
			t.Errorf("%v", e)
		}
		a.Publish(t, "KZ", func(m *statement.Manifest) { m.Offers = []statement.Measure{statement.MeasureUrgent} })
		sent := c.done(t, "requestSend", "request { createdAt dueAt }", request("URGENT"))
		at, err := time.Parse(time.RFC3339Nano, dig(t, sent, "request", "createdAt").(string))
		if err != nil {
			t.Fatal(err)
		}
		due, err := time.Parse(time.RFC3339Nano, dig(t, sent, "request", "dueAt").(string))
		if err != nil || due.Sub(at) != 5*time.Hour {
			t.Errorf("due after %v, %v: the clock is not that of the agreement", due.Sub(at), err)
		}
		got := c.get(t, `{ states { code offers agreements { reciprocal noticeDays onDenunciation ratified denounced denouncedFrom } } }`, nil)
		for _, s := range got["states"].([]any) {
			m := s.(map[string]any)
			if n := len(m["offers"].([]any)); (m["code"] == "KZ") != (n == 1) {
				t.Errorf("%v offers %v", m["code"], m["offers"])
			}
		}
	})
}
