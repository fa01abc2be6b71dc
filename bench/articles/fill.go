package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

// row is a row by its columns.
type row map[string]any

// engine is what the filling of a database needs beside the adapter.
type engine interface {
	storage.DB
	// rows are those of a table, at most limit, that a condition holds for.
	rows(ctx context.Context, table, where string, limit int, args ...any) ([]row, error)
	// bare removes every row, and every index that is no key.
	bare(ctx context.Context, tables []string) error
	// load adds rows of one form to a table; keys to others are not looked at.
	load(ctx context.Context, table string, columns []string, rows iter.Seq[[]any]) error
	// finish builds the indexes again and has the engine count its rows.
	finish(ctx context.Context) error
}

// filled are the tables that are filled.
var filled = []string{"visibility", "assignments", "grants", "cases"}

// began is when the union began; its records are of the year after.
var began = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

// now is the instant at which everything is read.
var now = began.Add(366 * 24 * time.Hour)

func at(t time.Time) int64 { return t.UnixMicro() }

// drawn is a case with what is laid upon it.
type drawn struct {
	id       string
	state    int
	agency   comity.AgencyID
	owner    comity.Officer
	category string
	status   string
	tlp      string
	reserved bool
	created  time.Time
	updated  time.Time
	abroad   time.Time
	viewers  []string // assigned
	grants   []drawnGrant
}

type drawnGrant struct {
	id       string
	grantee  comity.Grantee
	purpose  string
	from, to time.Time
	status   comity.GrantStatus
}

var (
	categories = []string{"RANSOMWARE", "FRAUD", "DENIAL_OF_SERVICE", "INTRUSION_FINANCIAL"}
	purposes   = []string{string(comity.PurposeInvestigation), string(comity.PurposeProsecution)}
)

// An officer finds about as much in a small union as in a large one, so that the
// union's size is what is compared: in both an agency has 200 cases, a state's
// liaisons are laid so many, and so many are granted to a state as a whole.
const (
	laid = 1200
	wide = 160
)

// draw draws all cases of a union.
func (s size) draw(r *rand.Rand) []drawn {
	cases := make([]drawn, s.cases)
	for i := range cases {
		c := &cases[i]
		c.state = r.IntN(s.states)
		agency := r.IntN(s.agenciesOf())
		c.id, c.agency, c.owner = string(comity.NewID(comity.KindCase)), s.agency(c.state, agency), s.investigator(c.state, agency, r.IntN(investigators))
		c.category, c.status, c.tlp = categories[r.IntN(len(categories))], string(comity.CaseOpen), string(comity.TLPAmber)
		if r.IntN(4) == 0 {
			c.status = string(comity.CaseClosed)
		}
		if r.IntN(50) == 0 {
			c.tlp = string(comity.TLPRed)
		}
		c.reserved = r.IntN(100) == 0
		c.created = began.Add(time.Duration(r.Int64N(int64(300 * 24 * time.Hour))).Truncate(time.Microsecond))
		c.updated = c.created.Add(time.Duration(r.Int64N(int64(60 * 24 * time.Hour))).Truncate(time.Microsecond))
		c.abroad = c.created.Add(c.updated.Sub(c.created) / 2).Truncate(time.Microsecond)
		viewers := map[string]bool{string(c.owner.Ref()): true}
		if r.IntN(2) == 0 {
			viewers[string(s.investigator(c.state, agency, r.IntN(investigators)).Ref())] = true
		}
		made := (i+1)*s.grants/s.cases - i*s.grants/s.cases
		if r.IntN(s.cases) < laid*s.states {
			viewers[storage.OfficeViewer(code(c.state), comity.RoleLiaison)] = true
		}
		c.viewers = slices.Sorted(maps.Keys(viewers))
		for range made {
			c.grants = append(c.grants, s.grant(r, c))
		}
	}
	return cases
}

// grant draws one to another state, to one of its agencies or of its officers.
func (s size) grant(r *rand.Rand, c *drawn) drawnGrant {
	to := (c.state + 1 + r.IntN(s.states-1)) % s.states
	agency := r.IntN(s.agenciesOf())
	g := drawnGrant{id: string(comity.NewID(comity.KindGrant)), grantee: comity.Grantee{State: code(to)}, purpose: purposes[r.IntN(len(purposes))],
		from: c.created, to: now.Add(time.Duration(1+r.IntN(300)) * 24 * time.Hour), status: comity.GrantActive}
	switch n := r.IntN(10); {
	case r.IntN(s.grants) < wide*s.states:
	case n < 7:
		g.grantee.Agency = s.agency(to, agency)
	default:
		o := s.investigator(to, agency, r.IntN(investigators))
		g.grantee.Officer = o.Ref()
		if n == 8 {
			g.grantee.Agency = o.Agency
		}
	}
	switch r.IntN(20) {
	case 0:
		g.status = comity.GrantRevoked
	case 1:
		g.to = now.Add(-time.Hour)
	}
	if c.reserved && g.status == comity.GrantActive {
		g.status = comity.GrantEnded
	}
	return g
}

