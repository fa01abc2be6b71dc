package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/bench/graphql/rows"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/cmd/comityd/service"
	"github.com/comity-platform/comity/cmd/comityd/setup"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/deploy/stack"
	"github.com/comity-platform/comity/storage"
)

// The records: cases of one officer and of a colleague, all of one state.
const (
	state     = comity.State("KZ")
	owner     = "investigator@" + string(state)
	colleague = "colleague@" + string(state)
	ownCases  = 52 // a page and a few more
	others    = 8
	exhibits  = 3
	lines     = 3
)

// world is the components, Comity's own server, and the rows.
type world struct {
	components *stack.Stack
	cfg        service.Config
	server     *child
	dsn        string // of the application's role
	owner      *client.Client
	officer    comity.Officer // the owner
	viewer     rows.Viewer
	shown      comity.ID // a case of the owner's
	hidden     comity.ID // one of the colleague's
}

func newWorld(ctx context.Context, dir, profile string) (_ *world, err error) {
	w := &world{}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.Close())
		}
	}()
	// Flushed to disk, as in production: the leaf of a read stands before its answer.
	if w.components, err = stack.Start(ctx, dir, stack.Options{Durable: true, Progress: os.Stderr}); err != nil {
		return nil, err
	}
	address, err := stack.FreeAddress()
	if err != nil {
		return nil, err
	}
	if w.cfg, err = setup.Real(ctx, dir, w.components, address, nil); err != nil {
		return nil, err
	}
	w.cfg.AgencyRate, w.cfg.AddressRate = 1_000_000, 1_000_000 // no peer limits rates
	w.cfg.LogLevel = "warn"
	if w.dsn, err = service.ReadDSN(w.cfg.PostgresDSNFile); err != nil {
		return nil, err
	}
	if w.server, err = startSelf(ctx, dir, roleComity, comityConfig{w.cfg, profile}); err != nil {
		return nil, err
	}
	if err := w.fill(ctx, dir); err != nil {
		return nil, fmt.Errorf("fill: %w", err)
	}
	return w, w.plain(ctx)
}

// Close ends everything.
func (w *world) Close() error {
	var err error
	if w.server != nil {
		err = w.server.stop()
	}
	if w.components == nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return errors.Join(err, w.components.Stop(ctx))
}

func (w *world) login(ctx context.Context, who string) (*client.Client, error) {
	raw, err := os.ReadFile(w.cfg.Roots)
	if err != nil {
		return nil, err
	}
	roots, err := statement.ReadRoots(raw)
	if err != nil {
		return nil, err
	}
	return client.Login(ctx, client.Config{Server: w.cfg.ExternalURL, Union: w.cfg.Union, Roots: roots}, who)
}

// fill files the cases through the API, with what lies in them.
func (w *world) fill(ctx context.Context, dir string) error {
	file := filepath.Join(dir, "exhibit.txt")
	if err := os.WriteFile(file, []byte("what was found on the disk\n"), 0o600); err != nil {
		return err
	}
	for who, cases := range map[string]int{owner: ownCases, colleague: others} {
		c, err := w.login(ctx, who)
		if err != nil {
			return err
		}
		if who == owner {
			w.owner = c
		}
		var g errgroup.Group
		g.SetLimit(4)
		for i := range cases {
			g.Go(func() error {
				filed, err := c.CaseFile(ctx, client.NewCase{Category: "RANSOMWARE", Title: fmt.Sprintf("Ransom note no. %d on hospital servers", i),
					Summary: "Files of a hospital were encrypted over night, and a note asks for payment.", Reference: "BENCH-" + strconv.Itoa(i),
					Nexus: []comity.Nexus{{Basis: comity.NexusTerritory, State: state}}})
				if err != nil {
					return err
				}
				var log []client.NewEntry
				for n := range lines {
					log = append(log, client.NewEntry{Text: fmt.Sprintf("Line %d: the server room was sealed and the logs were secured.", n)})
				}
				if _, err := c.EntryAdd(ctx, filed.ID, log...); err != nil {
					return err
				}
				for n := range exhibits {
					if _, err := c.PutEvidence(ctx, client.PutOptions{Case: filed.ID, Path: file, Name: fmt.Sprintf("disk-%d-part-%d.txt", i, n), Again: true}); err != nil {
						return err
					}
				}
				if i == 0 && who == owner {
					w.shown = filed.ID
				}
				if i == 0 && who == colleague {
					w.hidden = filed.ID
				}
				return nil
			})
		}
		if err := g.Wait(); err != nil {
			return err
		}
	}
	return nil
}

