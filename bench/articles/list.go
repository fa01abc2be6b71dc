package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/bench/ratio"
	"github.com/comity-platform/comity/storage"
)

const (
	page     = 50   // cases that a page shows; one more is looked for
	mostOf   = 1000 // where a count ends
	tenth    = 9 * page
	askers   = 100 // officers who ask, every second of them a liaison
	goalP99  = 50  // ms
	goalGrow = 1.5
)

// asking is an officer and what the officer asks for.
type asking struct {
	viewer storage.Viewer
	tenth  storage.Key // where the tenth page begins; zero when there is none
	many   bool        // more cases are found than counts go to
	points []comity.ID // cases seen at home, cases seen abroad, and others
}

// operation is one way of asking.
type operation struct {
	name string // of its figure
	what string
	of   func(a asking) bool // whether it can be asked
	run  func(r storage.ReadTx, a asking, n int) error
}

var operations = []operation{
	{"list_growth", "first page of 50", func(asking) bool { return true }, func(r storage.ReadTx, a asking, _ int) error {
		return full(r.ListCases(a.viewer, storage.CaseFilter{}, storage.Page{Limit: page + 1}))
	}},
	{"list_growth_tenth", "tenth page", func(a asking) bool { return a.tenth.ID != "" }, func(r storage.ReadTx, a asking, _ int) error {
		return full(r.ListCases(a.viewer, storage.CaseFilter{}, storage.Page{After: a.tenth, Limit: page + 1}))
	}},
	{"count_growth", "count to 1,000", func(a asking) bool { return a.many }, func(r storage.ReadTx, a asking, _ int) error {
		_, err := r.CountCases(a.viewer, storage.CaseFilter{}, mostOf)
		return err
	}},
	{"point_growth", "point read", func(a asking) bool { return len(a.points) > 0 }, func(r storage.ReadTx, a asking, n int) error {
		_, err := r.Cases(a.viewer, []comity.ID{a.points[n%len(a.points)]})
		return err
	}},
}

// full wants a page of a list to be one.
func full(views []storage.CaseView, err error) error {
	if err == nil && len(views) < page {
		return fmt.Errorf("a page of %d cases is not full", len(views))
	}
	return err
}

// population is a filled database with officers who ask it.
type population struct {
	db      storage.DB
	askings []asking
}

// newPopulation draws officers and finds what they can ask for.
func newPopulation(ctx context.Context, db storage.DB, s size) (*population, error) {
	r := rand.New(rand.NewPCG(7, uint64(s.cases)))
	u := &population{db: db}
	for len(u.askings) < askers {
		for _, o := range s.some(r, 2) {
			a := asking{viewer: storage.Viewer{Officer: o, At: now}}
			err := db.Read(storage.AsSystem(ctx), func(tx storage.ReadTx) error {
				views, err := tx.ListCases(a.viewer, storage.CaseFilter{}, storage.Page{Limit: tenth + page})
				if err != nil {
					return err
				}
				if len(views) == tenth+page {
					a.tenth = place(views[tenth-1])
				}
				n, err := tx.CountCases(a.viewer, storage.CaseFilter{}, mostOf)
				a.many = n == mostOf
				for _, v := range views {
					if len(a.points) < 30 && (len(a.points)%2 == 0) == v.Own {
						a.points = append(a.points, v.ID)
					}
				}
				return err
			})
			if err != nil {
				return nil, err
			}
			u.askings = append(u.askings, a)
		}
	}
	for i := range u.askings { // a third of what is read is another's
		other := u.askings[(i+1)%len(u.askings)].points
		u.askings[i].points = append(u.askings[i].points, other[:min(len(other), len(u.askings[i].points)/2)]...)
	}
	return u, nil
}

func place(v storage.CaseView) storage.Key {
	if v.Own {
		return storage.Key{At: v.UpdatedAt, ID: v.ID}
	}
	return storage.Key{At: v.ListedAbroad, ID: v.ID}
}

// took are the milliseconds of every time that each operation ran.
type took map[string][]float64

