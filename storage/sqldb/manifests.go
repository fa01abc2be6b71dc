package sqldb

import (
	"fmt"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

var manifests = newTable("manifests", "state number officer published_at manifest",
	func(m *storage.PublishedManifest) []any {
		return []any{&m.State, &m.Number, &m.Officer, instant(&m.PublishedAt), &m.Manifest}
	})

var manifestNumbers = newTable("manifests", "state number",
	func(m *storage.PublishedManifest) []any { return []any{&m.State, &m.Number} })

func (r *reader) ManifestNumbers() (map[comity.State]int64, error) {
	all, err := manifestNumbers.query(r, `SELECT m.state, max(m.number) FROM manifests m GROUP BY m.state`)
	if err != nil {
		return nil, fmt.Errorf("manifest numbers: %w", err)
	}
	highest := make(map[comity.State]int64, len(all))
	for _, m := range all {
		highest[m.State] = m.Number
	}
	return highest, nil
}

func (r *reader) ManifestsOf(s comity.State, limit int) ([]storage.PublishedManifest, error) {
	return manifests.query(r, `SELECT `+manifests.cols("m")+` FROM manifests m WHERE m.state = $1 ORDER BY m.number DESC LIMIT $2`, s, limit)
}

// LockManifests takes the lock of no state, which nothing else takes.
func (w *writer) LockManifests() error { return w.LockState("") }

func (w *writer) InsertManifest(m storage.PublishedManifest) error { return manifests.insert(w, m) }
