// Package storage is the port to the database: what the gate needs to keep and
// find, in one transaction or one snapshot. It decides nothing. The adapters
// are storage/sqlite (embedded) and storage/postgres (production) over the
// queries of storage/sqldb; storage/storagetest is the suite that both pass.
package storage

import (
	"context"
	"errors"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity-platform/comity"
)

// Errors that the adapters give.
var (
	ErrNotFound = errors.New("storage: no such row")
	ErrExists   = errors.New("storage: the row exists")
	ErrConflict = errors.New("storage: the row changed meanwhile")
)

// DB is one database of the exchange. An unreachable database is a
// [comity.Error] with code UNAVAILABLE.
type DB interface {
	EventListener

	// Write runs f in one read-write transaction, again when the engine asks
	// for a retry or the connection broke before the commit; f must have no
	// other effect. Nothing in f waits for the network. What a Lock method was waited for
	// is seen by every statement after it. What an officer may do was decided before
	// on what the officer sees; the act, under [As], reads what it must and leaves
	// no row of another state's record. [ErrNobody] under a context that says for
	// whom it is by neither [As] nor [AsSystem].
	Write(ctx context.Context, f func(Tx) error) error
	// WriteAt is Write at an instant that was judged by before: [Tx.Now] is that,
	// and not the database's clock. It is for what is written down of a read.
	WriteAt(ctx context.Context, at time.Time, f func(Tx) error) error
	// Read runs f once, on one snapshot of the primary, read-only, for whom the
	// context says (see [As] and [AsSystem]); [ErrNobody] where it says nothing.
	Read(ctx context.Context, f func(ReadTx) error) error
	// Sequence gives up to limit waiting leaves the next places of the log, with as
	// many random leaves among them as pad says for those that were waiting (also for
	// none; nil: none), which have no openings, and extends the tree: all in one
	// transaction, pad being asked again where that is tried again. There is one
	// sequencer at a time over all servers (0, nil when another one is at work). It
	// returns how many leaves it placed, the random ones included.
	Sequence(ctx context.Context, limit int, pad func(waiting int) int) (int, error)
	// Check says whether the database answers (readiness).
	Check(ctx context.Context) error
	Close() error
}

// Viewer is for whom rows are read. Visibility is a predicate inside the SQL,
// so that pages, counts and work done cannot betray what is hidden.
type Viewer struct {
	Officer comity.Officer
	At      time.Time // the one instant that terms are judged against
}

// Case is a stored case.
type Case struct {
	comity.Case
	Sealed []byte // comity.CaseText under the case's record key
}

// CaseView is a case as one viewer may find it.
type CaseView struct {
	Case
	// Own: the viewer's own state is the originator and the viewer is assigned
	// to the case, or it reached the viewer's office.
	Own bool
	// Assigned and Reached tell how: the viewer in person, or the viewer's office.
	Assigned bool
	Reached  bool
	// Wrapped is the case's record key under its own state's custodian, "" where
	// there is none.
	Wrapped string
	// Grants that are live for the viewer, oldest first; empty for own cases.
	Grants []comity.Grant
	// Ended is the latest grant that once covered the viewer and no longer
	// does, set only when the case is visible in no other way: a former
	// grantee sees that the grant ended, and nothing else (Article 12). Of the
	// case, ID and State alone are set beside it.
	Ended *comity.Grant
}

// Key is a place in a list ordered by time, then id, newest first.
type Key struct {
	At time.Time
	ID comity.ID
}

// Page bounds a list: at most Limit rows after After (the zero Key: from the start).
type Page struct {
	After Key
	Limit int
}

