package exchange_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token/tokentest"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/sovereignty"
)

// Requests: Armenia's investigator asks Kazakhstan.

type letters struct {
	*exchangetest.World
	sender, liaison *exchangetest.Officer // who asks, and who answers
}

func newLetters(t *testing.T) *letters {
	t.Helper()
	w := newWorld(t)
	return &letters{World: w, sender: w.As(t, "investigator@AM"), liaison: w.As(t, "liaison@KZ")}
}

func (l *letters) send(t *testing.T, text comity.RequestText, urgency comity.Urgency) comity.ID {
	t.Helper()
	text.Title, text.Facts = "A wallet", "We saw bc1qexample"
	act := &exchange.SendRequest{Key: exchangetest.Key(), To: "KZ", Kind: comity.RequestInformation, Urgency: urgency, Category: tokentest.Category,
		Purpose: comity.PurposeInvestigation, Marking: comity.DefaultMarking, Text: text}
	l.sender.Do(t, act)
	return act.ID
}

// see is the request and its messages as an officer reads them, nil when not at all.
func see(t *testing.T, o *exchangetest.Officer, id comity.ID) (v *exchange.RequestView, messages []exchange.MessageView, refusal comity.Refusal) {
	t.Helper()
	o.Read(t, func(r *exchange.Reader) error {
		found, err := r.Requests([]comity.ID{id})
		if v = found[id]; err != nil || v == nil {
			return err
		}
		pages, err := r.Messages([]*exchange.RequestView{v}, 100, "")
		if err != nil {
			return err
		}
		messages = pages[id].Items
		refusals, err := r.Refusals([]*exchange.RequestView{v})
		refusal = refusals[v.Refusal]
		return err
	})
	return v, messages, refusal
}

// move moves a request at the version that it has.
func (l *letters) move(t *testing.T, o *exchangetest.Officer, id comity.ID, m exchange.MoveRequest) error {
	t.Helper()
	v, _, _ := see(t, l.liaison, id)
	m.Key, m.ID, m.ExpectedVersion = exchangetest.Key(), id, v.Version
	if m.Move == sovereignty.RequestRefuse && m.Act == "" {
		m.Act = o.Sign(t, statement.Act{Act: statement.ActRequestRefuse, Record: id}, statement.RefuseBody{Ground: m.Ground, Note: m.Note})
	}
	return o.Try(t, &m)
}

// must moves and fails the test when that fails.
func (l *letters) moved(t *testing.T, o *exchangetest.Officer, id comity.ID, m exchange.MoveRequest) {
	t.Helper()
	if err := l.move(t, o, id, m); err != nil {
		t.Fatalf("%s: %v", m.Move, err)
	}
}

// The moves as an officer would make them.
func (l *letters) moves() map[string]exchange.MoveRequest {
	return map[string]exchange.MoveRequest{
		"receive":         {Move: sovereignty.RequestReceive},
		"acknowledge":     {Move: sovereignty.RequestAcknowledge},
		"ask supplement":  {Move: sovereignty.RequestAskSupplement, Note: "Which wallet?"},
		"supplement":      {Move: sovereignty.RequestSupplement, Note: "This one"},
		"forward":         {Move: sovereignty.RequestForward, RouteTo: "KZ/ct"},
		"execute":         {Move: sovereignty.RequestExecute, Outcome: comity.RequestExecuted},
		"execute in part": {Move: sovereignty.RequestExecute, Outcome: comity.RequestExecutedInPart},
		"nothing held":    {Move: sovereignty.RequestExecute, Outcome: comity.RequestNothingHeld},
		"postpone":        {Move: sovereignty.RequestPostpone, Until: l.Clock.Now().Add(time.Hour)},
		"refuse":          {Move: sovereignty.RequestRefuse, Ground: comity.GroundBurden},
		"close":           {Move: sovereignty.RequestClose, Note: "Thank you"},
	}
}

