package exchange_test

import (
	"encoding/hex"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/envelope"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token/tokentest"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// bench is what the struck acts are about: KZ's officers with mandates.
type bench struct {
	*exchangetest.World
	owner, liaison, authority, foreign *exchangetest.Officer
}

func newBench(t *testing.T) *bench {
	t.Helper()
	w := newWorld(t)
	w.Mandate(t, "KZ")
	return &bench{World: w, owner: w.As(t, "investigator@KZ"), liaison: w.As(t, "liaison@KZ"), authority: w.As(t, "authority@KZ"), foreign: w.As(t, "investigator@AM")}
}

// grants are those of a case.
func (b *bench) grants(t *testing.T, c comity.ID) (found []*comity.Grant) {
	t.Helper()
	b.liaison.Read(t, func(r *exchange.Reader) error {
		page, err := r.ListGrants(storage.GrantFilter{Case: c}, 100, "")
		found = page.Items
		return err
	})
	return found
}

// granted is a case with a grant of a whole.
func (b *bench) granted(t *testing.T, exhibits ...comity.ID) (comity.ID, *exchange.MakeGrant) {
	t.Helper()
	c := b.owner.FileCase(t, "A case", "AM")
	act := b.liaison.MakeGrant(t, c, b.liaison.GrantBody("AM", b.owner.Release(t, c, "AM", exhibits...), exhibits...))
	b.liaison.Do(t, act)
	return c, act
}

func (b *bench) stands(t *testing.T, c, grant comity.ID) comity.Code {
	t.Helper()
	if _, err := b.Custodians["KZ"].Standing(t.Context(), c, grant, "AM"); err != nil {
		return comity.CodeOf(err)
	}
	return ""
}

// exhibits are those of a case, with the custody of each.
func (b *bench) exhibits(t *testing.T, c comity.ID) (found []exchange.EvidenceView, custody map[comity.ID][]comity.CustodyEvent) {
	t.Helper()
	b.owner.Read(t, func(r *exchange.Reader) error {
		cases, err := r.Cases([]comity.ID{c}, "")
		if err != nil {
			return err
		}
		pages, err := r.Evidence([]*exchange.CaseView{cases[c]}, 100, "")
		if err != nil {
			return err
		}
		found = pages[c].Items
		custody, err = r.Custody(found)
		return errors.Join(err, r.Containers(pages[c].Pointers()))
	})
	return found, custody
}

func (b *bench) request(t *testing.T) *exchange.SendRequest {
	t.Helper()
	return &exchange.SendRequest{Key: exchangetest.Key(), To: "KZ", Kind: comity.RequestInformation, Urgency: comity.UrgencyPrompt, Category: tokentest.Category,
		Purpose: comity.PurposeInvestigation, Marking: comity.DefaultMarking, Text: comity.RequestText{Title: uuid.NewString(), Facts: "facts"}}
}

// requests reads a request and its messages.
func (b *bench) correspondence(t *testing.T, id comity.ID) (v *exchange.RequestView, messages []exchange.MessageView) {
	t.Helper()
	b.liaison.Read(t, func(r *exchange.Reader) error {
		found, err := r.Requests([]comity.ID{id})
		if err != nil {
			return err
		}
		v = found[id]
		pages, err := r.Messages([]*exchange.RequestView{v}, 100, "")
		messages = pages[id].Items
		return err
	})
	return v, messages
}

var struckShifts int

// struckActs are the acts and how each is set up.
var struckActs = map[string]func(*testing.T, *bench) tried{
	"caseFile": func(t *testing.T, b *bench) tried {
		key, title := exchangetest.Key(), uuid.NewString()
		return tried{who: b.owner, act: func() exchange.Act {
			return &exchange.FileCase{Key: key, Category: tokentest.Category, Marking: comity.DefaultMarking,
				Nexus: []comity.Nexus{{Basis: comity.NexusEffects, State: "KZ"}}, Text: comity.CaseText{Title: title}}
		}, count: func() (n int) {
			b.owner.Read(t, func(r *exchange.Reader) error {
				page, err := r.ListCases(storage.CaseFilter{}, "", 3, "")
				for _, v := range page.Items {
					if v.Text.Title == title {
						n++
					}
				}
				return err
			})
			return n
		}}
	},
	"caseUpdate": func(t *testing.T, b *bench) tried {
		c, key, title := b.owner.FileCase(t, "Old"), exchangetest.Key(), "New"
		return tried{who: b.owner, act: func() exchange.Act {
			return &exchange.UpdateCase{Key: key, ID: c, ExpectedVersion: 1, Title: &title}
		}, count: func() int {
			v := caseOf(t, b.owner, c, "")
			if (v.Text.Title == title) != (v.Version == 2) {
				t.Errorf("version %d has the title %q", v.Version, v.Text.Title)
			}
			return v.Version - 1
		}}
	},
	"entryAdd": func(t *testing.T, b *bench) tried {
		c, key := b.owner.FileCase(t, "A case"), exchangetest.Key()
		return tried{who: b.owner, act: func() exchange.Act {
			return &exchange.AddRecords{Key: key, Case: c, Entries: []exchange.NewEntry{{Text: comity.EntryText{Text: "x"}}}}
		}, count: func() (n int) {
			b.owner.Read(t, func(r *exchange.Reader) error {
				cases, err := r.Cases([]comity.ID{c}, "")
				if err != nil {
					return err
				}
				pages, err := r.Entries([]*exchange.CaseView{cases[c]}, 10, "")
				n = len(pages[c].Items)
				return err
			})
			return n
		}}
	},
	"releaseDecide": func(t *testing.T, b *bench) tried {
		c, key, until := b.owner.FileCase(t, "A case"), exchangetest.Key(), b.Clock.Now().Add(time.Hour)
		return tried{who: b.owner, act: func() exchange.Act {
			return &exchange.DecideRelease{Key: key, Case: c, Decider: comity.DeciderOwner, Grantee: "AM", Scope: comity.ScopeFull,
				Purpose: comity.PurposeInvestigation, NotAfter: until}
		}, count: func() (n int) {
			b.owner.Read(t, func(r *exchange.Reader) error {
				cases, err := r.Cases([]comity.ID{c}, "")
				if err != nil {
					return err
				}
				releases, err := r.Releases([]*exchange.CaseView{cases[c]})
				n = len(releases[c])
				return err
			})
			// The case reaches the liaison with the decision, and not before.
			if reached := caseOf(t, b.liaison, c, ""); (reached != nil) != (n > 0) {
				t.Errorf("%d decisions are recorded, and the liaison finds %v", n, reached)
			}
			return n
		}}
	},
	"mandateGive": func(t *testing.T, b *bench) tried {
		key, from := exchangetest.Key(), b.Clock.Now().UTC().Truncate(time.Microsecond)
		b.As(t, "deputy@KZ")
		return tried{who: b.authority, act: func() exchange.Act {
			return &exchange.GiveMandate{Key: key, Liaison: "KZ:deputy-1", NotBefore: from, NotAfter: from.Add(time.Hour)}
		}, count: func() (n int) {
			b.authority.Read(t, func(r *exchange.Reader) error {
				all, err := r.Mandates()
				for _, m := range all {
					if m.NotBefore.Equal(from) {
						n++
					}
				}
				return err
			})
			return n
		}}
	},
	"dutySet": func(t *testing.T, b *bench) tried {
		struckShifts++ // each has a time of its own
		from := b.Clock.Now().Add(time.Duration(struckShifts) * time.Hour)
		set := b.authority.Shift(t, from, from.Add(time.Hour), "+000 1")
		return tried{who: b.authority, act: func() exchange.Act {
			act := b.authority.ShiftOf(t, set.Body)
			act.Key = set.Key
			return act
		}, count: func() (n int) {
			b.authority.Read(t, func(r *exchange.Reader) error {
				v, err := r.Shift(set.Body.ID)
				if v != nil {
					if n++; v.Contact != "+000 1" || v.Statement == "" {
						t.Errorf("a shift by half: %+v", v)
					}
				}
				return err
			})
			return n
		}}
	},
	"undertakingAnswer": func(t *testing.T, b *bench) tried {
		giver, c, key := b.As(t, "authority@AM"), b.owner.FileCase(t, "Undertaken", "AM"), exchangetest.Key()
		b.owner.Do(t, &exchange.AssignCase{Key: exchangetest.Key(), ID: c, Office: comity.RoleAuthority})
		given := giver.Undertake(t, "KZ")
		giver.Do(t, given)
		return tried{who: b.authority, act: func() exchange.Act {
			act := b.authority.Accepts(t, given.ID, given.Statement, c)
			act.Key = key
			return act
		}, count: func() int {
			v := b.authority.Dispatch(t, given.ID)
			if v.Status != comity.DispatchAccepted {
				return 0
			}
			if v.Answer != c || v.Answered == nil || v.Answered.Statement == "" {
				t.Errorf("an answer by half: %+v", v)
			}
			return 1
		}}
	},
	"manifestPublish": func(t *testing.T, b *bench) tried {
		key, jws := exchangetest.Key(), b.Next(t, "KZ", func(m *statement.Manifest) { m.Name = uuid.NewString() })
		return tried{who: b.authority, act: func() exchange.Act { return &exchange.PublishManifest{Key: key, Manifest: jws} }, count: func() (n int) {
			for _, m := range history(t, b.authority) {
				if m.Manifest == jws {
					n++
				}
			}
			if n == 0 && b.Directory.JWS("KZ") == jws {
				t.Error("a manifest is in force that was not recorded")
			}
			return n
		}, after: func(t *testing.T, _ exchange.Act) {
			if b.Directory.JWS("KZ") != jws {
				t.Error("once repeated the manifest is not in force")
			}
		}}
	},
	"grantMake": func(t *testing.T, b *bench) tried {
		c, key := b.owner.FileCase(t, "A case", "AM"), exchangetest.Key()
		body := b.liaison.GrantBody("AM", b.owner.Release(t, c, "AM"))
		return tried{who: b.liaison, act: func() exchange.Act {
			act := b.liaison.MakeGrant(t, c, body)
			act.Key = key
			return act
		}, count: func() int {
			all := b.grants(t, c)
			for _, g := range all { // what the register does not know opens nothing
				if g.Status == comity.GrantActive && b.stands(t, c, g.ID) != "" {
					t.Error("a grant is active that is not in the register")
				}
				if v := caseOf(t, b.foreign, c, comity.PurposeInvestigation); (v != nil) != (g.Status == comity.GrantActive) {
					t.Errorf("a grant that is %s shows abroad: %v", g.Status, v)
				}
			}
			return len(all)
		}, after: func(t *testing.T, act exchange.Act) {
			g := b.grants(t, c)[0]
			if g.Status != comity.GrantActive || act.(*exchange.MakeGrant).Body.ID != g.ID || act.(*exchange.MakeGrant).Statement != g.Statement {
				t.Errorf("the repeat answers %s, and the grant is %s %s", act.(*exchange.MakeGrant).Body.ID, g.ID, g.Status)
			}
			if v := caseOf(t, b.foreign, c, comity.PurposeInvestigation); v == nil || v.Text == nil {
				t.Error("the grant opens nothing")
			}
		}}
	},
	"grantNarrow": func(t *testing.T, b *bench) tried {
		c, made := b.granted(t)
		key := exchangetest.Key()
		body := statement.NarrowBody{Case: made.Case, Scope: comity.ScopeSummary, Caveats: made.Body.Caveats, NotAfter: made.Body.NotAfter - 3600}
		return tried{who: b.liaison, act: func() exchange.Act {
			return &exchange.NarrowGrant{Key: key, Grant: made.Body.ID, ExpectedVersion: 2, Body: body,
				Act: b.liaison.Sign(t, statement.Act{Act: statement.ActGrantNarrow, Record: made.Body.ID}, body)}
		}, count: func() int {
			g := b.grants(t, c)[0]
			if (g.Scope == comity.ScopeSummary) != (g.Narrowing != "") || (g.Narrowing != "") != (g.Version == 3) {
				t.Errorf("a grant narrowed by half: %+v", g)
			}
			// Signed and not recorded yet, it is in the register alone, which binds.
			open, err := b.Custodians["KZ"].Standing(t.Context(), c, made.Body.ID, "AM")
			must(t, err)
			registered := open.Scope == comity.ScopeSummary
			level := caseOf(t, b.foreign, c, comity.PurposeInvestigation).Access.Level
			if summary := level == sovereignty.AccessSummary; g.Version == 3 && !(registered && summary) || summary && !registered {
				t.Errorf("at version %d, narrowed in the register %v, Armenia reads %s", g.Version, registered, level)
			}
			return g.Version - 2
		}, after: func(t *testing.T, _ exchange.Act) {
			b.Clock.Advance(7*24*time.Hour - 30*time.Minute) // after the narrowed end, before the first
			defer b.Clock.Advance(-7*24*time.Hour + 30*time.Minute)
			if b.stands(t, c, made.Body.ID) != comity.CodeDenied {
				t.Error("the register knows nothing of the narrowing")
			}
		}}
	},
	"grantRevoke": func(t *testing.T, b *bench) tried {
		c, made := b.granted(t)
		key := exchangetest.Key()
		return tried{who: b.liaison, act: func() exchange.Act {
			act := b.liaison.Revoke(t, made.Case, made.Body.ID)
			act.Key = key
			return act
		}, count: func() int {
			revoked := b.grants(t, c)[0].Status == comity.GrantRevoked
			// Signed and not recorded yet, it is in the register alone.
			ended := b.stands(t, c, made.Body.ID) == comity.CodeDenied
			if v := caseOf(t, b.foreign, c, comity.PurposeInvestigation); revoked && (v.Text != nil || !ended) || !ended && v.Text == nil {
				t.Errorf("revoked %v, and Armenia reads %s", revoked, v.Access.Level)
			}
			if revoked {
				return 1
			}
			return 0
		}, after: func(t *testing.T, _ exchange.Act) {
			if b.stands(t, c, made.Body.ID) != comity.CodeDenied {
				t.Error("the register knows nothing of the revocation")
			}
		}}
	},
	"caseReserve": func(t *testing.T, b *bench) tried {
		c, made := b.granted(t)
		key, body := exchangetest.Key(), statement.ReserveBody{Reason: "domestic"}
		return tried{who: b.authority, act: func() exchange.Act {
			return &exchange.ReserveCase{Key: key, Case: c, ExpectedVersion: 1, Body: body,
				Act: b.authority.Sign(t, statement.Act{Act: statement.ActCaseReserve, Record: c}, body)}
		}, count: func() int {
			v, g := caseOf(t, b.authority, c, ""), b.grants(t, c)[0]
			if v.Reserved != (g.Status == comity.GrantEnded) {
				t.Errorf("reserved %v, and its grant is %s", v.Reserved, g.Status)
			}
			return v.Version - 1
		}, after: func(t *testing.T, _ exchange.Act) {
			if b.stands(t, c, made.Body.ID) != comity.CodeDenied {
				t.Error("the register knows nothing of the reservation")
			}
		}}
	},
	"requestSend": func(t *testing.T, b *bench) tried {
		sent := b.request(t)
		return tried{who: b.foreign, act: func() exchange.Act { act := *sent; return &act }, count: func() (n int) {
			b.foreign.Read(t, func(r *exchange.Reader) error {
				page, err := r.ListRequests(storage.RequestFilter{}, 3, "")
				for _, v := range page.Items {
					if v.Text.Title == sent.Text.Title {
						n++
					}
				}
				return err
			})
			return n
		}}
	},
	"messageSend": func(t *testing.T, b *bench) tried {
		sent := b.request(t)
		b.foreign.Do(t, sent)
		key := exchangetest.Key()
		return tried{who: b.liaison, act: func() exchange.Act {
			return &exchange.SendMessage{Key: key, Request: sent.ID, Text: "x"}
		}, count: func() int {
			_, messages := b.correspondence(t, sent.ID)
			return len(messages)
		}}
	},
	"requestRefuse": func(t *testing.T, b *bench) tried {
		sent := b.request(t)
		b.foreign.Do(t, sent)
		b.liaison.Do(t, &exchange.MoveRequest{Key: exchangetest.Key(), ID: sent.ID, ExpectedVersion: 1, Move: sovereignty.RequestReceive})
		key := exchangetest.Key()
		return tried{who: b.liaison, act: func() exchange.Act {
			return &exchange.MoveRequest{Key: key, ID: sent.ID, ExpectedVersion: 2, Move: sovereignty.RequestRefuse, Ground: comity.GroundPolitical, Note: "no",
				Act: b.liaison.Sign(t, statement.Act{Act: statement.ActRequestRefuse, Record: sent.ID}, statement.RefuseBody{Ground: comity.GroundPolitical, Note: "no"})}
		}, count: func() int {
			v, messages := b.correspondence(t, sent.ID)
			if done := v.Status == comity.RequestRefused; done != (v.Refusal != "") || done != (len(messages) == 1) || done != (v.Version == 3) {
				t.Errorf("a request refused by half: %+v with %d messages", v.Request, len(messages))
			}
			return len(messages)
		}, after: func(t *testing.T, act exchange.Act) {
			if said, err := b.Directory.VerifyStatement(act.(*exchange.MoveRequest).Statement); err != nil || said.Record != sent.ID {
				t.Errorf("the repeat answers %+v, %v", said, err)
			}
		}}
	},
	"evidenceBegin": func(t *testing.T, b *bench) tried {
		c, key := b.owner.FileCase(t, "A case"), exchangetest.Key()
		recipient, err := statement.NewKey()
		must(t, err)
		jkt, err := statement.Thumbprint(&recipient.PublicKey)
		must(t, err)
		body := statement.BeginBody{MediaType: "text/plain", Size: 4, Name: "x"}
		return tried{who: b.owner, act: func() exchange.Act {
			return &exchange.BeginEvidence{Key: key, Case: c, Items: []exchange.BeginExhibit{{Body: body, Recipient: statement.PublicJWK(&recipient.PublicKey),
				Act: b.owner.Sign(t, statement.Act{Act: statement.ActEvidenceBegin, Record: c, RecipientJKT: jkt}, body)}}}
		}, count: func() int {
			found, custody := b.exhibits(t, c)
			for _, e := range found {
				if len(custody[e.ID]) != 1 {
					t.Errorf("an exhibit was begun with the custody %+v", custody[e.ID])
				}
			}
			return len(found)
		}, after: func(t *testing.T, act exchange.Act) { // whatever happened, it can be uploaded
			id := act.(*exchange.BeginEvidence).Begun[0].ID
			b.Begun(t, id, body)
			b.resume(t, id, []byte("data"))
		}}
	},
	"evidenceComplete": func(t *testing.T, b *bench) tried {
		c := b.owner.FileCase(t, "A case")
		begun, envelopeKey := b.owner.Begin(t, c, "exhibit", 4)
		first := b.owner.Put(t, begun, envelopeKey, []byte("data"))
		body := completeBody(t, begun.Header, first.Items[0])
		return tried{who: b.owner, act: func() exchange.Act {
			act := &exchange.CompleteEvidence{Key: first.Key, Items: slices.Clone(first.Items)}
			act.Items[0].Act = b.owner.Sign(t, statement.Act{Act: statement.ActEvidenceComplete, Record: begun.ID}, body)
			return act
		}, count: func() int {
			found, custody := b.exhibits(t, c)
			sealed := found[0].Status == comity.EvidenceSealed
			if sealed != (len(custody[begun.ID]) == 2) || sealed != (found[0].Receipt != "") {
				t.Errorf("an exhibit sealed by half: %+v %+v", found[0], custody[begun.ID])
			}
			return len(custody[begun.ID]) - 1
		}, after: func(t *testing.T, act exchange.Act) {
			if _, err := b.Directory.VerifyStatement(act.(*exchange.CompleteEvidence).Receipts[0]); err != nil {
				t.Error(err)
			}
			if got := b.owner.Download(t, begun.ID, begun.Header, "", ""); string(got) != "data" {
				t.Errorf("the exhibit is %q", got)
			}
		}}
	},
}

// completeBody is what an officer signs to complete an exhibit.
func completeBody(t *testing.T, header []byte, item exchange.CompleteExhibit) statement.CompleteBody {
	t.Helper()
	h, err := envelope.ParseHeader(header)
	must(t, err)
	var sealed []envelope.SealedPart
	for _, p := range item.Parts {
		sealed = append(sealed, envelope.SealedPart{Number: p.Number - 1, CipherSize: p.Size, CipherSHA256: p.SHA256, Nonce: p.Nonce})
	}
	return statement.Completed(h, item.BeginHash, sealed, item.PlainSHA256)
}

// reopened has the key of an exhibit that is being uploaded sealed anew.
func reopened(t *testing.T, o *exchangetest.Officer, e exchange.EvidenceView) (exchange.BegunExhibit, envelope.Key) {
	t.Helper()
	open, recipient := o.Opening(t, e.ID, e.Header, "", "")
	o.Do(t, open)
	sealed, err := o.Directory.VerifySealedKey(open.SealedKey)
	must(t, err)
	h, err := envelope.ParseHeader(e.Header)
	must(t, err)
	hash := h.Hash()
	dek, err := statement.DecryptKey(sealed, recipient.Key, statement.Want{ActJWS: open.Act, Evidence: e.ID, HeaderHash: hex.EncodeToString(hash[:]), Now: o.Clock.Now()})
	must(t, err)
	key, err := envelope.NewKey(dek)
	must(t, err)
	must(t, key.Check(h)) // it is the exhibit's own
	return exchange.BegunExhibit{ID: e.ID, Header: e.Header, Parts: h.Parts(), PartSize: h.PartSize}, key
}

// resume uploads an exhibit that was begun by whoever no longer has its key.
func (b *bench) resume(t *testing.T, id comity.ID, plain []byte) {
	t.Helper()
	var e exchange.EvidenceView
	b.owner.Read(t, func(r *exchange.Reader) error {
		found, err := r.Nodes([]comity.ID{id}, "")
		if err != nil {
			return err
		}
		e = *found[id].Evidence
		return err
	})
	begun, key := reopened(t, b.owner, e)
	b.owner.Finish(t, begun, key, plain)
	if got := b.owner.Download(t, id, e.Header, "", ""); string(got) != string(plain) {
		t.Errorf("the exhibit is %d bytes, wanted %d", len(got), len(plain))
	}
}
