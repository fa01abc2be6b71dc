package main

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/cmd/comityd/service"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/storage"
)

// handwrittenConfig is what the handler by hand needs beside a peer's.
type handwrittenConfig struct {
	Service  service.Config
	Officer  comity.Officer // who is believed to ask
	Policies string
}

// handwritten answers two of the queries and nothing else: by the same statements
// on the same tables under the same row-level security, opening the same words,
// with the same leaf committed before the answer goes out, and encoding/json over
// structs. What it has not is a query language, tokens, proofs, and policies that
// decide.
type handwritten struct {
	pool     *pgxpool.Pool
	officer  comity.Officer
	policies string
	open     func(context.Context, comity.ID, string) (custodian.RecordKey, error)
	mu       sync.Mutex
	keys     map[string]keptKey
}

// keptKey is a record key, kept as long as Comity does.
type keptKey struct {
	key   custodian.RecordKey
	until time.Time
}

const keyAge = 30 * time.Second

func newHandwritten(ctx context.Context, c peerConfig) (http.Handler, error) {
	parts, err := service.Open(ctx, c.Handwritten.Service)
	if err != nil {
		return nil, err
	}
	pc, err := pgxpool.ParseConfig(c.DSN)
	if err != nil {
		return nil, err
	}
	pc.MaxConns = int32(c.Connections)
	for name, value := range map[string]string{"jit": "off", "plan_cache_mode": "force_generic_plan",
		"enable_seqscan": "off", "enable_bitmapscan": "off", "random_page_cost": "1.1"} { // as Comity has it
		pc.ConnConfig.RuntimeParams[name] = value
	}
	pool, err := pgxpool.NewWithConfig(ctx, pc)
	if err != nil {
		return nil, err
	}
	h := &handwritten{pool: pool, officer: c.Handwritten.Officer, policies: c.Handwritten.Policies, keys: map[string]keptKey{},
		open: parts.States[state].Custodian.RecordKey}
	return h, nil
}

// The answers, in the order in which the queries ask for the fields.
type (
	listAnswer struct {
		Data struct {
			Viewer struct {
				Cases nodesOf[*listedCase] `json:"cases"`
			} `json:"viewer"`
		} `json:"data"`
	}
	pointAnswer struct {
		Data struct {
			Node *pointCase `json:"node"`
		} `json:"data"`
	}
	nodesOf[T any] struct {
		Nodes []T `json:"nodes"`
	}
	caseHead struct {
		ID       comity.ID         `json:"id"`
		State    comity.State      `json:"state"`
		Agency   comity.AgencyID   `json:"agency"`
		Owner    comity.OfficerRef `json:"owner"`
		Category comity.Category   `json:"category"`
		Status   comity.CaseStatus `json:"status"`
		Title    string            `json:"title"`
	}
	listedCase struct {
		caseHead
		Reserved bool              `json:"reserved"`
		Version  int               `json:"version"`
		Evidence nodesOf[*exhibit] `json:"evidence"`
	}
	pointCase struct {
		caseHead
		Summary  string `json:"summary"`
		Reserved bool   `json:"reserved"`
		Version  int    `json:"version"`
	}
	exhibit struct {
		ID        comity.ID             `json:"id"`
		Name      string                `json:"name"`
		MediaType string                `json:"mediaType"`
		Size      int64                 `json:"size"`
		Status    comity.EvidenceStatus `json:"status"`
	}
)

