package client_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
)

// TestLostAnswerMakesOneGrant: a turned exchange performs a liaison's grant
// under an idempotency key of its own and answers that it is away, so that the
// client signs the act again. There is one grant to be had of both, the liaison
// learns its id, and ends it by that, shown or not.
func TestLostAnswerMakesOneGrant(t *testing.T) {
	w := newWorld(t)
	m := &middle{}
	owner, liaison := w.as(t, "investigator@KZ"), w.through(t, "liaison@KZ", m)
	must(t, mandate(t, w))
	of := w.file(t, owner).ID
	path, _ := temp(t, "f.img", 1000)
	e, err := owner.PutEvidence(t.Context(), client.PutOptions{Case: of, Path: path})
	must(t, err)
	var hidden comity.ID
	m.set(func(m *middle) {
		m.before = func(r *http.Request, body []byte) (*http.Response, error) {
			if sent(r, body).Operation != "GrantMake" || hidden != "" {
				return nil, nil
			}
			var q map[string]any
			must(t, json.Unmarshal(body, &q))
			put(q, "11111111-1111-4111-8111-111111111111", "variables", "input", "idempotencyKey")
			b, _ := json.Marshal(q)
			again := r.Clone(r.Context())
			again.Body, again.ContentLength = io.NopCloser(bytes.NewReader(b)), int64(len(b))
			answer, err := http.DefaultTransport.RoundTrip(again)
			must(t, err)
			defer answer.Body.Close()
			var got map[string]any
			must(t, json.NewDecoder(answer.Body).Decode(&got))
			hidden = comity.ID(within(got, "data", "grantMake", "grant", "id").(string))
			return status(http.StatusServiceUnavailable), nil
		}
	})
	_, err = liaison.GrantMake(t.Context(), w.terms(t, owner, of, e.Evidence))
	unsure, ok := errors.AsType[*client.UnsureError](err)
	if !ok || unsure.Grant != hidden || unsure.Case != of || comity.CodeOf(err) != comity.CodeConflict {
		t.Fatalf("the liaison is told %v, and the grant is %s", err, hidden)
	}
	foreign := w.as(t, "investigator@AM")
	open := func() error {
		_, err := foreign.GetEvidence(t.Context(), client.GetOptions{Evidence: e.Evidence, Purpose: comity.PurposeInvestigation, Grant: hidden, Dest: t.TempDir()})
		return err
	}
	must(t, open())
	_, err = liaison.GrantRevoke(t.Context(), unsure.Case, unsure.Grant, "not wanted")
	must(t, err)
	if open() == nil {
		t.Error("the one grant is revoked, and Armenia opens the exhibit under it")
	}
	// What was never sent is certain.
	terms := w.terms(t, owner, of, e.Evidence)
	terms.Case = "nonsense"
	if _, err := liaison.GrantMake(t.Context(), terms); err == nil || errors.As(err, &unsure) {
		t.Errorf("a grant that was not sent: %v", err)
	}
}

// forgets is a custodian whose first receipt is lost on its way.
type forgets struct {
	custodian.Custodian
	lost *atomic.Bool
}

func (c forgets) Sign(ctx context.Context, o custodian.SignOrder) (string, error) {
	jws, err := c.Custodian.Sign(ctx, o)
	if err == nil && o.Kind == statement.KindReceipt && c.lost.CompareAndSwap(false, true) {
		return "", comity.Unavailable("the custodian of KZ", nil)
	}
	return jws, err
}

