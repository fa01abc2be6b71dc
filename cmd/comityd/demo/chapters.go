package demo

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/client/importer"
	"github.com/comity-platform/comity/deploy/union"
)

const category comity.Category = "RANSOMWARE"

func sample() io.Reader { return bytes.NewReader(importer.Sample("ransomware-misp.json")) }

func (s *story) login(ctx context.Context) error {
	for _, name := range []string{"investigator@KZ", "liaison@KZ", "authority@KZ", "investigator@AM", "liaison@BY"} {
		o, err := s.as(ctx, name)
		if err != nil {
			return err
		}
		s.note(name, fmt.Sprintf("%s of %s, known abroad as %s", o.self.Function, o.self.Agency, o.self.Ref))
	}
	if err := s.stolen(ctx); err != nil {
		return err
	}
	authority, liaison := s.officers["authority@KZ"], s.officers["liaison@KZ"]
	now := time.Now().Truncate(time.Second)
	m, err := authority.MandateGive(ctx, client.NewMandate{Liaison: liaison.self.Ref, NotBefore: now, NotAfter: now.AddDate(0, 3, 0)})
	if err != nil {
		return err
	}
	// The mandate's instant is the earliest that the story knows of.
	s.began = m.NotBefore
	s.act(authority.who, "gives the liaison a mandate to grant until "+m.NotAfter.Format(time.DateOnly), comity.ArticleLiaison.String())
	return nil
}

// stolen shows that a token without its key is useless.
func (s *story) stolen(ctx context.Context) error {
	owner := s.officers["investigator@KZ"]
	_, token := owner.Session()
	key, _ := s.officers["liaison@BY"].Session()
	thief, err := client.New(client.Config{Server: s.o.Config.ExternalURL, Union: s.o.Config.Union, Roots: s.roots, SessionKey: key, Token: token})
	if err != nil {
		return err
	}
	_, err = thief.Viewer(ctx)
	return s.denied("a thief", "uses investigator@KZ's token without its key", err, comity.CodeUnauthenticated, 0)
}

func (s *story) file(ctx context.Context) error {
	owner := s.officers["investigator@KZ"]
	draft, name, err := s.o.draft()
	if err != nil {
		return err
	}
	if s.wallet, err = wallet(draft); err != nil {
		return err
	}
	filed, err := owner.FileDraft(ctx, draft, client.DraftCase{
		Category: category, Reference: "KZ-2026-0417",
		Title:   "Ransomware at a bank in Almaty",
		Summary: "The servers of a bank were locked on a Friday evening; a ransom is demanded in cryptocurrency.",
		Nexus:   []comity.Nexus{{Basis: comity.NexusTerritory, State: "KZ"}, {Basis: comity.NexusEffects, State: "UZ"}},
	})
	if err != nil {
		return err
	}
	s.filed = filed.Case.ID
	s.act(owner.who, fmt.Sprintf("files %q", filed.Case.Title), "from "+name+", "+string(s.filed),
		fmt.Sprintf("with %s, %s and log entries: %d; their own ids and markings are kept",
			count(filed.Observables, "observable"), count(filed.Subjects, "subject"), filed.Entries),
		fmt.Sprintf("%s of the document have no place in a case", count(len(filed.Skipped), "object")))

	s.diskFile = filepath.Join(s.work, "server-disk.img")
	show, end := s.progress("making a disk image")
	err = makeImage(ctx, s.diskFile, s.o.ImageSize, show)
	end()
	if err != nil {
		return err
	}
	noteFile := filepath.Join(s.work, "ransom-note.txt")
	if err := os.WriteFile(noteFile, []byte(ransomNote(s.wallet)), 0o600); err != nil {
		return err
	}
	if s.disk, err = s.upload(ctx, owner, s.diskFile, "application/octet-stream"); err != nil {
		return err
	}
	s.letter, err = s.upload(ctx, owner, noteFile, "text/plain")
	return err
}

