package custodian

import (
	"fmt"
	"slices"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
)

// dispatched gives what a kind of statement makes or answers.
var dispatched = map[statement.Kind]comity.DispatchKind{
	statement.KindAnnotation: comity.DispatchAnnotation, statement.KindAnnotationAnswer: comity.DispatchAnnotation,
	statement.KindReferral: comity.DispatchReferral, statement.KindReferralAnswer: comity.DispatchReferral,
	statement.KindNotice: comity.DispatchNotice, statement.KindNoticeAnswer: comity.DispatchNotice,
	statement.KindCompelled: comity.DispatchCompelled, statement.KindCompelledAnswer: comity.DispatchCompelled,
}

// judgeDispatch looks into a dispatch or its answer. Either opens nothing and is
// in no register: it is the state's word, and binds it by being signed.
func judgeDispatch(o SignOrder, who asked, s *statement.Statement) error {
	kind := dispatched[o.Kind]
	switch role := who.Officer.Role; {
	case kind == comity.DispatchAnnotation && role != comity.RoleInvestigator && role != comity.RoleLiaison,
		kind == comity.DispatchCompelled && role != comity.RoleLiaison && role != comity.RoleAuthority:
		return comity.Denied(rules[o.Kind].article, fmt.Sprintf("the %s is not the act of an officer in the role %s", o.Kind, role),
			"an officer of the state in another role does it")
	}
	switch o.Kind {
	case statement.KindAnnotation:
		var b statement.AnnotationBody
		if err := decode(s, &b); err != nil {
			return err
		}
		return formed(o, kind, b.ID, b.Form)
	case statement.KindReferral:
		var b statement.ReferralBody
		if err := decode(s, &b); err != nil {
			return err
		}
		if b.To == s.State || !b.To.Valid() {
			return comity.Denied(comity.ArticleTerritory, "a matter is offered to another state", "name another state")
		}
		return ahead(b.NotAfter, o)
	case statement.KindNotice:
		var b statement.NoticeBody
		if err := decode(s, &b); err != nil {
			return err
		}
		return formed(o, kind, b.ID, b.Form)
	case statement.KindCompelled:
		var b statement.CompelledBody
		if err := decode(s, &b); err != nil {
			return err
		}
		if b.At <= s.IssuedAt && b.Reason == "" {
			return comity.Denied(comity.ArticleOriginatorControl, "a disclosure that was made already is notified with the reason", "say why it was not notified beforehand")
		}
		return formed(o, kind, b.ID, b.Form)
	}
	var b statement.AnswerBody
	if err := decode(s, &b); err != nil {
		return err
	}
	if !slices.Contains(comity.Answers[kind], b.Answer) {
		return comity.Invalid("answer", fmt.Sprintf("%.20q is no %s", b.Answer, o.Kind))
	}
	return nil
}

func formed(o SignOrder, kind comity.DispatchKind, signed comity.ID, f comity.DispatchForm) error {
	switch {
	case signed != o.ID:
		return comity.Invalid("id", "the officer signed it under another id")
	case !slices.Contains(comity.Forms[kind], f):
		return comity.Invalid("form", fmt.Sprintf("%.20q is no form of %s", f, o.Kind.Indefinite()))
	}
	return nil
}

func ahead(notAfter int64, o SignOrder) error {
	if notAfter <= 0 || time.Unix(notAfter, 0).Year() > 9999 {
		return comity.Invalid("notAfter", fmt.Sprintf("%s says until when it can be answered", o.Kind.Indefinite()))
	}
	return nil
}
