package exchange_test

import (
	"slices"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/sovereignty"
)

// TestClassifiedDispatches: what states hand each other is held to the union's
// ceiling too. A refusal tells the other state nothing: neither that the words were
// classified, nor that there were any.
func TestClassifiedDispatches(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		g := newGranted(t)
		giver, offering := g.As(t, "authority@AM"), g.As(t, "liaison@AM")
		annotate := func(c comity.Classification) exchange.Act {
			a := g.foreign.Annotate(t, g.c, g.c, g.grant.Body.ID, "known here")
			a.Body.Classification = c
			a.Act = g.foreign.Sign(t, statement.Act{Act: statement.ActAnnotationAdd, Record: g.c}, a.Body)
			return a
		}
		notice := func(c comity.Classification) exchange.Act {
			a := g.liaison.Notice(t, g.c, g.c, 0, comity.NoticeCorrect)
			a.Body.Classification = c
			a.Act = g.liaison.Sign(t, statement.Act{Act: statement.ActNoticeSend, Record: g.c}, a.Body)
			return a
		}
		compelled := func(c comity.Classification) exchange.Act {
			a := offering.Compelled(t, g.c, g.grant.Body.ID, g.Clock.Now().Add(time.Hour), "")
			a.Body.Classification = c
			a.Act = offering.Sign(t, statement.Act{Act: statement.ActDisclosureNotify, Record: g.c}, a.Body)
			return a
		}
		offer := func(id comity.ID, version int, c comity.Classification) exchange.Act {
			a := offering.Offer(t, id, "", "KZ", version, "the suspect is yours")
			a.Body.Classification = c
			a.Act = offering.Sign(t, statement.Act{Act: statement.ActReferralOffer, Record: id}, a.Body)
			return a
		}
		undertake := func(c comity.Classification) exchange.Act {
			a := giver.Undertake(t, "KZ")
			a.Body.Classification = c
			a.Act = giver.Sign(t, statement.Act{Act: statement.ActUndertakingGive, Record: a.ID}, a.Body)
			return a
		}
		if v := caseOf(t, g.foreign, g.c, investigation); v.Text == nil { // a reader, whom a notice reaches
			t.Fatal("the case is not open")
		}
		stands := comity.NewID(comity.KindReferral)
		offering.Do(t, offer(stands, 1, ""))
		log := func() [2]int {
			return [2]int{len(logOf(t, g.World, "auditor@AM")), len(logOf(t, g.World, "auditor@KZ"))}
		}
		was := log()
		refused := []struct {
			by  *exchangetest.Officer
			act exchange.Act
		}{
			{g.foreign, annotate(comity.Confidential)}, {offering, compelled(comity.Secret)}, {offering, offer(comity.NewID(comity.KindReferral), 1, comity.Secret)},
			{offering, offer(stands, 2, comity.TopSecret)}, {giver, undertake("COSMIC")}, {g.liaison, notice(comity.Secret)},
		}
		for _, c := range refused {
			want(t, c.by.Try(t, c.act), comity.CodeDenied, comity.ArticlePurpose)
		}
		if now := log(); now != [2]int{was[0] + 5, was[1] + 1} {
			t.Errorf("five of Armenia's were refused and one of Kazakhstan's: they read of %d and %d", now[0]-was[0], now[1]-was[1])
		}
		third := g.As(t, "investigator@BY")
		hidden := g.foreign.Annotate(t, g.c, g.c, g.grant.Body.ID, "x")
		hidden.Body.Classification = comity.Secret
		hidden.Act = third.Sign(t, statement.Act{Act: statement.ActAnnotationAdd, Record: g.c}, hidden.Body)
		want(t, third.Try(t, hidden), comity.CodeNotFound, 0)

		// Below the ceiling the declaration stands with the words, for the other side too.
		note, word := annotate(comity.Restricted).(*exchange.Annotate), notice(comity.Restricted).(*exchange.SendNotice)
		told, promise := compelled(comity.Restricted).(*exchange.NotifyDisclosure), undertake(comity.Restricted).(*exchange.GiveUndertaking)
		g.foreign.Do(t, note)
		g.liaison.Do(t, word)
		offering.Do(t, told)
		offering.Do(t, offer(stands, 2, comity.Restricted))
		giver.Do(t, promise)
		for id, by := range map[comity.ID]*exchangetest.Officer{note.Body.ID: g.owner, word.Body.ID: g.foreign, told.Body.ID: g.owner, stands: g.liaison, promise.ID: g.authority} {
			if v := by.Dispatch(t, id); v == nil || v.Text == nil || v.Text.Classification != comity.Restricted {
				t.Errorf("the %s is shown as %+v", id.Kind(), v)
			}
		}
	})
}

// TestClassifiedMoves: the note that comes with a move of a request is held to the
// ceiling as a message is; nothing moves that is refused.
func TestClassifiedMoves(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		l := newLetters(t)
		id := l.send(t, comity.RequestText{}, comity.UrgencyPrompt)
		receive := exchange.MoveRequest{Move: sovereignty.RequestReceive, Note: "We look into it", Classification: comity.Secret}
		want(t, l.move(t, l.liaison, id, receive), comity.CodeDenied, comity.ArticlePurpose)
		if v, messages, _ := see(t, l.sender, id); v.Status != comity.RequestSent || len(messages) != 0 {
			t.Errorf("it is %s with %d messages", v.Status, len(messages))
		}
		if slices.ContainsFunc(about(logOf(t, l.World, "auditor@AM"), id), func(c audit.Content) bool { return c.Outcome == audit.Refused }) {
			t.Error("the asking state reads of the refusal")
		}
		refuse := exchange.MoveRequest{Move: sovereignty.RequestRefuse, Ground: comity.GroundNotStated, Note: "no", Classification: comity.TopSecret}
		want(t, l.move(t, l.liaison, id, refuse), comity.CodeDenied, comity.ArticlePurpose)
		receive.Classification = comity.Restricted
		l.moved(t, l.liaison, id, receive)
		if _, messages, _ := see(t, l.sender, id); len(messages) != 1 || messages[0].Text == nil || messages[0].Text.Classification != comity.Restricted {
			t.Errorf("the note is shown as %+v", messages)
		}
		want(t, l.move(t, l.As(t, "liaison@BY"), id, exchange.MoveRequest{Move: sovereignty.RequestAcknowledge, Note: "x", Classification: comity.Secret}), comity.CodeNotFound, 0)
	})
}
