package exchange

import (
	"context"
	"fmt"
	"slices"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/storage"
)

// configured is what the record of acts calls the configuration that servers go by.
const configured = "configuration"

// Configuration is what a server was started with.
type Configuration struct {
	Version string // of the program
	Hash    string // of its settings, hex; no secret is in it
}

// TellConfiguration tells every member state by what this server decides and serves:
// its version and settings, the union, the policy set, and the manifests in force. It
// is told once for each change, whichever server comes with it first.
func (x *Exchange) TellConfiguration(ctx context.Context, c Configuration) error {
	records := []audit.Record{{ID: "union/" + x.dir.Union()}, {ID: "version/" + c.Version}, {ID: "settings/" + c.Hash}}
	for _, s := range x.dir.States() {
		m, ok := x.dir.Known(s)
		if !ok {
			continue
		}
		hash, _, err := statement.BodyHash(m)
		if err != nil {
			return err
		}
		records = append(records, audit.Record{ID: fmt.Sprintf("%s/manifest/%d", s, m.Number)}, audit.Record{ID: hash})
	}
	return x.db.Write(storage.AsSystem(ctx), func(tx storage.Tx) error {
		if err := tx.LockManifests(); err != nil { // of two servers the second finds what the first told
			return err
		}
		now := tx.Now().UTC()
		contents := map[comity.State]audit.Content{}
		for _, s := range x.dir.States() {
			last, err := tx.Log(s, storage.LogFilter{Act: configured}, storage.Page{Limit: 1})
			if err != nil {
				return err
			}
			if len(last) > 0 {
				if was, err := audit.Open(last[0]); err == nil && was.Policies == x.policies.Hash() && slices.Equal(was.Records, records) {
					continue
				}
			}
			contents[s] = audit.Content{Act: configured, Outcome: audit.Done, At: now, Records: records, Article: comity.ArticleAccountability, Policies: x.policies.Hash()}
		}
		if len(contents) == 0 {
			return nil
		}
		leaves, err := audit.Leaves(now, contents)
		if err != nil {
			return err
		}
		for _, l := range leaves {
			if err := tx.AppendLeaf(l); err != nil {
				return err
			}
		}
		return nil
	})
}
