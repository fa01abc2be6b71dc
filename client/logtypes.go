package client

import (
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit/verify"
)

// LogRecord is a record that a leaf of the record of acts is about.
type LogRecord struct {
	ID      string         `json:"id"`
	Level   string         `json:"level,omitempty"`
	Grant   comity.ID      `json:"grant,omitempty"`
	Purpose comity.Purpose `json:"purpose,omitempty"`
	// Denied is the Article that withheld this record, 0 when none did.
	Denied comity.Article `json:"denied,omitempty"`
	Chain  string         `json:"chain,omitempty"` // hex, of a custody event
}

// Erased is the outcome of an entry whose opening the own state erased.
const Erased = "ERASED"

// LogEntry is a leaf of the record of acts as the viewer's state reads it.
type LogEntry struct {
	ID          comity.ID         `json:"id"`
	Act         string            `json:"act"`
	Outcome     string            `json:"outcome"`
	At          time.Time         `json:"at"`
	State       comity.State      `json:"state"`
	Agency      comity.AgencyID   `json:"agency"`
	Function    string            `json:"function"`
	Ref         comity.OfficerRef `json:"ref"`
	Records     []LogRecord       `json:"records"`
	Purpose     comity.Purpose    `json:"purpose,omitempty"`
	Use         comity.Use        `json:"use,omitempty"`    // that an export was declared to be for
	Digest      string            `json:"digest,omitempty"` // SHA-256 of what was exported, hex
	Article     comity.Article    `json:"article,omitempty"`
	ArticleName string            `json:"articleName,omitempty"`
	Reason      string            `json:"reason,omitempty"`
	Policies    string            `json:"policies"`
	RequestID   string            `json:"requestId,omitempty"`
	Leaf        string            `json:"leaf"`            // hex
	Index       *int64            `json:"index,omitempty"` // nil until the sequencer has placed it
	Salt        string            `json:"salt"`
	Commitments []string          `json:"commitments"`
	Content     string            `json:"content"` // canonical JSON of what the leaf commits to
	Commitment  string            `json:"commitment"`
	// ErasedBy is the leaf by which the state erased its opening, "" while it opens:
	// the commitment is what is left then.
	ErasedBy comity.ID      `json:"erasedBy,omitempty"`
	Erased   *verify.Erased `json:"erased,omitempty"` // what this leaf erased
	Check    Check          `json:"check"`
}
