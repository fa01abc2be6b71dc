package client_test

import (
	"context"
	"encoding/hex"
	"path/filepath"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/storage"
)

// TestVerifyLogErased: what two officers of the authority had erased is no fault in the
// log, and nothing proves any more what it said; what whoever keeps the database
// erased, or took from what the leaf says, is one.
func TestVerifyLogErased(t *testing.T) {
	k := newKept(t)
	config := k.config(nil)
	config.LogFile = filepath.Join(t.TempDir(), "log")
	auditor := func() *client.Client {
		c, err := client.Login(t.Context(), config, "auditor@KZ")
		must(t, err)
		return c.Hurry()
	}
	k.disclosed(t)
	before, err := auditor().VerifyLog(t.Context(), nil, nil)
	must(t, err)
	k.Clock.Advance(comity.ErasureAge + 48*time.Hour)
	d, err := k.as(t, "authority@KZ").LogErase(t.Context(), k.Clock.Now().Add(-comity.ErasureAge), "old")
	must(t, err)
	approve(t, k.as(t, "second@KZ"), d.Proposal)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); k.Exchange.Effects(ctx) }()
	defer func() { stop(); <-done }()
	for {
		all, err := k.as(t, "authority@KZ").LogErasures(t.Context())
		must(t, err)
		if all[0].Status == comity.ErasureDone {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	k.Prover.Publish(t)
	after, err := auditor().VerifyLog(t.Context(), []client.LogHead{before.Head}, nil)
	must(t, err)
	if after.Erased == 0 || after.Erased > before.Own || after.Head.Size <= before.Head.Size {
		t.Errorf("%+v, and before %+v", after, before)
	}
	var gone, left client.LogEntry
	page, err := auditor().Log(t.Context(), client.LogFilter{}, client.MaxPage, "")
	must(t, err)
	for _, e := range page.Nodes {
		switch {
		case e.ErasedBy != "":
			gone = e
			if !e.Check.Verified() || e.Content != "" {
				t.Errorf("%+v", e)
			}
		case e.Act != "logErased" && e.Index != nil && *e.Index > before.Head.Size:
			left = e
		}
	}
	_, err = auditor().ProveLog(t.Context(), gone.ID)
	want(t, err, comity.CodeConflict, 0)
	k.tamper(t, `UPDATE openings SET erased_by = (SELECT erased_by FROM openings WHERE leaf_id = ?1 AND state = 'KZ'), salt = zeroblob(32), content = x''
		WHERE leaf_id = ?2 AND state = 'KZ'`, string(gone.ID), string(left.ID))
	_, err = auditor().VerifyLog(t.Context(), nil, nil)
	wantUnverified(t, err, "others are shown as erased than the leaf")
}

// TestVerifyLogForgedErasure: who writes leaves and openings makes one that was shown
// pass for erased without the state's word, and whoever verifies finds it.
func TestVerifyLogForgedErasure(t *testing.T) {
	for name, c := range map[string]struct {
		says   string
		change func(genuine *comity.ID, before *time.Time)
	}{
		"of no erasure":            {"is not shown", func(id *comity.ID, _ *time.Time) { *id = comity.NewID(comity.KindErasure) }},
		"of a later instant":       {"the state had erased what is from before", func(_ *comity.ID, before *time.Time) { *before = before.Add(30 * 24 * time.Hour) }},
		"of an instant's fraction": {"the state had erased what is from before", func(_ *comity.ID, before *time.Time) { *before = before.Add(1) }},
	} {
		t.Run(name, func(t *testing.T) {
			k := newKept(t)
			config := k.config(nil)
			config.LogFile = filepath.Join(t.TempDir(), "log")
			exhibit := k.disclosed(t)
			auditor, err := client.Login(t.Context(), config, "auditor@KZ")
			must(t, err)
			_, err = auditor.VerifyLog(t.Context(), nil, nil)
			must(t, err)
			page, err := auditor.Log(t.Context(), client.LogFilter{Act: "evidenceOpen", Outcome: "RELEASED", Record: exhibit}, 1, "")
			must(t, err)
			victim := page.Nodes[0]

			// A genuine erasure, of nothing: all is young.
			before := k.Clock.Now().UTC().Add(-comity.ErasureAge - time.Hour).Truncate(time.Second)
			d, err := k.as(t, "authority@KZ").LogErase(t.Context(), before, "old")
			must(t, err)
			approve(t, k.as(t, "second@KZ"), d.Proposal)
			all, err := k.as(t, "authority@KZ").LogErasures(t.Context())
			must(t, err)
			erasure := all[0].ID
			c.change(&erasure, &before)

			places := verify.Places([]int64{*victim.Index})
			now := k.Clock.Now().UTC()
			leaves, err := audit.Leaves(now, map[comity.State]audit.Content{"KZ": {Act: "logErased", Outcome: audit.Done, At: now, Policies: victim.Policies,
				Article: comity.ArticleAccountability, Actor: audit.Actor{State: "KZ", Ref: victim.Ref}, Records: []audit.Record{{ID: string(erasure)}},
				Erased: &verify.Erased{Before: before, From: *victim.Index, Until: *victim.Index, Count: 1, Places: hex.EncodeToString(places[:])}}})
			must(t, err)
			must(t, k.DB.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error { return tx.AppendLeaf(leaves[0]) }))
			k.tamper(t, `UPDATE openings SET erased_by = ?1, salt = zeroblob(32), content = x'' WHERE leaf_id = ?2 AND state = 'KZ'`, string(leaves[0].ID), string(victim.ID))
			k.Prover.Publish(t)
			_, err = auditor.VerifyLog(t.Context(), nil, nil)
			wantUnverified(t, err, c.says)
		})
	}
}