// after is where each move leads.
var after = map[string]comity.RequestStatus{"receive": comity.RequestReceived, "acknowledge": comity.RequestAcknowledged,
	"ask supplement": comity.RequestSupplementAsked, "supplement": comity.RequestAcknowledged, "forward": comity.RequestForwarded,
	"execute": comity.RequestExecuted, "execute in part": comity.RequestExecutedInPart, "nothing held": comity.RequestNothingHeld,
	"postpone": comity.RequestPostponed, "refuse": comity.RequestRefused, "close": comity.RequestClosed}

// possible are the moves in each status, and the way there.
var possible = map[comity.RequestStatus]struct {
	way   string
	moves string
}{
	comity.RequestSent:            {"", "receive, close"},
	comity.RequestReceived:        {"receive", "acknowledge, refuse, close"},
	comity.RequestAcknowledged:    {"receive, acknowledge", "ask supplement, forward, postpone, execute, execute in part, nothing held, refuse, close"},
	comity.RequestSupplementAsked: {"receive, acknowledge, ask supplement", "supplement, refuse, close"},
	comity.RequestForwarded:       {"receive, acknowledge, forward", "forward, ask supplement, postpone, execute, execute in part, nothing held, refuse, close"},
	comity.RequestPostponed:       {"receive, acknowledge, postpone", "acknowledge, ask supplement, forward, postpone, execute, execute in part, nothing held, refuse, close"},
	comity.RequestExecuted:        {"receive, acknowledge, execute", "close"},
	comity.RequestExecutedInPart:  {"receive, acknowledge, execute in part", "close"},
	comity.RequestNothingHeld:     {"receive, acknowledge, nothing held", "close"},
	comity.RequestRefused:         {"receive, refuse", "close"},
	comity.RequestClosed:          {"receive, close", ""},
}

// mover is whose move it is.
func (l *letters) mover(name string) *exchangetest.Officer {
	if name == "supplement" || name == "close" {
		return l.sender
	}
	return l.liaison
}

// brought is a request in a status.
func (l *letters) brought(t *testing.T, way string) comity.ID {
	t.Helper()
	id := l.send(t, comity.RequestText{}, comity.UrgencyRoutine)
	for _, name := range split(way) {
		l.moved(t, l.mover(name), id, l.moves()[name])
	}
	return id
}

func split(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, ", ")
}

// TestRequestStatuses makes every move in every status: those that are possible
// lead where they should, the others are refused and change nothing.
func TestRequestStatuses(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		l := newLetters(t)
		for status, p := range possible {
			t.Run(string(status), func(t *testing.T) {
				id := l.brought(t, p.way)
				was, _, _ := see(t, l.sender, id)
				if was.Status != status {
					t.Fatalf("after %q it is %s", p.way, was.Status)
				}
				for name, m := range l.moves() {
					if !slices.Contains(split(p.moves), name) {
						if err := l.move(t, l.mover(name), id, m); comity.CodeOf(err) != comity.CodeConflict {
							t.Errorf("%s: %v", name, err)
						}
						continue
					}
					other := l.brought(t, p.way)
					l.moved(t, l.mover(name), other, m)
					v, messages, _ := see(t, l.sender, other)
					if v.Status != after[name] {
						t.Errorf("%s leads to %s", name, v.Status)
					}
					if n := len(messages); m.Note != "" && messages[n-1].Text.Text != m.Note {
						t.Errorf("%s says %q", name, messages[n-1].Text.Text)
					}
					if postponed := !v.PostponedTo.IsZero(); postponed != (v.Status == comity.RequestPostponed) {
						t.Errorf("%s: a request that is %s is postponed to %v", name, v.Status, v.PostponedTo)
					}
				}
				if is, _, _ := see(t, l.sender, id); is.Version != was.Version || is.Status != was.Status || !is.UpdatedAt.Equal(was.UpdatedAt) {
					t.Errorf("what was refused changed it: %+v", is.Request)
				}
			})
		}
	})
}