func (s *story) upload(ctx context.Context, o *officer, file, mediaType string) (*client.Exhibit, error) {
	show, end := s.progress("sealing and uploading")
	began := time.Now()
	e, err := o.PutEvidence(ctx, client.PutOptions{Case: s.filed, Path: file, MediaType: mediaType,
		Progress: func(p client.Progress) { show(p.Done, p.Total) }})
	end()
	if err != nil {
		return nil, err
	}
	what := fmt.Sprintf("uploads %s, %s in %s", e.Name, size(e.Size), count(e.Parts, "part"))
	if e.Size > 1<<20 {
		what += ", " + perSecond(float64(e.Size)/time.Since(began).Seconds())
	}
	s.act(o.who, what, "sealed here and sent to Kazakhstan's own store; the state's receipt is verified",
		"SHA-256 "+e.PlainSHA256)
	return e, nil
}

func (s *story) ask(ctx context.Context) error {
	asker := s.officers["investigator@AM"]
	if err := s.unseen(ctx, asker); err != nil {
		return err
	}
	r, err := asker.RequestSend(ctx, client.NewRequest{To: "KZ", Kind: comity.RequestInformation, Urgency: comity.UrgencyPrompt,
		Category: category, Purpose: comity.PurposeInvestigation, Title: "A wallet seen in an extortion in Yerevan",
		Facts:         "A company in Yerevan paid a ransom to the wallet below. We ask what is known of it, and for evidence that links it to a person.",
		Observables:   []client.RequestObservable{{Type: "cryptocurrency-wallet", Value: s.wallet}},
		FromReference: "AM-2026-88"})
	if err != nil {
		return err
	}
	s.request = r.ID
	s.act(asker.who, "puts a request to Kazakhstan's contact point", "it describes the wallet "+s.wallet+" and names no record",
		"to be answered by "+r.DueAt.Format("2006-01-02 15:04")+" ("+union.Agreement2018+")")
	return nil
}

// unseen checks that an officer finds nothing of the case.
func (s *story) unseen(ctx context.Context, o *officer) error {
	page, err := o.Cases(ctx, client.CaseFilter{}, comity.PurposeInvestigation, client.MaxPage, "")
	if err != nil {
		return err
	}
	for _, c := range page.Nodes {
		if c.ID == s.filed {
			return fmt.Errorf("%s finds the case in a list", o.who)
		}
	}
	_, err = o.Case(ctx, s.filed, comity.PurposeInvestigation)
	return s.denied(o.who, "reads the case by its very id", err, comity.CodeNotFound, 0)
}

func (s *story) answer(ctx context.Context) error {
	owner, liaison := s.officers["investigator@KZ"], s.officers["liaison@KZ"]
	r, err := liaison.Request(ctx, s.request)
	if err != nil {
		return err
	}
	if r, err = liaison.RequestReceive(ctx, client.Move{ID: r.ID, ExpectedVersion: r.Version}); err != nil {
		return err
	}
	s.act(liaison.who, "receives the request of "+string(r.Officer))
	r, err = liaison.RequestAcknowledge(ctx, client.Move{ID: r.ID, ExpectedVersion: r.Version, Reference: "KZ-REQ-31", Note: "The wallet is known here."})
	if err != nil {
		return err
	}
	s.act(liaison.who, "acknowledges it under the reference "+r.ToReference)

	now := time.Now().Truncate(time.Second)
	release, err := owner.ReleaseDecide(ctx, client.NewRelease{Case: s.filed, Decider: comity.DeciderOwner, Grantee: "AM", Scope: comity.ScopeFull,
		Exhibits: []comity.ID{s.disk.Evidence}, Purpose: comity.PurposeInvestigation, NotAfter: now.AddDate(0, 1, 0)})
	if err != nil {
		return err
	}
	s.release = release.ID
	s.act(owner.who, "records, as the case's owner, the decision to release it to Armenia", "the case and "+s.disk.Name+", for investigation")

	s.terms = client.NewGrant{Case: s.filed, Category: category, Grantee: comity.Grantee{State: "AM"}, Scope: comity.ScopeFull, Exhibits: []comity.ID{s.disk.Evidence},
		Grade: comity.GradeLead, Caveats: comity.Caveats{Marking: comity.DefaultMarking, Text: "Not for use in court without our consent."},
		Purpose: comity.PurposeInvestigation, Agreement: union.Agreement2018, Release: s.release, Request: s.request,
		NotBefore: now.Add(-time.Second), NotAfter: week(now)}
	g, err := liaison.GrantMake(ctx, s.terms)
	if err != nil {
		return err
	}
	if err := g.Check.Err(); err != nil || !g.Check.Verified() {
		return fmt.Errorf("the grant's statement does not hold: %w", err)
	}
	s.grant = g.ID
	s.act(liaison.who, "grants Armenia the case and one exhibit, as a lead, for investigation, until "+g.NotAfter.Format(time.DateOnly),
		"signed by the liaison, then by Kazakhstan; verified offline against its manifest", comity.ArticleLegalBasis.String()+": "+g.Agreement)
	r, err = liaison.RequestExecute(ctx, client.Move{ID: r.ID, ExpectedVersion: r.Version, Outcome: comity.RequestExecutedInPart,
		Note: "The case and the disk image are open to you for a week."})
	if err != nil {
		return err
	}
	s.act(liaison.who, "answers the request: "+readable(string(r.Status)))
	return nil
}

