package custodiantest

import (
	"testing"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
)

// RunCustodian runs the suite of the judge over an adapter. open gives the keys
// of a state that is new: every world has a union of its own.
func RunCustodian(t *testing.T, open func(*testing.T) custodian.Keys) {
	for _, c := range []struct {
		name string
		test func(*testing.T, *World)
	}{
		{"record keys", recordKeys}, {"ready", ready}, {"begin", begin}, {"begin refused", beginRefused}, {"one id, one exhibit", oneExhibit}, {"receipt refused", receiptRefused}, {"own release", ownRelease},
		{"release abroad", releaseAbroad}, {"release refused", releaseRefused}, {"swapped records", swapped},
		{"reach of a grant", reach}, {"term", term}, {"legal basis ends", basisEnds}, {"ended by denunciation", denounced}, {"manifests", manifests}, {"quota", quota}, {"live register", liveRegister},
		{"log before key", logBeforeKey}, {"retired keys", keysRetired},
		{"sign", signAll}, {"two officers", twoOfficers}, {"proposal refused", proposalRefused}, {"what takes two", takesTwo}, {"danger to life", emergency}, {"emergency once", emergencyOnce}, {"emergency each", emergencyEach}, {"many dangers", manyDangers}, {"granted before", grantedBefore}, {"assessed", assessedCase}, {"assessed again", assessedAgain}, {"confirmation refused", confirmationRefused}, {"ended when signed", endedWhenSigned}, {"foreign case", foreignCase}, {"grant refused", grantRefused}, {"narrowing refused", narrowingRefused}, {"sign refused", signRefused}, {"dispatches", dispatches}, {"shift", shift},
		{"apply refused", applyRefused}, {"any order", anyOrder}, {"standing", standing}, {"entered", entered}, {"reservation is final", reservationFinal},
		{"named", named},
		{"lifting", lifting}, {"erasure", erasure}, {"stale proposals", staleProposals}, {"undertaken", undertaken}, {"answered otherwise", answeredOtherwise}, {"undertaken before", undertakenBefore}, {"late withdrawal", lateWithdrawal}, {"withdrawn twice", withdrawnTwice}, {"many holds", manyHolds}, {"stale withdrawal", staleWithdrawal}, {"undestroyed", undestroyed}, {"any turn", anyTurn}, {"reserved category", reservedCategory}, {"reserve against grant", reserveAgainstGrant},
		{"team", team}, {"team and reservation", teamReserved}, {"team refused", teamRefused},
		{"withdrawal", withdrawal}, {"withdrawal stopped", withdrawalStopped}, {"hold refused", holdRefused}, {"hold against withdrawal", holdAgainstWithdrawal},
		{"one act, one grant", oneGrant}, {"withheld for a day", withheld}, {"register race", applyRace}, {"damaged register", damagedRegister},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, NewWorld(t, open(t))) })
	}
}

func recordKeys(t *testing.T, w *World) {
	ctx := t.Context()
	for _, kind := range []comity.Kind{comity.KindCase, comity.KindRequest} {
		id, other := comity.NewID(kind), comity.NewID(kind)
		wrapped, key, err := w.Local.NewRecordKey(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := w.Local.RecordKey(ctx, id, wrapped); err != nil || got != key {
			t.Fatalf("the record key is another: %v", err)
		}
		_, err = w.Local.RecordKey(ctx, other, wrapped)
		refused(t, "a record without a key", err, absent)
		if _, _, err := w.Local.NewRecordKey(ctx, other); err != nil {
			t.Fatal(err)
		}
		_, err = w.Local.RecordKey(ctx, other, wrapped)
		refused(t, "another record's key", err, invalid)
		_, again, err := w.Local.NewRecordKey(ctx, id)
		if err != nil || again == key {
			t.Fatalf("a second record key is the first: %v", err)
		}
		if got, err := w.Local.RecordKey(ctx, id, wrapped); err != nil || got != key {
			t.Fatalf("the first is lost: %v", err)
		}
	}
	for _, id := range []comity.ID{"", "case1_x", "../statements", comity.NewID(comity.KindGrant)} {
		_, _, err := w.Local.NewRecordKey(ctx, id)
		refused(t, "a key for "+string(id), err, invalid)
		_, err = w.Local.RecordKey(ctx, id, "x")
		refused(t, "the key of "+string(id), err, invalid)
	}
	// An exhibit's wrapped key does not open as a record's.
	e := w.NewExhibit(t, w.NewCase(t))
	_, err := w.Local.RecordKey(ctx, e.Case, e.WrappedKey)
	refused(t, "an exhibit's key as a record's", err, invalid)
}
