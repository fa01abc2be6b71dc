package main

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/storage"
)

// leaf writes the read into the record of acts.
func (h *handwritten) leaf(ctx context.Context, at time.Time, outcome audit.Outcome, article comity.Article, seen []audit.Record) error {
	o := h.officer
	leaves, err := audit.Leaves(at, map[comity.State]audit.Content{o.State: {Act: "read", Outcome: outcome, At: at, Records: seen, Article: article,
		Actor: audit.Actor{State: o.State, Agency: o.Agency, Function: o.Function, Ref: o.Ref()}, Policies: h.policies, RequestID: uuid.NewString()}})
	if err != nil {
		return err
	}
	var b pgx.Batch
	b.Queue(`BEGIN`)
	b.Queue(beginning, h.settings("act", at.UnixMicro())...)
	for _, l := range leaves {
		add(&b, l)
	}
	b.Queue(`COMMIT`)
	return h.pool.SendBatch(ctx, &b).Close()
}

func add(b *pgx.Batch, l storage.Leaf) {
	at := l.At.UnixMicro()
	var commitments []byte
	var openings insertion
	var waiting insertion
	for i, o := range l.Openings {
		commitment := o.Commitment()
		commitments = append(commitments, commitment[:]...)
		if o.State == storage.Nobody {
			continue
		}
		content := o.Content
		if content == nil {
			content = []byte{}
		}
		openings.row(l.ID, i, o.State, at, o.Salt[:], content, commitment[:])
		var names []string
		for _, r := range o.Facets.Records {
			names = append(names, "record:"+r)
		}
		for name, v := range map[string]string{"officer:": string(o.Facets.Officer), "act:": o.Facets.Act, "outcome:": o.Facets.Outcome, "state:": string(o.Facets.State)} {
			if v != "" {
				names = append(names, name+v)
			}
		}
		if len(names) > 0 {
			slices.Sort(names)
			waiting.row(l.ID, o.State, at, slices.Compact(names))
		}
	}
	b.Queue(`INSERT INTO leaves (id, hash, at, commitments) VALUES ($1, $2, $3, $4)`, l.ID, l.Hash[:], at, commitments)
	b.Queue(openings.text("openings", "leaf_id, pos, state, at, salt, content, commitment"), openings.args...)
	b.Queue(waiting.text("facets_waiting", "leaf_id, state, at, facets"), waiting.args...)
}

// insertion is an INSERT of several rows.
type insertion struct {
	values strings.Builder
	args   []any
}

func (n *insertion) row(values ...any) {
	if n.values.Len() > 0 {
		n.values.WriteString(", ")
	}
	for i := range values {
		n.values.WriteString(map[bool]string{true: "($", false: ", $"}[i == 0] + strconv.Itoa(len(n.args)+i+1))
	}
	n.values.WriteString(")")
	n.args = append(n.args, values...)
}

func (n *insertion) text(table, columns string) string {
	return "INSERT INTO " + table + " (" + columns + ") VALUES " + n.values.String()
}
