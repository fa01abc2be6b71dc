package statement_test

import (
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
)

// seconded is a grant by two officers of KZ, and the second's session.
func (n *notary) seconded(t testing.TB) (statement.Statement, *notary) {
	t.Helper()
	second := &notary{Union: n.Union}
	second.who, _, second.key = n.Login(t, "deputy@KZ")
	c, body := comity.NewID(comity.KindCase), grantBody()
	first := n.statement(t, statement.KindGrant, statement.ActGrantMake, body.ID, c, c, body)
	other := second.statement(t, statement.KindGrant, statement.ActGrantMake, body.ID, c, c, body)
	paired := func(a *statement.Act) { a.Seconded = true }
	first.Act, other.Act = resign(t, n.key, first.Act, paired), resign(t, second.key, other.Act, paired)
	first.Second = &statement.Second{Officer: other.Officer, Act: other.Act}
	return first, second
}

// TestSecondOfficer: a statement of two officers holds only when two did the
// same act over the same body, the second in time.
func TestSecondOfficer(t *testing.T) {
	n := newNotary(t, "liaison@KZ")
	good, second := n.seconded(t)
	got, err := n.Directory.VerifyStatement(n.sign(t, good))
	if err != nil || got.Second == nil || got.Second.Officer != good.Second.Officer {
		t.Fatalf("a grant of two officers: %+v, %v", got.Second, err)
	}
	aged := good
	aged.Act = resign(t, n.key, good.Act, func(a *statement.Act) { a.IssuedAt -= int64((statement.ProposalAge - time.Minute) / time.Second) })
	if _, err := n.Directory.VerifyStatement(n.sign(t, aged)); err != nil {
		t.Errorf("approved within the proposal's life: %v", err)
	}
	elsewhere := n.grant(t)
	for name, change := range map[string]func(*statement.Statement){
		"the same officer twice":        func(s *statement.Statement) { s.Second = &statement.Second{Officer: s.Officer, Act: s.Act} },
		"the same officer, another key": func(s *statement.Statement) { s.Second.Officer.Ref = s.Officer.Ref },
		"the same key, another name":    func(s *statement.Statement) { s.Second.Officer.JKT, s.Second.Act = s.Officer.JKT, s.Act },
		"a second without an act":       func(s *statement.Statement) { s.Second.Act = "" },
		"another's act":                 func(s *statement.Statement) { s.Second.Act = s.Act },
		"one who signed it as his alone": func(s *statement.Statement) {
			s.Act = resign(t, n.key, s.Act, func(a *statement.Act) { a.Seconded = false })
		},
		"one who would have granted alone": func(s *statement.Statement) {
			s.Second.Act = resign(t, second.key, s.Second.Act, func(a *statement.Act) { a.Seconded = false })
		},
		"a first who is left alone": func(s *statement.Statement) { s.Second = nil },
		"an act over another body":  func(s *statement.Statement) { s.Second.Act = elsewhere.Act },
		"another act": func(s *statement.Statement) {
			s.Second.Act = resign(t, second.key, s.Second.Act, func(a *statement.Act) { a.Act, a.Seconded = statement.ActCaseReserve, false })
		},
		"an investigator":       func(s *statement.Statement) { s.Second.Officer.Role = comity.RoleInvestigator },
		"another state's":       func(s *statement.Statement) { s.Second.Officer.Ref = "AM:liaison-1" },
		"another state's house": func(s *statement.Statement) { s.Second.Officer.Agency = "AM/cyber" },
		"a lapsed proposal": func(s *statement.Statement) {
			s.Act = resign(t, n.key, s.Act, func(a *statement.Act) { a.IssuedAt -= int64((statement.ProposalAge + time.Hour) / time.Second) })
		},
		"an old second act": func(s *statement.Statement) {
			s.Second.Act = resign(t, second.key, s.Second.Act, func(a *statement.Act) { a.IssuedAt -= 3600 })
		},
		"of something though no proposal": func(s *statement.Statement) { s.Of = statement.KindGrant },
		"a proposal with a second":        func(s *statement.Statement) { s.Kind, s.Of = statement.KindProposal, statement.KindGrant },
	} {
		s := good
		twice := *good.Second
		s.Second = &twice
		change(&s)
		if _, err := n.Directory.VerifyStatement(n.sign(t, s)); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	proposal := n.grant(t)
	proposal.Kind, proposal.Of = statement.KindProposal, statement.KindGrant
	if _, err := n.Directory.VerifyStatement(n.sign(t, proposal)); err == nil {
		t.Error("a grant of one officer was taken for a proposal")
	}
	proposal.Act = resign(t, n.key, proposal.Act, func(a *statement.Act) { a.Seconded = true })
	if _, err := n.Directory.VerifyStatement(n.sign(t, proposal)); err != nil {
		t.Errorf("a proposal: %v", err)
	}
	for _, of := range []statement.Kind{"", statement.KindProposal, "pardon", statement.KindRevocation} {
		proposal.Of = of
		if _, err := n.Directory.VerifyStatement(n.sign(t, proposal)); err == nil {
			t.Errorf("a proposal of %q: taken", of)
		}
	}
}