// CaseFilter narrows a list by clear fields; zero fields do not narrow.
type CaseFilter struct {
	State    comity.State
	Agency   comity.AgencyID
	Category comity.Category
	Status   comity.CaseStatus
	Own      bool // only the viewer's own state's
	Granted  bool // only those granted by other states
	// Purpose is the declared one, and Bases are the agreements in force (see
	// [Basis]): where Agency, Category or Status narrow, only cases granted for
	// that purpose under one of these are found abroad, and none that is marked
	// TLP:RED, since of others these fields are withheld, and what is withheld
	// never filters. Grants whose AgreementHash is not known are not found so.
	Purpose comity.Purpose
	Bases   []string
}

// Basis names the text of an agreement, by its hash, as the legal basis of
// what a state grants in a category.
func Basis(originator comity.State, hash string, c comity.Category) string {
	return string(originator) + " " + hash + " " + string(c)
}

// Entry, Subject, Observable, Evidence, Request and Message are stored records
// with their sealed text.
type (
	Entry struct {
		comity.Entry
		Sealed []byte
	}
	Subject struct {
		comity.Subject
		Sealed []byte
	}
	Observable struct {
		comity.Observable
		Sealed []byte
	}
	Evidence struct {
		comity.Evidence
		Sealed []byte
	}
	Request struct {
		comity.Request
		Sealed []byte
		// SealedTo is the asked state's own reference, sealed under its own key
		// and seen only there.
		SealedTo []byte
	}
	Message struct {
		comity.Message
		Sealed []byte
	}
)

// RequestFilter narrows a list of requests; zero fields do not narrow.
type RequestFilter struct {
	Incoming bool // put to the viewer's state
	Outgoing bool // put by the viewer's state
	Status   comity.RequestStatus
	State    comity.State // the other side: asked by it, or put to it
	Kind     comity.RequestKind
	Urgency  comity.Urgency
	Open     bool // not yet answered for good
	Overdue  bool // the asked state is late at the viewer's instant, see [comity.Request.Overdue]
	// Escalated: put to the viewer's state, and gone up there at the viewer's
	// instant, see [comity.Request.Escalation].
	Escalated bool
	// ByDue orders by the instant that it is due, soonest first, instead of
	// newest change first.
	ByDue bool
}

// GrantFilter narrows a list of grants; zero fields do not narrow.
type GrantFilter struct {
	Case     comity.ID
	Made     bool         // by the viewer's state
	Received bool         // by the viewer's state
	State    comity.State // the other side: made to it, or made by it
	// Status is the one shown: to the grantee, a grant that no longer opens
	// anything has ENDED, whatever ended it.
	Status comity.GrantStatus
	Live   bool // opens something at the viewer's instant
	// Emergency: made by the viewer's state in danger to life.
	Emergency bool
}

// LogFilter narrows the record of acts; zero fields do not narrow.
type LogFilter struct {
	Act     string
	Outcome string
	State   comity.State      // of who acted
	Officer comity.OfficerRef // who acted
	Record  string            // that it is about, as the officer named it
	From    time.Time         // not before
	Until   time.Time         // before
}

// Facets are what an opening is found by. They are written beside it, from its
// content, and never read back.
type Facets struct {
	Act, Outcome string
	State        comity.State
	Officer      comity.OfficerRef
	Records      []string
}

// SeenOfficer is an officer who was seen here, as the last verified token said.
type SeenOfficer struct {
	Ref      comity.OfficerRef
	State    comity.State
	Agency   comity.AgencyID
	Role     comity.Role
	Function string
	SeenAt   time.Time
}

// Effect is an irreversible effect waiting to be carried out after its
// transaction (the outbox). Effects are idempotent and resumed by any server.
type Effect struct {
	ID    comity.ID // of the record it concerns; effects take no order
	Seq   int64
	Kind  string
	State comity.State
	// Payload is signed statements, which may hold a state's reasons, the row that is
	// to be written, its words sealed and its record key wrapped, and ids; never an
	// unwrapped key or a URL.
	Payload   []byte
	Attempts  int
	NotBefore time.Time
}