// TestRequestMovers: each move is made by its own side and role, and by nobody else.
func TestRequestMovers(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		l := newLetters(t)
		found := func(o *exchangetest.Officer, id comity.ID) bool { v, _, _ := see(t, o, id); return v != nil }
		for name, m := range l.moves() {
			way := "receive, acknowledge, forward" // to KZ/ct
			switch name {
			case "receive":
				way = ""
			case "acknowledge":
				way = "receive"
			case "supplement":
				way = "receive, acknowledge, forward, ask supplement"
			}
			id := l.brought(t, way)
			for officer, article := range map[string][2]comity.Article{ // that denies an answer, and what the asking side does; 0: not found
				"investigator@KZ": {}, "colleague@AM": {}, "ct@AM": {}, "auditor@AM": {}, "auditor@KZ": {}, "liaison@BY": {}, "authority@BY": {},
				"authority@KZ": {comity.ArticleLiaison, comity.ArticleNonInterference},
				"liaison@KZ":   {0, comity.ArticleNonInterference},
				"deputy@KZ":    {0, comity.ArticleNonInterference},
				"ct@KZ":        {comity.ArticleLiaison, comity.ArticleNonInterference}, // routed to
				"liaison@AM":   {comity.ArticleTerritory, 0},
				"authority@AM": {comity.ArticleTerritory, comity.ArticleNoBypass},
			} {
				o := l.As(t, officer)
				denies := article[0]
				if l.mover(name) == l.sender {
					denies = article[1]
				}
				routed := way == "receive, acknowledge, forward" || name == "supplement"
				if officer == "ct@KZ" && !routed {
					denies = 0
				}
				visible := found(o, id)
				if may := denies == 0 && visible; may {
					continue // the rightful ones
				}
				err := l.move(t, o, id, m)
				if !visible {
					want(t, err, comity.CodeNotFound, 0)
				} else {
					want(t, err, comity.CodeDenied, denies)
				}
			}
			right := "deputy@KZ"
			if l.mover(name) == l.sender {
				right = "liaison@AM"
			}
			l.moved(t, l.As(t, right), id, m)
		}
	})
}

// TestRequestInputs: what a move needs is asked for.
func TestRequestInputs(t *testing.T) {
	l := newLetters(t)
	id := l.brought(t, "receive, acknowledge")
	stale := exchange.MoveRequest{Key: exchangetest.Key(), ID: id, ExpectedVersion: 2, Move: sovereignty.RequestForward, RouteTo: "KZ/ct"}
	want(t, l.liaison.Try(t, &stale), comity.CodeConflict, 0)
	for name, m := range map[string]exchange.MoveRequest{
		"a supplement is asked without words":     {Move: sovereignty.RequestAskSupplement},
		"forwarded to nobody":                     {Move: sovereignty.RequestForward},
		"forwarded to another state":              {Move: sovereignty.RequestForward, RouteTo: "AM/cyber"},
		"forwarded to an agency that is none":     {Move: sovereignty.RequestForward, RouteTo: "KZ/none"},
		"postponed to no day":                     {Move: sovereignty.RequestPostpone},
		"postponed to yesterday":                  {Move: sovereignty.RequestPostpone, Until: l.Clock.Now().Add(-24 * time.Hour)},
		"refused on no ground":                    {Move: sovereignty.RequestRefuse},
		"refused on a ground of one's own":        {Move: sovereignty.RequestRefuse, Ground: "INCONVENIENT"},
		"refused at the length of a book":         {Move: sovereignty.RequestRefuse, Ground: comity.GroundBurden, Note: strings.Repeat("x", 60_000)},
		"control characters in a note":            {Move: sovereignty.RequestForward, RouteTo: "KZ/ct", Note: "\x1b[2J"},
		"control characters in a reference":       {Move: sovereignty.RequestForward, RouteTo: "KZ/ct", Reference: "\x1b[2J"},
		"a reference of several lines":            {Move: sovereignty.RequestPostpone, Until: l.Clock.Now().Add(time.Hour), Reference: "a\nb"},
		"control characters in a refusal's words": {Move: sovereignty.RequestRefuse, Ground: comity.GroundBurden, Note: "\u202e"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := l.move(t, l.liaison, id, m); comity.CodeOf(err) != comity.CodeInvalid {
				t.Errorf("%v", err)
			}
		})
	}
	l.moved(t, l.liaison, id, l.moves()["ask supplement"])
	for _, m := range []sovereignty.Action{sovereignty.RequestSupplement, sovereignty.RequestClose} {
		if err := l.move(t, l.sender, id, exchange.MoveRequest{Move: m, Note: " "}); comity.CodeOf(err) != comity.CodeInvalid {
			t.Errorf("%s without words: %v", m, err)
		}
	}
	if v, messages, _ := see(t, l.sender, id); v.Status != comity.RequestSupplementAsked || len(messages) != 1 {
		t.Errorf("it is %s with %d messages", v.Status, len(messages))
	}
}

