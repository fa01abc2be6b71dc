package client_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
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
		case e.Act != "logErased" && *e.Index > before.Head.Size:
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