// Idempotency is a key an officer gave with a mutation, and the ids it made.
type Idempotency struct {
	Issuer, Subject, Mutation, Key string
	InputHash                      [32]byte
	IDs                            []comity.ID
	At                             time.Time
}

// ReadTx is one snapshot. Batch methods answer for all ids at once; ids that
// are absent or hidden are simply not in the answer.
type ReadTx interface {
	CheckpointReader
	DispatchReader
	DomesticReader
	EventReader
	GrantedReader
	ManifestReader
	ProposalReader
	NeutralityReader
	RosterReader
	TeamReader
	TallyReader
	ErasureReader

	// Now is the database's clock at the beginning of the transaction.
	Now() time.Time

	Cases(v Viewer, ids []comity.ID) (map[comity.ID]CaseView, error)
	ListCases(v Viewer, f CaseFilter, p Page) ([]CaseView, error) // by UpdatedAt for own, ListedAbroad for granted
	CountCases(v Viewer, f CaseFilter, max int) (int, error)      // capped at max
	// Assignees gives, for each case, officers by their references and offices by
	// their roles, in the order in which they were assigned.
	Assignees(ids []comity.ID) (map[comity.ID][]string, error)

	// Children of cases that the caller has already found visible, per case,
	// oldest first, at most p.Limit each; p.After applies to a single case.
	// Cases that are set in all give every child; the others what full scope
	// includes abroad: no protected subject but those named of their case, and
	// nothing marked TLP:RED.
	Entries(cases []comity.ID, all map[comity.ID]bool, p Page) (map[comity.ID][]Entry, error)
	Subjects(cases []comity.ID, all map[comity.ID]bool, named map[comity.ID][]comity.ID, p Page) (map[comity.ID][]Subject, error)
	Observables(cases []comity.ID, all map[comity.ID]bool, p Page) (map[comity.ID][]Observable, error)
	// Evidence lists a case's exhibits; named limits a case to those exhibits. They
	// come without keys, place, hashes, parts and receipt, which EvidenceByID has.
	Evidence(cases []comity.ID, named map[comity.ID][]comity.ID, p Page) (map[comity.ID][]Evidence, error)
	// ByID finds children by id, whatever their case: the caller then asks Cases.
	EntriesByID(ids []comity.ID) (map[comity.ID]Entry, error)
	SubjectsByID(ids []comity.ID) (map[comity.ID]Subject, error)
	ObservablesByID(ids []comity.ID) (map[comity.ID]Observable, error)
	EvidenceByID(ids []comity.ID) (map[comity.ID]Evidence, error)
	// Parents names the cases of entries, subjects, observables and exhibits,
	// of those cases that the viewer may find.
	Parents(v Viewer, ids []comity.ID) (map[comity.ID]comity.ID, error)
	// Custody lists an exhibit's events, oldest first, as reader's state sees
	// them: the originator all, a grantee the originator's and its own.
	Custody(evidence []comity.ID, reader comity.State) (map[comity.ID][]comity.CustodyEvent, error)

	// RecordKeys gives the wrapped record keys of records, per record and state.
	RecordKeys(ids []comity.ID) (map[comity.ID]map[comity.State]string, error)

	// Requests: the asking side's officer, liaisons and authority; the asked
	// side's liaisons and authority, and the agency it was routed to.
	Requests(v Viewer, ids []comity.ID) (map[comity.ID]Request, error)
	ListRequests(v Viewer, f RequestFilter, p Page) ([]Request, error) // by UpdatedAt, or by DueAt ascending
	CountRequests(v Viewer, f RequestFilter, max int) (int, error)
	Messages(requests []comity.ID, p Page) (map[comity.ID][]Message, error)
	MessagesByID(ids []comity.ID) (map[comity.ID]Message, error)
	Refusals(ids []comity.ID) (map[comity.ID]comity.Refusal, error)

	// Grants: the originator's liaisons, authority, auditors and the officers
	// of the case; at the grantee whom the grant covers (also after its end, but
	// never one that was not active before it ended).
	Grants(v Viewer, ids []comity.ID) (map[comity.ID]comity.Grant, error)
	ListGrants(v Viewer, f GrantFilter, p Page) ([]comity.Grant, error)
	CountGrants(v Viewer, f GrantFilter, max int) (int, error)
	// GrantNaming finds the latest grant of another state that covered the viewer
	// and names an exhibit, also after its end; ErrNotFound.
	GrantNaming(v Viewer, exhibit comity.ID) (comity.Grant, error)
	// GrantsRun reports whether any grant of a case is pending or active and not
	// over, whoever sees it.
	GrantsRun(c comity.ID, at time.Time) (bool, error)
	// SecondedRun is the same for grants that two liaisons made, or one in danger to life.
	SecondedRun(c comity.ID, at time.Time) (bool, error)
	// DangerSince is when a liaison made the first of those grants of a case to a
	// state in danger to life that no other liaison confirmed; the zero time when
	// there is none.
	DangerSince(c comity.ID, grantee comity.State, liaison comity.OfficerRef) (time.Time, error)
	Releases(cases []comity.ID) (map[comity.ID][]comity.Release, error)

	// Mandates of a state, newest first; MandatesOf are the live ones under which a
	// liaison acts: the own ones, then those that name the liaison as deputy, each
	// with the longest first.
	Mandates(state comity.State) ([]comity.Mandate, error)
	MandatesOf(liaison comity.OfficerRef, at time.Time) ([]comity.Mandate, error)

	// Officers lists up to limit officers of a state who were seen, by reference;
	// OfficersSeen finds them by it.
	Officers(s comity.State, limit int) ([]SeenOfficer, error)
	OfficersSeen(refs []comity.OfficerRef) (map[comity.OfficerRef]SeenOfficer, error)

	// Log lists what concerns a state, newest first by leaf time and id.
	Log(state comity.State, f LogFilter, p Page) ([]LogEntry, error)
	LogByID(state comity.State, ids []comity.ID) (map[comity.ID]LogEntry, error)
	LogHead() (LogHead, error)
	// LogTiles gives hash tiles of height 8 (C2SP tlog-tiles) of the tree as it is in
	// this snapshot, each the bytes of its W hashes, which can be fewer than the tree
	// has of it; ErrNotFound when it has fewer, or the tile is none of such a tree.
	LogTiles(of []tlog.Tile) ([][]byte, error)
	// LogEntries gives up to n leaves of all states in their order, from a place on.
	LogEntries(from int64, n int) ([][32]byte, error)
	// LogIndex is a leaf's place, -1 while it waits for one; ErrNotFound.
	LogIndex(leaf comity.ID) (int64, error)

	IdempotencyOf(issuer, subject, mutation, key string) (Idempotency, error) // ErrNotFound
}

