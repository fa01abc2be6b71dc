package custodian

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
)

// manifestEntry is the newest manifest of a state that this state's custodian
// ever judged by. It stands in the register, so that no server which forgets
// what it has seen brings a key, an issuer or an agreement back to life.
type manifestEntry struct {
	Number int64  `json:"number"`
	Hash   string `json:"hash"` // hex SHA-256 of the manifest's canonical JSON
}

func manifestKey(s comity.State) string { return "manifest/" + strings.ToLower(string(s)) }

// newest refuses to judge by a manifest of one of these states that is older
// than one judged by before, or another of the same number. The register is
// asked once for every manifest that the directory takes.
func (l *Local) newest(ctx context.Context, states ...comity.State) error {
	for _, s := range states {
		m, err := l.directory.State(s)
		if err != nil {
			return err
		}
		l.judgedMu.Lock()
		known := l.judged[s] == m.Number
		l.judgedMu.Unlock()
		if known {
			continue
		}
		hash, _, err := statement.BodyHash(m)
		if err != nil {
			return fmt.Errorf("custodian: the manifest of %s: %w", s, err)
		}
		err = change(ctx, l, manifestKey(s), func(e *manifestEntry) (bool, error) {
			switch {
			case m.Number < e.Number:
				return false, older(s, fmt.Sprintf("goes back from number %d to %d", e.Number, m.Number))
			case m.Number > e.Number:
				*e = manifestEntry{m.Number, hash}
				return true, nil
			case e.Hash != hash:
				return false, older(s, fmt.Sprintf("carries the number %d with other content than before", m.Number))
			}
			return false, nil
		})
		if err != nil {
			return err
		}
		l.judgedMu.Lock()
		l.judged[s] = m.Number
		l.judgedMu.Unlock()
	}
	return nil
}

// errOlder is in the chain of what [Local.newest] refuses.
var errOlder = errors.New("custodian: an older manifest than one judged by before")

func older(s comity.State, how string) error {
	e := &comity.Error{Code: comity.CodeUnavailable, Message: fmt.Sprintf("the manifest of %s %s", s, how),
		Cure: "give the server the state's newest manifest"}
	return e.Because(errOlder)
}
