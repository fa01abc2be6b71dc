package client_test

import (
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token/tokentest"
)

// TestDomestic: what a state keeps to itself, through the client alone.
func TestDomestic(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	owner, liaison, authority, second, foreign := w.as(t, "investigator@KZ"), w.as(t, "liaison@KZ"), w.as(t, "authority@KZ"), w.as(t, "second@KZ"), w.as(t, "authority@AM")
	filed, err := owner.CaseFile(ctx, client.NewCase{Category: tokentest.Category, Title: "A case", Nexus: []comity.Nexus{{Basis: comity.NexusTerritory, State: "KZ"}}})
	must(t, err)
	c := filed.ID
	_, err = owner.CaseAssign(ctx, client.Assignment{ID: c, Office: comity.RoleAuthority})
	must(t, err)

	reserved, err := authority.CategoryReserve(ctx, tokentest.Category, "the state's own")
	must(t, err)
	all, err := owner.Reservations(ctx)
	must(t, err)
	if len(all) != 1 || all[0].ID != reserved.Record || all[0].Reason != "the state's own" {
		t.Fatalf("at home are listed %+v", all)
	}
	if abroad, err := foreign.Reservations(ctx); err != nil || len(abroad) != 0 {
		t.Fatalf("abroad are listed %+v, %v", abroad, err)
	}
	proposed, err := authority.CategoryReserveLift(ctx, reserved.Record, tokentest.Category, "no longer")
	must(t, err)
	_, err = authority.ProposalApprove(ctx, proposed.Proposal, read(t, authority, proposed.Proposal).Terms)
	want(t, err, comity.CodeDenied, comity.ArticleDomesticReservation)
	_, err = foreign.ProposalApprove(ctx, proposed.Proposal, read(t, authority, proposed.Proposal).Terms)
	want(t, err, comity.CodeNotFound, 0)
	approve(t, second, proposed.Proposal)

	found, err := authority.Case(ctx, c, "")
	must(t, err)
	_, _, err = authority.CaseReserve(ctx, c, found.Version, "a domestic matter")
	must(t, err)
	proposed, err = authority.CaseReserveLift(ctx, c, "over")
	must(t, err)
	approve(t, second, proposed.Proposal)
	if found, err = owner.Case(ctx, c, ""); err != nil || found.Reserved {
		t.Fatalf("after the lifting: %+v, %v", found, err)
	}

	proposed, err = authority.CaseWithdraw(ctx, c, "in error")
	must(t, err)
	withdrawn := approve(t, second, proposed.Proposal)
	if wait := withdrawn.DueAt.Sub(w.Clock.Now()); wait > statement.WithdrawalAge || wait < statement.WithdrawalAge-time.Minute {
		t.Errorf("the key is destroyed in %s", wait)
	}
	hold, err := authority.HoldPlace(ctx, client.NewHold{Case: c, Reason: "trial"})
	must(t, err)
	_, err = liaison.HoldPlace(ctx, client.NewHold{Case: c, Reason: "trial"})
	want(t, err, comity.CodeNotFound, 0) // not laid before the liaisons
	holds, err := owner.Holds(ctx, client.HoldFilter{Case: c, Lying: true}, 10, "")
	must(t, err)
	pending, err := owner.Withdrawals(ctx, c, 10, "")
	must(t, err)
	if len(holds.Nodes) != 1 || holds.Nodes[0].ID != hold.Record || len(pending.Nodes) != 1 || !pending.Nodes[0].Held || pending.Nodes[0].Status != comity.WithdrawalPending {
		t.Fatalf("listed are %+v and %+v", holds.Nodes, pending.Nodes)
	}
	_, err = authority.CaseWithdrawCancel(ctx, withdrawn.Record, c, "it was not")
	must(t, err)
	_, err = authority.HoldRelease(ctx, hold.Record, c, "over")
	must(t, err)
	if pending, err = owner.Withdrawals(ctx, "", 10, ""); err != nil || pending.Nodes[0].Status != comity.WithdrawalCancelled {
		t.Fatalf("after the cancellation are listed %+v, %v", pending.Nodes, err)
	}
}