// Tx is one read-write transaction. Lock methods take the row for the rest of
// it and give [ErrNotFound] when there is none, as updates do. Inserts give
// [ErrExists] when there is one, and the transaction goes on.
type Tx interface {
	ReadTx
	CheckpointWriter
	DispatchWriter
	DomesticWriter
	EventWriter
	ManifestWriter
	ProposalWriter
	NeutralityWriter
	RosterWriter
	TeamWriter
	AllowanceWriter
	ErasureWriter

	// LockCase locks and returns a case whatever its visibility; ErrNotFound.
	LockCase(id comity.ID) (Case, error)
	// LockState serialises acts of one state that concern its rules.
	LockState(s comity.State) error

	InsertCase(c Case, wrappedKey string) error
	// UpdateCase writes a case whose Version is the one after expected, else
	// ErrConflict, and moves its visibility rows (the sort key abroad only when
	// ListedAbroad moved). State, Agency and CreatedAt stay what they were.
	UpdateCase(c Case, expected int) error
	// Assign makes the case visible to viewers of its own state: an officer
	// reference, or an office of the state as OfficeViewer gives it. Idempotent.
	Assign(c comity.ID, viewer string, by comity.OfficerRef) error
	Unassign(c comity.ID, viewer string) error

	InsertEntries([]Entry) error
	InsertSubjects([]Subject) error
	InsertObservables([]Observable) error

	InsertEvidence(Evidence) error
	LockEvidence(id comity.ID) (Evidence, error)
	// CompleteEvidence takes it from UPLOADING to SEALED only, else ErrConflict,
	// with size, version, hashes, parts, receipt, time and sealed text.
	CompleteEvidence(Evidence) error
	AppendCustody(comity.CustodyEvent) error

	InsertRequest(r Request, wrappedKey string) error
	LockRequest(id comity.ID) (Request, error)
	// UpdateRequest writes a request that is at version expected: the next
	// version, or the same for what the asking state does not see.
	UpdateRequest(r Request, expected int) error                                // ErrConflict
	InsertRecordKey(record comity.ID, state comity.State, wrapped string) error // ErrExists
	InsertMessage(Message) error
	InsertRefusal(comity.Refusal) error

	InsertRelease(comity.Release) error
	// WithdrawRelease takes a release decision back; ErrNotFound when it was before.
	WithdrawRelease(id comity.ID, by comity.OfficerRef, at time.Time) error
	InsertGrant(comity.Grant) error
	// LockGrant locks a grant and, before it, its case.
	LockGrant(id comity.ID) (comity.Grant, error)
	// UpdateGrant writes status, term, scope, exhibits, subjects, caveats and statement,
	// and keeps the grantee's visibility rows in step.
	UpdateGrant(g comity.Grant, expected int) error
	// EndGrants ends every pending or active grant of a case and returns them
	// as they were.
	EndGrants(c comity.ID, at time.Time) ([]comity.Grant, error)

	InsertMandate(comity.Mandate) error
	EndMandate(id comity.ID, at time.Time) error

	// SeeOfficer keeps who an officer is, as last seen.
	SeeOfficer(SeenOfficer) error

	// UseNonce records that a signed act was used; ErrExists when it was before.
	// Entries may be forgotten after until.
	UseNonce(jkt, nonce string, until time.Time) error
	InsertIdempotency(Idempotency) error // ErrExists
	// ForgetIdempotency deletes up to limit keys from before an instant, the
	// oldest first, and returns how many it did.
	ForgetIdempotency(before time.Time, limit int) (int, error)

	// AppendLeaf adds a leaf to the record of acts. One that exists, or that may not be
	// written, fails the transaction, at the latest when it is committed, and is never
	// ErrExists, which would be taken for another row's.
	AppendLeaf(Leaf) error
	AddEffect(Effect) error
	// DueEffects locks up to limit effects that are due, of other states than
	// those, skipping the effects that another server holds.
	DueEffects(limit int, but []comity.State) ([]Effect, error)
	// EffectsOf locks all waiting effects of one record, in order.
	EffectsOf(record comity.ID) ([]Effect, error)
	DoneEffect(seq int64) error
	DelayEffect(seq int64, until time.Time) error
}

// OfficeViewer is the visibility key of a state's office: liaisons see a case
// once it is assigned to OfficeViewer(state, LIAISON), and so on.
func OfficeViewer(s comity.State, r comity.Role) string { return string(s) + OfficeMark + string(r) }

// OfficeMark parts state and role in the visibility key of an office, and is in
// no other key.
const OfficeMark = "#"

// ViewerKeys lists the keys under which cases can be visible to an officer.
// Auditors read the record of acts and grants, and no cases: to their office
// none is ever assigned.
func ViewerKeys(o comity.Officer) []string {
	if o.Role == comity.RoleAuditor {
		return []string{OfficeViewer(o.State, o.Role)}
	}
	v := o.Viewers()
	return []string{v[0], v[1], v[2], OfficeViewer(o.State, o.Role)}
}