// fill fills a migrated database. What is drawn changes the rows that the
// adapter itself wrote for one case, so that nothing lacks that rows have.
func fill(ctx context.Context, db engine, s size) error {
	r := rand.New(rand.NewPCG(3, uint64(s.cases)))
	template := drawn{id: string(comity.NewID(comity.KindCase)), state: 0, agency: s.agency(0, 0), owner: s.investigator(0, 0, 0)}
	grant := comity.Grant{ID: comity.NewID(comity.KindGrant), Case: comity.ID(template.id), State: code(0), Liaison: s.liaison(0, 0).Ref(), Function: "liaison",
		Grantee: comity.Grantee{State: code(1)}, Scope: comity.ScopeFull, Grade: comity.GradeLead, Caveats: comity.Caveats{Marking: comity.DefaultMarking},
		Purpose: comity.PurposeInvestigation, Agreement: "general", AgreementHash: hex.EncodeToString(make([]byte, 32)), NotBefore: began, NotAfter: now.Add(time.Hour),
		Status: comity.GrantActive, Version: 1, CreatedAt: began, Statement: text(r, 1500)}
	sealed := []byte(text(r, 400))
	err := db.Write(storage.AsSystem(ctx), func(tx storage.Tx) error {
		c := storage.Case{Case: comity.Case{ID: comity.ID(template.id), State: code(0), Agency: template.agency, Owner: template.owner.Ref(), Category: comity.Category(categories[0]),
			Status: comity.CaseOpen, Marking: comity.DefaultMarking, Nexus: []comity.Nexus{{Basis: comity.NexusTerritory, State: code(0)}, {Basis: comity.NexusEffects, State: code(1)}},
			Version: 1, VersionAbroad: 1, CreatedAt: began, UpdatedAt: began, UpdatedAbroad: began, ListedAbroad: began}, Sealed: sealed}
		if err := tx.InsertCase(c, text(r, 90)); err != nil {
			return err
		}
		if err := tx.Assign(c.ID, string(template.owner.Ref()), template.owner.Ref()); err != nil {
			return err
		}
		return tx.InsertGrant(grant)
	})
	if err != nil {
		return err
	}
	one := func(table, where string) row {
		if err != nil {
			return nil
		}
		var found []row
		if found, err = db.rows(ctx, table, where, 2); err == nil && len(found) != 1 {
			err = fmt.Errorf("%d rows of %s instead of one", len(found), table)
		}
		if err != nil {
			return nil
		}
		return found[0]
	}
	of := map[string]row{"cases": one("cases", "1 = 1"), "assignments": one("assignments", "1 = 1"),
		"grants": one("grants", "1 = 1"), "assigned": one("visibility", "grant_id = ''"), "granted": one("visibility", "grant_id <> ''")}
	if err != nil {
		return err
	}
	if err := db.bare(ctx, filled); err != nil {
		return err
	}
	cases := s.draw(r)
	for _, table := range slices.Backward(filled) {
		var like row
		if like = of[table]; table == "visibility" {
			like = of["assigned"]
		}
		columns := slices.Sorted(maps.Keys(like))
		if err := db.load(ctx, table, columns, rowsOf(table, columns, cases, of)); err != nil {
			return fmt.Errorf("fill %s: %w", table, err)
		}
	}
	return db.finish(ctx)
}

// rowsOf gives the rows of a table, by its columns.
func rowsOf(table string, columns []string, cases []drawn, of map[string]row) iter.Seq[[]any] {
	return func(yield func([]any) bool) {
		values := make([]any, len(columns))
		add := func(like, change row) bool {
			for i, c := range columns {
				v, ok := change[c]
				if !ok {
					v = like[c]
				}
				values[i] = v
			}
			return yield(values)
		}
		for i := range cases {
			if !cases[i].rows(table, of, add) {
				return
			}
		}
	}
}

func (c *drawn) rows(table string, of map[string]row, add func(like, change row) bool) bool {
	state := string(code(c.state))
	switch table {
	case "cases":
		return add(of[table], row{"id": c.id, "state": state, "agency": string(c.agency), "owner": string(c.owner.Ref()), "category": c.category, "status": c.status,
			"tlp": c.tlp, "reserved": c.reserved, "created_at": at(c.created), "updated_at": at(c.updated), "updated_abroad": at(c.abroad), "listed_abroad": at(c.abroad)})
	case "assignments":
		for _, v := range c.viewers {
			if !add(of[table], row{"case_id": c.id, "viewer": v, "assigned_by": string(c.owner.Ref()), "at": at(c.created)}) {
				return false
			}
		}
	case "grants":
		for _, g := range c.grants {
			ended := int64(0)
			if g.status != comity.GrantActive {
				ended = at(now.Add(-time.Hour))
			}
			if !add(of[table], row{"id": g.id, "case_id": c.id, "state": state, "viewer": g.grantee.Viewer(), "grantee_state": string(g.grantee.State),
				"grantee_agency": string(g.grantee.Agency), "grantee_officer": string(g.grantee.Officer), "purpose": g.purpose, "not_before": at(g.from),
				"not_after": at(g.to), "status": string(g.status), "ended_at": ended, "created_at": at(g.from)}) {
				return false
			}
		}
	case "visibility":
		shared := row{"case_id": c.id, "orig_state": state, "orig_agency": string(c.agency), "category": c.category, "status": c.status, "tlp": c.tlp}
		for _, v := range c.viewers {
			r := maps.Clone(shared)
			r["viewer"], r["updated_at"] = v, at(c.updated)
			if !add(of["assigned"], r) {
				return false
			}
		}
		for _, g := range c.grants {
			if g.status != comity.GrantActive || c.reserved {
				continue
			}
			r := maps.Clone(shared)
			r["viewer"], r["updated_at"], r["grant_id"], r["valid_from"], r["valid_until"] = g.grantee.Viewer(), at(c.abroad), g.id, at(g.from), at(g.to)
			if r["purpose"] = g.purpose; g.grantee.Officer != "" {
				r["via_agency"] = string(g.grantee.Agency)
			}
			if !add(of["granted"], r) {
				return false
			}
		}
	}
	return true
}

// text is a text of n characters that does not compress.
func text(r *rand.Rand, n int) string {
	b := make([]byte, n/2)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return hex.EncodeToString(b)
}
