package client

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
)

// Exported is an export of a case as it is kept: whoever has it makes its content
// canonical (RFC 8785) and holds it against the hash, which the originator's
// record of acts names.
type Exported struct {
	Content json.RawMessage `json:"content"` // canonical JSON of a [comity.Export]
	SHA256  string          `json:"sha256"`  // of the content, hex
}

// Read reads what was exported, once its hash is held against it.
func (e Exported) Read() (comity.Export, error) {
	var x comity.Export
	canonical, err := statement.Canonical(e.Content)
	if err != nil {
		return x, fmt.Errorf("the export is no JSON: %w", err)
	}
	if sum := sha256.Sum256(canonical); hex.EncodeToString(sum[:]) != e.SHA256 {
		return x, errors.New("the content of the export is not of its SHA-256")
	}
	d := json.NewDecoder(bytes.NewReader(canonical))
	return x, d.Decode(&x)
}

// CaseExport exports what the officer may read of a case, for a declared use that
// its grade and markings allow (Article 9). The originator is told of the use. A
// purpose is declared for another state's case. What was exported is held against
// its hash, the case and the use asked for.
func (c *Client) CaseExport(ctx context.Context, caseID comity.ID, purpose comity.Purpose, use comity.Use) (*Exported, error) {
	if err := id("case", caseID, comity.KindCase); err != nil {
		return nil, err
	}
	p, err := mutate[struct {
		Export struct {
			Content string `json:"content"`
			SHA256  string `json:"sha256"`
		} `json:"export"`
		payload
	}](ctx, c, "CaseExport", func() (any, error) {
		return struct {
			ID      comity.ID      `json:"id"`
			Purpose comity.Purpose `json:"purpose,omitempty"`
			Use     comity.Use     `json:"use"`
		}{caseID, purpose, use}, nil
	})
	if err != nil {
		return nil, err
	}
	out := &Exported{json.RawMessage(p.Export.Content), p.Export.SHA256}
	x, err := out.Read()
	if err == nil && (x.Case.ID != caseID || x.Use != use || x.Purpose != purpose) {
		err = errors.New("another case, purpose or use was exported than was asked for")
	}
	if err != nil {
		return nil, &VerificationError{What: "the export of " + string(caseID), Err: err}
	}
	return out, nil
}
