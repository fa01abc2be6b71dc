package exchange

import (
	"encoding/json"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
)

// verify checks that the act is signed by the session key that the token
// names, is fresh, and says exactly this: that act, on that record, with that
// body. It returns the act and the body's canonical bytes.
func (a *attempt) verify(jws, kind string, record comity.ID, body any) (statement.Act, json.RawMessage, error) {
	act, jkt, err := statement.ReadAct(jws, a.now)
	if err != nil {
		return act, nil, err
	}
	hash, canonical, err := statement.BodyHash(body)
	if err != nil {
		return act, nil, err
	}
	switch {
	case jkt != a.who.JKT:
		return act, nil, comity.Unauthenticated("the act is signed by another key than the token's", nil)
	case act.Union != a.x.dir.Union() || act.Act != kind || act.Record != record:
		return act, nil, comity.Invalid("act", "the signed act is about something else than this input")
	case act.BodyHash != hash:
		return act, nil, comity.Invalid("act", "the signed act says other terms than this input")
	}
	a.nonces = append(a.nonces, nonce{jkt: jkt, value: act.Nonce, act: statement.ActHash(jws)})
	return act, canonical, nil
}

// asker is what the custodian judges the officer by.
func (a *attempt) asker(act string) statement.Asker {
	return statement.Asker{Token: a.who.Token, Act: act}
}