// TestRequestStory: supplemented, postponed, taken up again, executed, closed;
// what each side wrote stands in order, and the clock is the agreement's.
func TestRequestStory(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		l := newLetters(t)
		for urgency, hours := range map[comity.Urgency]time.Duration{comity.UrgencyUrgent: 8, comity.UrgencyPrompt: 72, comity.UrgencyRoutine: 168} {
			v, _, _ := see(t, l.sender, l.send(t, comity.RequestText{}, urgency))
			if v.DueAt.Sub(v.CreatedAt) != hours*time.Hour {
				t.Errorf("%s is due after %v", urgency, v.DueAt.Sub(v.CreatedAt))
			}
		}
		// A record that it names is never looked up: unknown, hidden and nonsense are taken alike.
		hidden := l.As(t, "investigator@KZ").FileCase(t, "Hidden")
		for _, record := range []string{string(hidden), string(comity.NewID(comity.KindCase)), "the blue folder"} {
			l.send(t, comity.RequestText{Record: record}, comity.UrgencyPrompt)
		}

		id := l.brought(t, "receive, acknowledge, ask supplement, supplement")
		until := l.Clock.Now().Add(48 * time.Hour).UTC().Truncate(time.Second)
		l.moved(t, l.liaison, id, exchange.MoveRequest{Move: sovereignty.RequestPostpone, Until: until, Note: "After the holidays"})
		for _, o := range []*exchangetest.Officer{l.sender, l.liaison} {
			if v, _, _ := see(t, o, id); v.Status != comity.RequestPostponed || !v.PostponedTo.Equal(until) {
				t.Errorf("%s reads that it is %s to %v", o.Caller.Officer.Ref(), v.Status, v.PostponedTo)
			}
		}
		l.Clock.Advance(49 * time.Hour)
		defer l.Clock.Advance(-49 * time.Hour)
		l.sender, l.liaison = l.As(t, "investigator@AM"), l.As(t, "liaison@KZ")
		l.moved(t, l.liaison, id, exchange.MoveRequest{Move: sovereignty.RequestAcknowledge, Note: "Here we are"})
		l.moved(t, l.liaison, id, exchange.MoveRequest{Move: sovereignty.RequestExecute, Outcome: comity.RequestExecutedInPart, Note: "All we have"})
		l.moved(t, l.sender, id, exchange.MoveRequest{Move: sovereignty.RequestClose, Note: "It led to two arrests"})
		want(t, l.sender.Try(t, &exchange.SendMessage{Key: exchangetest.Key(), Request: id, Text: "One more"}), comity.CodeConflict, 0)
		var said []string
		_, messages, _ := see(t, l.liaison, id)
		for _, m := range messages {
			said = append(said, fmt.Sprintf("%s %s", m.Author, m.Text.Text))
		}
		if want := []string{"KZ:liaison-1 Which wallet?", "AM:investigator-1 This one", "KZ:liaison-1 After the holidays", "KZ:liaison-1 Here we are",
			"KZ:liaison-1 All we have", "AM:investigator-1 It led to two arrests"}; !slices.Equal(said, want) {
			t.Errorf("the correspondence is %q", said)
		}
	})
}

