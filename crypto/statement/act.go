package statement

import (
	"crypto"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/internal/jws"
)

// acts gives, for each act, the kind of record that it is about.
var acts = map[string]comity.Kind{
	ActEvidenceBegin:    comity.KindCase,
	ActEvidenceComplete: comity.KindEvidence,
	ActEvidenceOpen:     comity.KindEvidence,
	ActGrantMake:        comity.KindCase,
	ActGrantNarrow:      comity.KindGrant,
	ActGrantRevoke:      comity.KindGrant,
	ActGrantConfirm:     comity.KindGrant,
	ActCaseAssess:       comity.KindCase,
	ActGrantObject:      comity.KindGrant,
	ActCaseReserve:      comity.KindCase,
	ActRequestRefuse:    comity.KindRequest,

	ActCaseReserveLift:     comity.KindCase,
	ActCategoryReserve:     comity.KindReservation,
	ActCategoryReserveLift: comity.KindReservation,
	ActHoldPlace:           comity.KindCase,
	ActHoldRelease:         comity.KindHold,
	ActCaseWithdraw:        comity.KindCase,
	ActCaseWithdrawCancel:  comity.KindWithdrawal,

	ActAnnotationAdd:    comity.KindCase,
	ActAnnotationAnswer: comity.KindAnnotation,
	ActReferralOffer:    comity.KindReferral,
	ActReferralAnswer:   comity.KindReferral,
	ActNoticeSend:       comity.KindCase,
	ActNoticeAnswer:     comity.KindNotice,
	ActDisclosureNotify: comity.KindCase,
	ActDisclosureObject: comity.KindCompelled,

	ActDutySet:           comity.KindShift,
	ActUndertakingGive:   comity.KindUndertaking,
	ActUndertakingAnswer: comity.KindUndertaking,

	ActCaseContribute:       comity.KindCase,
	ActContributionWithdraw: comity.KindRelease,
	ActStandingMake:         comity.KindStanding,
	ActStandingEnd:          comity.KindStanding,

	ActLogErase: comity.KindErasure,
}

// SignAct signs an act with the officer's session key (P-256), whose public
// half it embeds in the header. A zero Nonce and IssuedAt are set. What no
// verifier would take is refused with INVALID.
func SignAct(key crypto.Signer, a Act) (string, error) {
	if a.Nonce == "" {
		var n [16]byte
		_, _ = rand.Read(n[:]) // never fails since Go 1.24
		a.Nonce = base64.RawURLEncoding.EncodeToString(n[:])
	}
	if a.IssuedAt == 0 {
		a.IssuedAt = time.Now().Unix()
	}
	if err := a.check(); err != nil {
		return "", comity.Invalid("act", "this act cannot be signed: "+err.Error())
	}
	b, err := Canonical(a)
	if err != nil {
		return "", err
	}
	signed, err := jws.SignEmbedded(key, TypAct, b)
	if err != nil {
		return "", fmt.Errorf("statement: act: %w", err)
	}
	return signed, nil
}

// ReadAct verifies an act by the key that it carries and gives the key's
// thumbprint: whoever relies on the act compares it with the key of a verified
// token. The act must be of now, within [Freshness] both ways. Errors are
// UNAUTHENTICATED.
func ReadAct(compact string, now time.Time) (Act, string, error) {
	a, jkt, err := ReadActAnytime(compact)
	if err != nil {
		return Act{}, "", err
	}
	if err := CheckFresh("the signed act", a.IssuedAt, now); err != nil {
		return Act{}, "", err
	}
	return a, jkt, nil
}

// ReadActAnytime is [ReadAct] without regard to when: for acts that a
// statement embeds, verified long after.
func ReadActAnytime(compact string) (Act, string, error) {
	payload, key, err := jws.VerifyEmbedded(compact, TypAct, maxOther)
	if err != nil {
		return Act{}, "", badAct(err)
	}
	var a Act
	if err := jws.Decode(payload, &a); err != nil {
		return Act{}, "", badAct(err)
	}
	if err := a.check(); err != nil {
		return Act{}, "", badAct(err)
	}
	jkt, err := Thumbprint(key)
	if err != nil {
		return Act{}, "", badAct(err)
	}
	return a, jkt, nil
}

func badAct(err error) error {
	return comity.Unauthenticated("the signed act is not valid: "+err.Error(), nil)
}

// CheckFresh refuses what was signed (iat, Unix seconds) more than [Freshness]
// before or after now, and says whose clock to look at.
func CheckFresh(what string, iat int64, now time.Time) error {
	// Compared in seconds, as iat is: a time.Time made of any int64 would overflow.
	limit := int64(Freshness / time.Second)
	switch at := now.Unix(); {
	case iat < at-limit:
		return comity.Unauthenticated(fmt.Sprintf("%s was signed %s ago and is no longer fresh: sign it anew; if it was "+
			"signed just now, this computer's clock is slow, or the server's is fast (the server's says %s)",
			what, ago(at, iat), now.UTC().Format(time.RFC3339)), nil)
	case iat > at+limit:
		return comity.Unauthenticated(fmt.Sprintf("%s was signed %s in the future: this computer's clock is off by that "+
			"much (the server's says %s); set it and try again", what, ago(iat, at), now.UTC().Format(time.RFC3339)), nil)
	}
	return nil
}

// ago is a - b seconds for a person, bounded so that no far date overflows.
func ago(a, b int64) string {
	const year = 365 * 24 * 3600
	if d := a - b; d >= 0 && d < year {
		return (time.Duration(d) * time.Second).String()
	}
	return "more than a year"
}

// check says what in the act no verifier would take.
func (a Act) check() error {
	kind, known := acts[a.Act]
	switch {
	case a.Union == "":
		return errors.New("it names no union")
	case !known:
		return fmt.Errorf("%.40q is no act", a.Act)
	case len(a.Nonce) < 16 || len(a.Nonce) > 64:
		return errors.New("its nonce is not of 16 to 64 characters")
	case !isHash(a.BodyHash):
		return errors.New("its body_hash is not a SHA-256 in hex")
	case a.HeaderHash != "" && !isHash(a.HeaderHash):
		return errors.New("its header_hash is not a SHA-256 in hex")
	case a.Purpose != "" && !a.Purpose.Valid():
		return fmt.Errorf("%.40q is no purpose", a.Purpose)
	case a.Seconded && a.Act != ActGrantMake:
		return fmt.Errorf("a %s is not said to be of one or of two", a.Act)
	case a.RecipientJKT != "" && !IsThumbprint(a.RecipientJKT):
		return errors.New("its recipient_jkt is not a thumbprint")
	case a.IssuedAt <= 0:
		return errors.New("it says not when it was signed")
	}
	if _, err := comity.ParseID(string(a.Record), kind); err != nil {
		return fmt.Errorf("its record: %w", err)
	}
	if a.Grant != "" {
		if _, err := comity.ParseID(string(a.Grant), comity.KindGrant); err != nil {
			return fmt.Errorf("its grant: %w", err)
		}
	}
	return nil
}

// isHash reports whether s is a SHA-256 in lower-case hex.
func isHash(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == 32 && hex.EncodeToString(b) == s
}

// IsThumbprint reports whether s has the form of an RFC 7638 SHA-256
// thumbprint in base64url.
func IsThumbprint(s string) bool {
	b, err := base64.RawURLEncoding.DecodeString(s)
	return err == nil && len(b) == 32 && base64.RawURLEncoding.EncodeToString(b) == s
}