// officerOf reads who is meant off a token that this program itself was issued.
func officerOf(token string) (comity.Officer, error) {
	var c struct {
		Issuer    string          `json:"iss"`
		Subject   string          `json:"sub"`
		Agency    comity.AgencyID `json:"comity_agency"`
		Role      comity.Role     `json:"comity_role"`
		Function  string          `json:"comity_function"`
		Pseudonym string          `json:"comity_pseudonym"`
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return comity.Officer{}, errors.New("the token is no JWT")
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err == nil {
		err = json.Unmarshal(raw, &c)
	}
	return comity.Officer{Issuer: c.Issuer, Subject: c.Subject, State: state, Agency: c.Agency, Role: c.Role, Function: c.Function, Pseudonym: c.Pseudonym}, err
}

// plain makes the tables that the peers read: the same rows, with the words that
// Comity keeps sealed in plain text, and no row-level security. The application's
// role may read them. The words are read from Comity itself.
func (w *world) plain(ctx context.Context) error {
	u, err := pgx.ParseConfig(w.dsn)
	if err != nil {
		return err
	}
	admin, err := pgx.Connect(ctx, w.components.Postgres.DSN(u.Database))
	if err != nil {
		return err
	}
	defer admin.Close(ctx)
	if _, err := admin.Exec(ctx, plainTables); err != nil {
		return err
	}
	for _, who := range []string{owner, colleague} {
		if err := w.words(ctx, admin, who); err != nil {
			return err
		}
	}
	var left int
	if err := admin.QueryRow(ctx, `SELECT (SELECT count(*) FROM plain.cases WHERE title = '') + (SELECT count(*) FROM plain.evidence WHERE name = '')
		+ (SELECT count(*) FROM plain.entries WHERE text = '')`).Scan(&left); err != nil {
		return err
	}
	if left > 0 {
		return fmt.Errorf("of %d rows the words are not known", left)
	}
	if _, err := admin.Exec(ctx, strings.ReplaceAll(plainRights, "comity_app", pgx.Identifier{u.User}.Sanitize())); err != nil {
		return err
	}
	_, token := w.owner.Session()
	if w.officer, err = officerOf(token); err != nil {
		return err
	}
	w.viewer = rows.Viewer{State: string(w.officer.State), Keys: storage.ViewerKeys(w.officer)}
	_, err = admin.Exec(ctx, `VACUUM ANALYZE`)
	return err
}

// words fills in what an officer reads.
func (w *world) words(ctx context.Context, admin *pgx.Conn, who string) error {
	c, err := w.login(ctx, who)
	if err != nil {
		return err
	}
	after := ""
	for {
		page, err := c.Cases(ctx, client.CaseFilter{}, "", 50, after)
		if err != nil {
			return err
		}
		var b pgx.Batch
		for _, k := range page.Nodes {
			b.Queue(`UPDATE plain.cases SET title = $2, summary = $3 WHERE id = $1`, k.ID, k.Title, k.Summary)
			entries, err := c.Entries(ctx, k.ID, "", 100, "")
			if err != nil {
				return err
			}
			for _, e := range entries.Nodes {
				b.Queue(`UPDATE plain.entries SET text = $2 WHERE id = $1`, e.ID, e.Text)
			}
			found, err := c.Exhibits(ctx, k.ID, "", 100, "")
			if err != nil {
				return err
			}
			for _, e := range found.Nodes {
				b.Queue(`UPDATE plain.evidence SET name = $2 WHERE id = $1`, e.ID, e.Name)
			}
		}
		if err := admin.SendBatch(ctx, &b).Close(); err != nil {
			return err
		}
		if !page.Info.HasNext {
			return nil
		}
		after = page.Info.End
	}
}

const plainTables = `
CREATE SCHEMA plain;
CREATE TABLE plain.cases AS SELECT id, state, agency, owner, category, status, '' AS title, '' AS summary, reserved, version::int AS version, updated_at FROM public.cases;
CREATE TABLE plain.assignments AS SELECT case_id, viewer FROM public.assignments;
CREATE TABLE plain.evidence AS SELECT id, case_id, '' AS name, media_type, size::int AS size, status, created_at FROM public.evidence;
CREATE TABLE plain.entries AS SELECT id, case_id, author, '' AS text, created_at, NULL::text AS key FROM public.entries;
CREATE TABLE plain.custody AS SELECT id, evidence_id, seq, kind, function, state FROM public.custody;
ALTER TABLE plain.cases ADD PRIMARY KEY (id);
ALTER TABLE plain.assignments ADD PRIMARY KEY (case_id, viewer);
ALTER TABLE plain.evidence ADD PRIMARY KEY (id);
ALTER TABLE plain.entries ADD PRIMARY KEY (id), ADD UNIQUE (key);
ALTER TABLE plain.custody ADD PRIMARY KEY (id);
CREATE INDEX ON plain.cases (state, updated_at DESC, id DESC);
CREATE INDEX ON plain.evidence (case_id, created_at, id);
CREATE INDEX ON plain.entries (case_id, created_at, id);
CREATE INDEX ON plain.custody (evidence_id, seq);

-- What PostGraphile builds its API over: it takes the viewer from settings.
CREATE SCHEMA api;
CREATE VIEW api.cases AS SELECT c.* FROM plain.cases c WHERE c.state = current_setting('bench.state')
	AND EXISTS (SELECT 1 FROM plain.assignments a WHERE a.case_id = c.id AND a.viewer = ANY (current_setting('bench.viewers')::text[]));
CREATE VIEW api.evidence AS SELECT * FROM plain.evidence;
CREATE VIEW api.entries AS SELECT id, case_id, author, text, created_at FROM plain.entries;
CREATE VIEW api.custody AS SELECT * FROM plain.custody;
COMMENT ON VIEW api.cases IS E'@name case\n@primaryKey id';
COMMENT ON VIEW api.evidence IS E'@name exhibit\n@primaryKey id\n@foreignKey (case_id) references api.cases (id)|@foreignFieldName evidence';
COMMENT ON VIEW api.entries IS E'@name entry\n@primaryKey id\n@foreignKey (case_id) references api.cases (id)|@foreignFieldName entries';
COMMENT ON VIEW api.custody IS E'@name event\n@primaryKey id\n@foreignKey (evidence_id) references api.evidence (id)|@foreignFieldName events|@foreignSimpleFieldName custody|@simpleCollections only';
CREATE FUNCTION api.entry_add(text text, key text, of text) RETURNS SETOF api.entries LANGUAGE sql VOLATILE AS
	$$ INSERT INTO plain.entries (id, case_id, author, text, created_at, key) SELECT 'entry_' || gen_random_uuid(), c.id, c.owner, entry_add.text,
		(extract(epoch FROM now()) * 1000000)::bigint, entry_add.key FROM api.cases c WHERE c.id = entry_add.of RETURNING id, case_id, author, text, created_at $$;
`

const plainRights = `
GRANT USAGE ON SCHEMA plain, api TO comity_app;
GRANT SELECT ON ALL TABLES IN SCHEMA plain, api TO comity_app;
GRANT INSERT ON plain.entries TO comity_app;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA api TO comity_app;
`

// databasePID is that of PostgreSQL's first process.
func (w *world) databasePID(dir string) (int, error) {
	raw, err := os.ReadFile(filepath.Join(dir, "postgres", "data", "postmaster.pid"))
	if err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(string(raw), "\n")
	return strconv.Atoi(first)
}