func (s *story) open(ctx context.Context) error {
	asker := s.officers["investigator@AM"]
	c, err := asker.Case(ctx, s.filed, comity.PurposeInvestigation)
	if err != nil {
		return err
	}
	if c.Access.Level != "FULL" || c.Title == "" || c.Reference != "" {
		return fmt.Errorf("read by Armenia, the case was to be in full and without the file number, and is: access %s, title %q, reference %q",
			c.Access.Level, c.Title, c.Reference)
	}
	s.act(asker.who, fmt.Sprintf("reads %q", c.Title), "declared purpose: investigation; "+comity.ArticlePurpose.String())
	observables, err := client.All(func(first int, after string) (client.Page[client.Observable], error) {
		return asker.Observables(ctx, s.filed, comity.PurposeInvestigation, first, after)
	})
	if err != nil {
		return err
	}
	same := 0
	for _, o := range observables {
		if o.Value == s.wallet {
			same++
		}
	}
	if same == 0 {
		return fmt.Errorf("the wallet is not among the %d observables that Armenia reads", len(observables))
	}
	s.note(asker.who, fmt.Sprintf("finds its wallet among %d observables", len(observables)))
	page, err := asker.Exhibits(ctx, s.filed, comity.PurposeInvestigation, client.MaxPage, "")
	if err != nil {
		return err
	}
	if len(page.Nodes) != 1 || page.Nodes[0].ID != s.disk.Evidence {
		return fmt.Errorf("one exhibit was to be seen by Armenia, and there are %d", len(page.Nodes))
	}
	s.header = page.Nodes[0].Header

	show, end := s.progress("downloading and opening")
	began := time.Now()
	got, err := asker.GetEvidence(ctx, client.GetOptions{Evidence: s.disk.Evidence, Purpose: comity.PurposeInvestigation,
		Dest: filepath.Join(s.work, "as-armenia-got-it.img"), Progress: func(p client.Progress) { show(p.Done, p.Total) }})
	took := time.Since(began)
	end()
	if err != nil {
		return err
	}
	for _, file := range []string{s.diskFile, got.Path} {
		if sum, err := hash(file); err != nil || sum != s.disk.PlainSHA256 {
			return fmt.Errorf("%s was to have the SHA-256 %s and has %s: %w", filepath.Base(file), s.disk.PlainSHA256, sum, err)
		}
	}
	s.act(asker.who, fmt.Sprintf("opens %s, %s, %s", got.Name, size(got.Size), perSecond(float64(got.Size)/took.Seconds())),
		"Kazakhstan's custodian sealed the key to the officer's own; fetched from Kazakhstan's store and decrypted here",
		"SHA-256 "+got.PlainSHA256+", the same as uploaded")
	return os.Remove(got.Path)
}

func hash(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), err
}

func readable(enum string) string { return strings.ToLower(strings.ReplaceAll(enum, "_", " ")) }