// ask has every officer ask once, by each of the operations, and keeps the times.
func (u *population) ask(ctx context.Context, round int, t took, operations ...operation) error {
	for i, a := range u.askings {
		reading := storage.As(ctx, a.viewer.Officer)
		for _, op := range operations {
			if !op.of(a) {
				continue
			}
			began := time.Now()
			if err := u.db.Read(reading, func(r storage.ReadTx) error { return op.run(r, a, round+i) }); err != nil {
				return fmt.Errorf("%s: %s: %w", op.what, a.viewer.Officer.Ref(), err)
			}
			if t != nil {
				t[op.name] = append(t[op.name], float64(time.Since(began).Nanoseconds())/1e6)
			}
		}
	}
	return nil
}

// measureLists times the operations on both sizes, in turns, on one core.
func measureLists(ctx context.Context, o options, name, suffix string, unions [2]*population, out io.Writer) error {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	times := [2]took{{}, {}}
	for round := -1; round < o.rounds; round++ { // the first one warms
		for i, u := range unions {
			t := times[i]
			if round < 0 {
				t = nil
			}
			if err := u.ask(ctx, max(round, 0), t, operations...); err != nil {
				return err
			}
		}
	}
	fmt.Fprintf(out, "\n%s, %d officers, ms: median (99th of a hundred), %v | %v\n", name, askers, o.small, o.large)
	worst := 0.0
	for _, op := range operations {
		few, many := times[0][op.name], times[1][op.name]
		fmt.Fprintf(out, "  %-16s %7.3f (%.3f) | %7.3f (%.3f)\n", op.what, ratio.Median(few), quantile(few, 0.99), ratio.Median(many), quantile(many, 0.99))
		worst = max(worst, quantile(many, 0.99))
		growth := ratio.Median(many) / ratio.Median(few)
		o.figures.add(func() { ratio.Within(out, op.name+suffix, growth, goalGrow) })
	}
	o.figures.add(func() { ratio.Within(out, "list_p99_ms"+suffix, worst, goalP99) })
	return nil
}

// derived compares the visibility of cases as it was filled in with what the
// adapter derives of the same cases.
func derived(ctx context.Context, db engine, limit int) error {
	cases, err := db.rows(ctx, "cases", "id IN (SELECT case_id FROM grants)", limit)
	if err != nil {
		return err
	}
	for _, c := range cases {
		id := comity.ID(c["id"].(string))
		look := func() (all []string, err error) {
			found, err := db.rows(ctx, "visibility", "case_id = $1", 1000, id)
			for _, r := range found {
				all = append(all, fmt.Sprint(r)) // maps print in the order of their keys
			}
			slices.Sort(all)
			return all, err
		}
		before, err := look()
		if err != nil {
			return err
		}
		assigned, err := db.rows(ctx, "assignments", "case_id = $1", 1000, id)
		if err != nil {
			return err
		}
		granted, err := db.rows(ctx, "grants", "case_id = $1", 1000, id)
		if err != nil {
			return err
		}
		err = db.Write(storage.AsSystem(ctx), func(tx storage.Tx) error {
			for _, a := range assigned {
				if err := tx.Unassign(id, a["viewer"].(string)); err != nil {
					return err
				}
				if err := tx.Assign(id, a["viewer"].(string), comity.OfficerRef(a["assigned_by"].(string))); err != nil {
					return err
				}
			}
			for _, g := range granted {
				is, err := tx.LockGrant(comity.ID(g["id"].(string)))
				if err != nil {
					return err
				}
				is.Version++
				if err := tx.UpdateGrant(is, is.Version-1); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		after, err := look()
		if err != nil {
			return err
		}
		if !slices.Equal(before, after) {
			return fmt.Errorf("the visibility of %s was filled in as\n%v\nand the adapter derives\n%v", id, before, after)
		}
	}
	if len(cases) < limit {
		return fmt.Errorf("only %d cases with grants were compared", len(cases))
	}
	return nil
}