func (h *handwritten) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var q struct {
		Query     string `json:"query"`
		Variables struct {
			ID comity.ID `json:"id"`
		} `json:"variables"`
	}
	err := json.NewDecoder(r.Body).Decode(&q)
	var answer any
	if err == nil {
		switch q.Query {
		case queries[cellList]:
			answer, err = h.list(r.Context())
		case queries[cellPoint]:
			answer, err = h.point(r.Context(), q.Variables.ID)
		default:
			err = errors.New("this query is none that is answered by hand")
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "handwritten:", err)
		http.Error(w, "it failed", http.StatusInternalServerError)
		return
	}
	raw, err := json.Marshal(answer)
	if err != nil {
		http.Error(w, "it failed", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(raw) // the client went away: nobody is left to tell
}

// stored is a case as it lies in its table.
type stored struct {
	storage.Case
	nexus                                         string
	created, updated, updatedAbroad, listedAbroad int64
	wrapped                                       string
	reach                                         int
}

func (s *stored) fields() []any {
	return []any{&s.ID, &s.State, &s.Agency, &s.Owner, &s.Category, &s.Status, &s.Marking.TLP, &s.Marking.PAP, &s.Marking.Handling, &s.nexus, &s.Reserved,
		&s.Version, &s.VersionAbroad, &s.created, &s.updated, &s.updatedAbroad, &s.listedAbroad, &s.Sealed, &s.Assessed.Category, &s.Assessed.Character, &s.Assessed.By, &s.wrapped, &s.reach}
}

func (h *handwritten) list(ctx context.Context) (*listAnswer, error) {
	a := &listAnswer{}
	var now time.Time
	err := h.read(ctx, &now, func(tx *pgxpool.Conn) error {
		args := []any{h.officer.State, h.officer.Agency, h.officer.Ref(), storage.ViewerKeys(h.officer), now.UnixMicro(), int64(1<<63 - 1), ""}
		var branches []string
		args = append(args, 51, storage.OfficeViewer(h.officer.State, h.officer.Role))
		for _, key := range storage.ViewerKeys(h.officer) {
			args = append(args, key)
			branches = append(branches, `SELECT * FROM (SELECT updated_at, case_id, max(orig_state) AS orig_state FROM visibility WHERE viewer = $`+strconv.Itoa(len(args))+
				` AND (updated_at, case_id) < ($6, $7) AND valid_from <= $5 AND valid_until > $5 AND via_agency IN ('', $2) GROUP BY updated_at, case_id
				ORDER BY updated_at DESC, case_id DESC LIMIT $8) b`)
		}
		cases, err := h.cases(ctx, tx, `SELECT `+caseColumns+reached("$9")+` FROM (SELECT * FROM (`+strings.Join(branches, ` UNION `)+`) u ORDER BY updated_at DESC, case_id DESC LIMIT $8) m
			JOIN cases c ON c.id = m.case_id WHERE `+seenCase+` ORDER BY m.updated_at DESC, m.case_id DESC`, args...)
		if err != nil {
			return err
		}
		ids := make([]string, len(cases))
		for i, c := range cases {
			ids[i] = string(c.ID)
		}
		cases = cases[:min(len(cases), 50)]
		keys, err := h.recordKeys(ctx, cases)
		if err != nil {
			return err
		}
		byCase, err := h.exhibits(ctx, tx, ids[:len(cases)], keys)
		if err != nil {
			return err
		}
		for _, c := range cases {
			words, err := h.words(c, keys[c.ID])
			if err != nil {
				return err
			}
			a.Data.Viewer.Cases.Nodes = append(a.Data.Viewer.Cases.Nodes, &listedCase{head(c, words), c.Reserved, c.Version, nodesOf[*exhibit]{byCase[c.ID]}})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var seen []audit.Record
	for _, c := range a.Data.Viewer.Cases.Nodes {
		seen = append(seen, audit.Record{ID: string(c.ID), Level: "OWN"})
	}
	return a, h.leaf(ctx, now, audit.Read, 0, seen)
}

func (h *handwritten) point(ctx context.Context, id comity.ID) (*pointAnswer, error) {
	a := &pointAnswer{}
	var now time.Time
	err := h.read(ctx, &now, func(tx *pgxpool.Conn) error {
		cases, err := h.cases(ctx, tx, `SELECT `+caseColumns+reached("$6")+` FROM cases c WHERE (`+seenCase+`) AND c.id = ANY($7)`,
			h.officer.State, h.officer.Agency, h.officer.Ref(), storage.ViewerKeys(h.officer), now.UnixMicro(), storage.OfficeViewer(h.officer.State, h.officer.Role), []string{string(id)})
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `SELECT * FROM grants g WHERE g.was_active AND g.state <> $1 AND g.grantee_state = $1 AND g.grantee_agency IN ('', $2)
			AND g.grantee_officer IN ('', $3) AND g.case_id = ANY($4) AND g.viewer = ANY($5) ORDER BY g.created_at, g.id`,
			h.officer.State, h.officer.Agency, h.officer.Ref(), []string{string(id)}, storage.ViewerKeys(h.officer)); err != nil {
			return err
		}
		keys, err := h.recordKeys(ctx, cases)
		if err != nil || len(cases) == 0 {
			return err
		}
		words, err := h.words(cases[0], keys[cases[0].ID])
		a.Data.Node = &pointCase{head(cases[0], words), words.Summary, cases[0].Reserved, cases[0].Version}
		return err
	})
	if err != nil {
		return nil, err
	}
	if a.Data.Node == nil {
		return a, h.leaf(ctx, now, audit.NotFound, comity.ArticleNoOracle, []audit.Record{{ID: string(id)}})
	}
	return a, h.leaf(ctx, now, audit.Read, 0, []audit.Record{{ID: string(id), Level: "OWN"}})
}

func head(c *stored, words comity.CaseText) caseHead {
	return caseHead{c.ID, c.State, c.Agency, c.Owner, c.Category, c.Status, words.Title}
}

const (
	caseColumns = `c.id, c.state, c.agency, c.owner, c.category, c.status, c.tlp, c.pap, c.handling, c.nexus, c.reserved, c.version, c.version_abroad,
		c.created_at, c.updated_at, c.updated_abroad, c.listed_abroad, c.sealed, c.assessed_category, c.assessed_finding, c.assessed_by, c.wrapped_key`
	seenCase = `c.state = $1 AND EXISTS (SELECT 1 FROM seen_assignments a WHERE a.case_id = c.id AND a.viewer = ANY($4))
		OR c.state <> $1 AND NOT c.reserved AND EXISTS (SELECT 1 FROM grants g WHERE g.case_id = c.id AND g.state = c.state AND g.viewer = ANY($4)
		AND g.was_active AND g.state <> $1 AND g.grantee_state = $1 AND g.grantee_agency IN ('', $2) AND g.grantee_officer IN ('', $3)
		AND g.status = 'ACTIVE' AND g.not_before <= $5 AND g.not_after > $5)`
	beginning = `SELECT set_config('comity.now', n.now::text, true)::bigint FROM (SELECT
		CASE WHEN $8::bigint <> 0 THEN $8::bigint ELSE (extract(epoch FROM transaction_timestamp()) * 1000000)::bigint END AS now, set_config('comity.acting', $1, true),
		set_config('comity.state', $2, true), set_config('comity.agency', $3, true), set_config('comity.officer', $4, true),
		set_config('comity.role', $5, true), set_config('comity.token', $6, true), set_config('comity.viewers', ($7::text[])::text, true)) n`
)

// settings say for whom a transaction is, at an instant or, for 0, now.
func (h *handwritten) settings(acting string, at int64) []any {
	o := h.officer
	return []any{acting, o.State, o.Agency, o.Ref(), o.Role, o.Issuer + "\n" + o.Subject, storage.ViewerKeys(o), at}
}

func (h *handwritten) read(ctx context.Context, now *time.Time, f func(*pgxpool.Conn) error) error {
	c, err := h.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer c.Release()
	var b pgx.Batch
	b.Queue(`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`)
	b.Queue(beginning, h.settings("officer", 0)...).QueryRow(func(row pgx.Row) error {
		var micros int64
		err := row.Scan(&micros)
		*now = time.UnixMicro(micros).UTC()
		return err
	})
	if err := c.SendBatch(ctx, &b).Close(); err != nil {
		return err
	}
	defer func() { _, _ = c.Exec(ctx, `ROLLBACK`) }() // nothing to keep
	return f(c)
}

func (h *handwritten) cases(ctx context.Context, tx *pgxpool.Conn, text string, args ...any) ([]*stored, error) {
	found, err := tx.Query(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(found, func(r pgx.CollectableRow) (*stored, error) {
		s := &stored{}
		if err := r.Scan(s.fields()...); err != nil {
			return nil, err
		}
		s.CreatedAt, s.UpdatedAt = time.UnixMicro(s.created), time.UnixMicro(s.updated)
		return s, json.Unmarshal([]byte(s.nexus), &s.Nexus)
	})
}

// reached is the column that says how the officer finds a case c.
func reached(office string) string {
	return `, coalesce((SELECT sum(CASE a.viewer WHEN $3 THEN 1 WHEN ` + office + ` THEN 2 ELSE 4 END) FROM seen_assignments a WHERE a.case_id = c.id AND a.viewer = ANY($4)), 0)`
}

func (h *handwritten) recordKeys(ctx context.Context, cases []*stored) (map[comity.ID]custodian.RecordKey, error) {
	keys := map[comity.ID]custodian.RecordKey{}
	for _, c := range cases {
		key, err := h.key(ctx, c.ID, c.wrapped)
		if err != nil {
			return nil, err
		}
		keys[c.ID] = key
	}
	return keys, nil
}

func (h *handwritten) key(ctx context.Context, id comity.ID, wrapped string) (custodian.RecordKey, error) {
	now := time.Now()
	h.mu.Lock()
	kept, ok := h.keys[wrapped]
	h.mu.Unlock()
	if ok && now.Before(kept.until) {
		return kept.key, nil
	}
	key, err := h.open(ctx, id, wrapped)
	if err == nil {
		h.mu.Lock()
		h.keys[wrapped] = keptKey{key, now.Add(keyAge)}
		h.mu.Unlock()
	}
	return key, err
}

func (h *handwritten) exhibits(ctx context.Context, tx *pgxpool.Conn, ids []string, keys map[comity.ID]custodian.RecordKey) (map[comity.ID][]*exhibit, error) {
	found, err := tx.Query(ctx, `SELECT e.id, e.case_id, e.state, e.status, e.media_type, e.original, e.size, e.header, e.begun_by, e.created_at, e.completed_at, e.sealed
		FROM unnest($1::text[]) AS p (id) CROSS JOIN LATERAL (SELECT * FROM evidence WHERE case_id = p.id COLLATE "C" AND (created_at, id) > ($3, $4)
		AND (NOT (case_id = ANY($5)) OR (case_id || '/' || id) = ANY($6)) ORDER BY created_at, id LIMIT $2) e ORDER BY e.created_at, e.id`,
		ids, 4, 0, "", []string{}, []string{})
	if err != nil {
		return nil, err
	}
	all := map[comity.ID][]*exhibit{}
	var e storage.Evidence
	var created, completed int64
	_, err = pgx.ForEachRow(found, []any{&e.ID, &e.Case, &e.State, &e.Status, &e.MediaType, &e.Original, &e.Size, &e.Header, &e.BegunBy, &created, &completed, &e.Sealed}, func() error {
		if len(all[e.Case]) == 3 {
			return nil
		}
		var text comity.EvidenceText
		if err := unseal(keys[e.Case], []any{"evidence", e.ID, e.Case, e.State, e.MediaType, e.Original, e.Size}, e.Sealed, &text); err != nil {
			return err
		}
		all[e.Case] = append(all[e.Case], &exhibit{e.ID, text.Name, e.MediaType, e.Size, e.Status})
		return nil
	})
	return all, err
}

// words opens a case's.
func (h *handwritten) words(c *stored, key custodian.RecordKey) (text comity.CaseText, err error) {
	fields := []any{"case", c.ID, c.State, c.Agency, c.Owner, c.Category, c.Status, c.Marking, c.Nexus, c.Reserved, c.Version}
	if c.Assessed != (comity.Assessed{}) {
		fields = append(fields, c.Assessed)
	}
	return text, unseal(key, fields, c.Sealed, &text)
}

// unseal opens words that are bound to clear fields.
func unseal(key custodian.RecordKey, bound []any, sealed []byte, text any) error {
	aad, err := json.Marshal(append([]any{"comity/record-text/v1"}, bound...))
	if err != nil {
		return err
	}
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return err
	}
	n := gcm.NonceSize()
	if len(sealed) < n {
		return errors.New("sealed words are cut short")
	}
	plain, err := gcm.Open(nil, sealed[:n], sealed[n:], aad)
	if err != nil {
		return err
	}
	return json.Unmarshal(plain, text)
}
