package storage

import (
	"time"

	"github.com/comity-platform/comity"
)

// PublishedManifest is a manifest that an officer of its state's authority
// published. What it says stands in the manifest alone, which the state's root
// signed: who writes rows can keep one back, and make none up.
type PublishedManifest struct {
	State       comity.State
	Number      int64
	Officer     comity.OfficerRef
	PublishedAt time.Time
	Manifest    string // JWS
}

// ManifestReader reads what states published. All states read it.
type ManifestReader interface {
	// ManifestNumbers gives the highest number of each state that published any.
	ManifestNumbers() (map[comity.State]int64, error)
	// ManifestsOf lists up to limit manifests of a state, the highest number first.
	ManifestsOf(s comity.State, limit int) ([]PublishedManifest, error)
}

// ManifestWriter writes it.
type ManifestWriter interface {
	// LockManifests has one manifest published at a time, whichever state's, so
	// that two do not claim the same at once.
	LockManifests() error
	InsertManifest(PublishedManifest) error // ErrExists: the state published that number
}