// TestRefusal: a refusal is a statement of the state, that stands without the server.
func TestRefusal(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		l := newLetters(t)
		id := l.brought(t, "receive")
		other := l.brought(t, "receive")
		sign := func(o *exchangetest.Officer, of comity.ID, ground comity.Ground) exchange.MoveRequest {
			return exchange.MoveRequest{Move: sovereignty.RequestRefuse, Ground: comity.GroundDualCriminality, Note: "No such offence here",
				Act: o.Sign(t, statement.Act{Act: statement.ActRequestRefuse, Record: of}, statement.RefuseBody{Ground: ground, Note: "No such offence here"})}
		}
		for name, try := range map[string]struct {
			m    exchange.MoveRequest
			code comity.Code
		}{
			"another ground was signed":           {sign(l.liaison, id, comity.GroundBurden), comity.CodeInvalid},
			"it was signed for another request":   {sign(l.liaison, other, comity.GroundDualCriminality), comity.CodeInvalid},
			"another officer signed it":           {sign(l.As(t, "deputy@KZ"), id, comity.GroundDualCriminality), comity.CodeUnauthenticated},
			"it is signed by nobody":              {exchange.MoveRequest{Move: sovereignty.RequestRefuse, Ground: comity.GroundBurden, Act: "x"}, comity.CodeUnauthenticated},
			"the same officer of another session": {sign(l.As(t, "liaison@KZ"), id, comity.GroundDualCriminality), comity.CodeUnauthenticated},
		} {
			if err := l.move(t, l.liaison, id, try.m); comity.CodeOf(err) != try.code {
				t.Errorf("%s: %v", name, err)
			}
		}
		refuse := sign(l.liaison, id, comity.GroundDualCriminality)
		refuse.Key, refuse.ID, refuse.ExpectedVersion = exchangetest.Key(), id, 2
		l.liaison.Do(t, &refuse)
		for _, o := range []*exchangetest.Officer{l.sender, l.liaison} {
			v, messages, refusal := see(t, o, id)
			if v.Status != comity.RequestRefused || v.Ground != comity.GroundDualCriminality || refusal.ID != refuse.Refusal || len(messages) != 1 {
				t.Fatalf("%s reads %+v %+v", o.Caller.Officer.Ref(), v.Request, refusal)
			}
			said, err := l.Directory.VerifyStatement(refusal.Statement)
			must(t, err)
			var body statement.RefuseBody
			must(t, said.Decode(&body))
			if said.Kind != statement.KindRefusal || said.State != "KZ" || said.ID != refuse.Refusal || said.Record != id ||
				said.Officer.Ref != "KZ:liaison-1" || body.Ground != comity.GroundDualCriminality || body.Note != "No such offence here" {
				t.Errorf("the statement says %+v %+v", said, body)
			}
		}
		if _, _, refusal := see(t, l.sender, other); refusal.Statement != "" {
			t.Error("another request was refused too")
		}
	})
}

// TestRequestReferences: each side's file number is its own.
func TestRequestReferences(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		l := newLetters(t)
		id := l.send(t, comity.RequestText{FromReference: "AM-1"}, comity.UrgencyPrompt)
		l.moved(t, l.liaison, id, exchange.MoveRequest{Move: sovereignty.RequestReceive})
		l.moved(t, l.liaison, id, exchange.MoveRequest{Move: sovereignty.RequestAcknowledge, Reference: "KZ-9"})
		for officer, want := range map[string][2]string{"investigator@AM": {"AM-1", ""}, "liaison@AM": {"AM-1", ""}, "authority@AM": {"AM-1", ""},
			"liaison@KZ": {"", "KZ-9"}, "authority@KZ": {"", "KZ-9"}} {
			v, messages, _ := see(t, l.As(t, officer), id)
			if got := [2]string{v.Text.FromReference, v.ToReference}; got != want || len(messages) != 0 {
				t.Errorf("%s reads the references %q", officer, got)
			}
		}
		// The asking side cannot write the asked side's.
		l.moved(t, l.liaison, id, exchange.MoveRequest{Move: sovereignty.RequestExecute, Outcome: comity.RequestNothingHeld})
		_ = l.move(t, l.sender, id, exchange.MoveRequest{Move: sovereignty.RequestClose, Note: "Thank you", Reference: "forged"})
		if v, _, _ := see(t, l.liaison, id); v.ToReference != "KZ-9" {
			t.Errorf("the asked side's reference is %q", v.ToReference)
		}
	})
}