// TestReceiptLost: the custodian has received an exhibit that the exchange still
// shows as uploading. The same upload ends, with the bytes that were sent and no
// others; where those are no longer known, another is begun.
func TestReceiptLost(t *testing.T) {
	for name, known := range map[string]bool{"goes on": true, "begins anew": false} {
		t.Run(name, func(t *testing.T) {
			inner, states := exchangetest.New(t), map[comity.State]exchange.State{}
			for s, c := range inner.Custodians {
				states[s] = exchange.State{Custodian: forgets{c, &atomic.Bool{}}, Store: inner.Stores[s]}
			}
			x, err := exchange.New(exchange.Options{DB: inner.DB, Directory: inner.Directory, Policies: inner.Exchange.Policies(), States: states, Prover: inner.Prover, Log: inner.Log})
			must(t, err)
			inner.Exchange = x
			w := serve(t, inner)
			owner := w.as(t, "investigator@KZ")
			of := w.file(t, owner).ID
			path, content := temp(t, "f.img", 100_000)
			o := client.PutOptions{Case: of, Path: path, StateDir: t.TempDir()}
			if _, err := owner.PutEvidence(t.Context(), o); comity.CodeOf(err) != comity.CodeUnavailable {
				t.Fatalf("with its receipt lost, the upload ends with %v", err)
			}
			all, err := owner.Exhibits(t.Context(), of, "", 10, "")
			must(t, err)
			first := all.Nodes[0]
			if len(all.Nodes) != 1 || first.Status != comity.EvidenceUploading || first.Check.Err() != nil || first.Check.Verified() {
				t.Fatalf("the exchange shows %+v", all.Nodes)
			}
			if !known { // only the first line is left of what was kept
				files, err := filepath.Glob(filepath.Join(o.StateDir, "*.upload"))
				must(t, err)
				b, err := os.ReadFile(files[0])
				must(t, err)
				must(t, os.WriteFile(files[0], b[:bytes.IndexByte(b, '\n')+1], 0o600))
			}
			e, err := owner.PutEvidence(t.Context(), o)
			must(t, err)
			if (e.Evidence == first.ID) != known {
				t.Errorf("the upload of %s became that of %s", first.ID, e.Evidence)
			}
			got, err := owner.GetEvidence(t.Context(), client.GetOptions{Evidence: e.Evidence, Purpose: comity.PurposeInvestigation, Dest: t.TempDir()})
			must(t, err)
			if b, err := os.ReadFile(got.Path); err != nil || !bytes.Equal(b, content) {
				t.Errorf("the exhibit differs: %v", err)
			}
		})
	}
}

// TestLabelSwapped: the exchange shows one exhibit under the label of another,
// so that the liaison grants, or an officer files, what they took for harmless.
func TestLabelSwapped(t *testing.T) {
	w := newWorld(t)
	owner := w.as(t, "investigator@KZ")
	must(t, mandate(t, w))
	of := w.file(t, owner).ID
	path, _ := temp(t, "informants.pdf", 1000)
	e, err := owner.PutEvidence(t.Context(), client.PutOptions{Case: of, Path: path, ClaimMD5: "0123456789abcdef0123456789abcdef", KeepClaims: true})
	must(t, err)
	terms := w.terms(t, owner, of, e.Evidence)
	for field, lie := range map[string]any{"name": "harmless.pdf", "mediaType": "text/plain", "original": true, "claimMd5": nil,
		"claimSha1": "0123456789abcdef0123456789abcdef01234567", "plainSha256": "00", "receipt": nil} {
		m := &middle{}
		m.on("Evidence", func(data map[string]any) { put(data, lie, "node", field) })
		m.on("Exhibits", func(data map[string]any) { put(data, lie, "node", "evidence", "nodes", 0, field) })
		seen, liaison := w.through(t, "investigator@KZ", m), w.through(t, "liaison@KZ", m)
		shown, err := seen.Evidence(t.Context(), e.Evidence, "")
		must(t, err)
		listed, err := seen.Exhibits(t.Context(), of, "", 10, "")
		must(t, err)
		if shown.Check.Verified() || shown.Check.Err() == nil || listed.Nodes[0].Check.Verified() || listed.Nodes[0].Check.Err() == nil {
			t.Errorf("another %s is shown as %s and listed as %s", field, shown.Check, listed.Nodes[0].Check)
		}
		dir := t.TempDir()
		_, err = seen.GetEvidence(t.Context(), client.GetOptions{Evidence: e.Evidence, Purpose: comity.PurposeInvestigation, Dest: dir})
		wantUnverified(t, err, "the receipt of")
		nothingLeft(t, dir)
		_, err = liaison.GrantMake(t.Context(), terms)
		wantUnverified(t, err, "the label of the exhibit")
	}
	shown, err := owner.Evidence(t.Context(), e.Evidence, "")
	must(t, err)
	if !shown.Check.Verified() || shown.Name != "informants.pdf" {
		t.Errorf("the true label is %q, and %s", shown.Name, shown.Check)
	}
	_, err = w.as(t, "liaison@KZ").GrantMake(t.Context(), terms)
	must(t, err)
}
