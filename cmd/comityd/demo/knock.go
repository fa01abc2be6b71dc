package demo

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/uuid"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/envelope"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token"
)

// opening is an officer's signed act that opens an exhibit.
type opening struct {
	act        string
	headerHash string
	recipient  jose.JSONWebKey
}

// sign signs such an act with the officer's session key, as the client does.
// Officers who were not shown the exhibit use the header of the one they know.
func (s *story) sign(o *officer, evidence comity.ID, purpose comity.Purpose) (opening, error) {
	h, err := envelope.ParseHeader(s.header)
	if err != nil {
		return opening{}, err
	}
	hash := h.Hash()
	key, err := statement.NewKey()
	if err != nil {
		return opening{}, err
	}
	jkt, err := statement.Thumbprint(&key.PublicKey)
	if err != nil {
		return opening{}, err
	}
	body, _, err := statement.BodyHash(statement.OpenBody{})
	if err != nil {
		return opening{}, err
	}
	made := opening{headerHash: hex.EncodeToString(hash[:]), recipient: statement.PublicJWK(&key.PublicKey)}
	session, _ := o.Session()
	made.act, err = statement.SignAct(session, statement.Act{Union: s.o.Config.Union, Act: statement.ActEvidenceOpen, Record: evidence,
		HeaderHash: made.headerHash, Grant: s.grant, Purpose: purpose, BodyHash: body, RecipientJKT: jkt})
	return made, err
}

// knock asks for an exhibit's key over the API without having been shown the
// exhibit for that purpose, which package client does not do: its user would
// wait for what the read before it refuses already.
func (s *story) knock(ctx context.Context, o *officer, evidence comity.ID, purpose comity.Purpose) error {
	signed, err := s.sign(o, evidence, purpose)
	if err != nil {
		return err
	}
	recipient, err := json.Marshal(signed.recipient)
	if err != nil {
		return err
	}
	body, err := json.Marshal(map[string]any{
		"query": `mutation ($input: EvidenceOpenInput!) { evidenceOpen(input: $input) { opened { sealedKey } errors { ... on UserError { code message ... on DeniedError { article cure } } } } }`,
		"variables": map[string]any{"input": map[string]any{"idempotencyKey": uuid.NewString(), "evidence": evidence, "purpose": purpose,
			"grant": s.grant, "act": signed.act, "recipient": string(recipient)}},
	})
	if err != nil {
		return err
	}
	session, tok := o.Session()
	url := o.Server() + "/graphql"
	proof, err := token.Proof(session, http.MethodPost, url, tok, time.Now())
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "DPoP "+tok)
	req.Header.Set("DPoP", proof)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return err
	}
	var answer struct {
		Data struct {
			EvidenceOpen struct {
				Opened *struct{ SealedKey string }
				Errors []struct {
					Code    comity.Code
					Message string
					Article comity.Article
					Cure    string
				}
			}
		}
	}
	if err := json.Unmarshal(raw, &answer); err != nil || res.StatusCode != http.StatusOK {
		return fmt.Errorf("the API answers %s: %.300s", res.Status, raw)
	}
	opened := answer.Data.EvidenceOpen
	switch {
	case len(opened.Errors) > 0:
		e := opened.Errors[0]
		return &comity.Error{Code: e.Code, Message: e.Message, Article: e.Article, Cure: e.Cure}
	case opened.Opened == nil:
		return fmt.Errorf("the API answers neither a key nor an error: %.300s", raw)
	}
	return nil
}