// TestRequestRouting: the asked state alone sends a request within itself; the
// agency it was sent to reads and writes, and does not answer for the state.
func TestRequestRouting(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		l := newLetters(t)
		id := l.brought(t, "receive, acknowledge")
		agency, elsewhere := l.As(t, "ct@KZ"), l.As(t, "investigator@KZ")
		message := func(o *exchangetest.Officer) error {
			return o.Try(t, &exchange.SendMessage{Key: exchangetest.Key(), Request: id, Text: "from " + string(o.Caller.Officer.Agency)})
		}
		sees := func(o *exchangetest.Officer) bool { v, _, _ := see(t, o, id); return v != nil }
		if sees(agency) || sees(elsewhere) {
			t.Error("an agency reads what was not sent to it")
		}
		want(t, message(agency), comity.CodeNotFound, 0)
		want(t, l.move(t, l.As(t, "liaison@AM"), id, exchange.MoveRequest{Move: sovereignty.RequestForward, RouteTo: "KZ/ct"}), comity.CodeDenied, comity.ArticleTerritory)
		l.moved(t, l.liaison, id, exchange.MoveRequest{Move: sovereignty.RequestForward, RouteTo: "KZ/ct"})
		if !sees(agency) || sees(elsewhere) || sees(l.As(t, "ct@AM")) {
			t.Error("it is read by others than the agency that it was sent to")
		}
		must(t, message(agency))
		want(t, message(elsewhere), comity.CodeNotFound, 0)
		v, messages, _ := see(t, l.sender, id)
		if len(messages) != 1 || messages[0].Text.Text != "from KZ/ct" || messages[0].State != "KZ" {
			t.Errorf("Armenia reads the messages %+v", messages)
		}
		if v.RoutedTo != "" {
			t.Errorf("Armenia reads that it was sent to %s", v.RoutedTo)
		}
		if v, _, _ := see(t, l.liaison, id); v.RoutedTo != "KZ/ct" {
			t.Errorf("Kazakhstan reads that it was sent to %s", v.RoutedTo)
		}
		want(t, l.move(t, agency, id, l.moves()["execute"]), comity.CodeDenied, comity.ArticleLiaison)
		l.moved(t, l.liaison, id, exchange.MoveRequest{Move: sovereignty.RequestForward, RouteTo: "KZ/cyber"})
		if sees(agency) || !sees(elsewhere) {
			t.Error("sent anew, it is still read by the agency before")
		}
		want(t, message(agency), comity.CodeNotFound, 0)
		must(t, message(elsewhere))
	})
}

// TestPageOfRequests: a page of requests notes what it shows, and not the one
// by which it knows that there is a next; page by page shows each once.
func TestPageOfRequests(t *testing.T) {
	l := newLetters(t)
	var sent []comity.ID
	for range 3 {
		sent = append(sent, l.send(t, comity.RequestText{}, comity.UrgencyPrompt))
	}
	after := ""
	for i := range sent {
		var page exchange.Page[*exchange.RequestView]
		l.liaison.Read(t, func(r *exchange.Reader) (err error) {
			page, err = r.ListRequests(exchange.RequestFilter{}, 1, after)
			return err
		})
		want := sent[len(sent)-1-i]
		if len(page.Items) != 1 || page.Items[0].ID != want || page.Items[0].Text == nil || page.HasNext != (i < len(sent)-1) {
			t.Fatalf("page %d: %+v", i, page)
		}
		if read := logOf(t, l.World, "auditor@KZ")[0].Content; len(read.Records) != 1 || read.Records[0].ID != string(want) {
			t.Errorf("page %d of one request stands as a read of %+v", i, read.Records)
		}
		after = page.Cursors.At(0)
	}
}
