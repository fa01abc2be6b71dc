package stack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"

	"github.com/comity-platform/comity/internal/durable"
)

// fastShutdown makes PostgreSQL disconnect everybody and end in good order (pg_ctl(1)).
const fastShutdown = syscall.SIGINT

const superuser = "postgres"

// Postgres is a real PostgreSQL cluster of its own, reachable over 127.0.0.1
// with a password (SCRAM) and in no other way. A Postgres made by
// [ConnectPostgres] cannot be stopped. Started by root it runs as the user
// postgres, otherwise as oneself.
type Postgres struct {
	*component
	bin      string // folder of the server's programs
	admin    *url.URL
	password string
	user     *syscall.Credential // nil: our own
}

type postgresSecret struct {
	Port     int    `json:"port"`
	Password string `json:"password"`
}

// StartPostgres starts a PostgreSQL in dir and answers once it takes
// connections. Unless o.Durable, it leaves flushing to the operating system:
// data survives a crash of the server but not of the machine.
func StartPostgres(ctx context.Context, dir string, o Options) (*Postgres, error) {
	bin, err := postgresPrograms()
	if err != nil {
		return nil, err
	}
	dir, err = filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	p := &Postgres{bin: bin}
	// SIGQUIT is PostgreSQL's "immediate": it ends as in a crash, yet takes its
	// children and shared memory along, which SIGKILL would leave behind.
	p.component = &component{name: "postgres", dir: dir, opts: o, stopSig: fastShutdown, deathSig: syscall.SIGQUIT}
	p.command = p.serve
	p.ready = func(ctx context.Context) error { return p.exec(ctx, p.AdminDSN()) }
	var secret postgresSecret
	fresh, running, err := p.open(&secret)
	if err != nil {
		return nil, err
	}
	if p.user, err = postgresUser(dir); err != nil {
		return nil, err
	}
	if fresh {
		p.password = randomSecret()
		if err := p.initdb(ctx); err != nil {
			return nil, err
		}
		if err := p.runFirst(ctx); err != nil {
			return nil, err
		}
		return p, p.save(postgresSecret{p.port, p.password})
	}
	p.port, p.password = secret.Port, secret.Password
	p.setAdmin()
	if running {
		return p, p.ready(ctx)
	}
	return p, p.Start(ctx)
}

// ConnectPostgres is a PostgreSQL that somebody else runs; adminDSN is a
// postgres:// URL of a superuser.
func ConnectPostgres(adminDSN string) (*Postgres, error) {
	u, err := url.Parse(adminDSN)
	if err != nil || u.Scheme != "postgres" || u.User == nil {
		return nil, errors.New("the address of PostgreSQL is not a postgres:// URL with a user")
	}
	bin, err := postgresPrograms()
	if err != nil {
		return nil, err
	}
	return &Postgres{component: connected("postgres"), bin: bin, admin: u}, nil
}

// AdminDSN is the superuser's address of the database postgres. It holds the password.
func (p *Postgres) AdminDSN() string { return p.admin.String() }

// DSN is the superuser's address of the database db. It holds the password.
func (p *Postgres) DSN(db string) string { return p.dsn(db, p.admin.User) }

// Address is the server's host and port.
func (p *Postgres) Address() string { return p.admin.Host }

func (p *Postgres) dsn(db string, who *url.Userinfo) string {
	u := *p.admin
	u.User, u.Path = who, "/"+db
	return u.String()
}

func (p *Postgres) setAdmin() {
	p.admin = &url.URL{Scheme: "postgres", User: url.UserPassword(superuser, p.password), Host: p.address(), Path: "/postgres", RawQuery: "sslmode=disable"}
}

func (p *Postgres) data() string { return filepath.Join(p.dir, "data") }

// initdb makes the cluster.
func (p *Postgres) initdb(ctx context.Context) error {
	// What a start that was cut short may have left.
	if err := os.RemoveAll(p.data()); err != nil {
		return fmt.Errorf("clear the directory of postgres: %w", err)
	}
	if err := os.Mkdir(p.data(), 0o700); err != nil {
		return fmt.Errorf("make the directory of postgres: %w", err)
	}
	pwfile := filepath.Join(p.dir, "initdb-password")
	defer os.Remove(pwfile)
	if err := durable.WriteFile(pwfile, []byte(p.password), 0o600); err != nil {
		return fmt.Errorf("write the password for initdb: %w", err)
	}
	if p.user != nil {
		for _, path := range []string{p.data(), pwfile} {
			if err := os.Chown(path, int(p.user.Uid), int(p.user.Gid)); err != nil {
				return fmt.Errorf("give the directory to the user postgres: %w", err)
			}
		}
	}
	args := []string{"-D", p.data(), "-U", superuser, "--auth=scram-sha-256", "--pwfile=" + pwfile, "--encoding=UTF8", "--locale=C"}
	if !p.opts.Durable {
		args = append(args, "--no-sync")
	}
	cmd := exec.CommandContext(ctx, filepath.Join(p.bin, "initdb"), args...)
	cmd.Dir, cmd.Env = p.dir, p.env()
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.user}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return nil
}

func (p *Postgres) serve() (Command, error) {
	p.setAdmin()
	settings := []string{
		"listen_addresses=127.0.0.1", "port=" + strconv.Itoa(p.port), "unix_socket_directories=",
		"max_connections=300", "timezone=UTC", "log_timezone=UTC",
		// PostgreSQL's manual advises a quarter of the machine's memory; its own
		// default of 128 MB holds not even the indexes of a large union.
		"shared_buffers=512MB",
		// A statement in the log could hold a password or a planted secret.
		"log_min_error_statement=panic",
	}
	if !p.opts.Durable {
		settings = append(settings, "fsync=off", "full_page_writes=off", "wal_level=minimal", "max_wal_senders=0", "max_wal_size=256MB")
	}
	c := Command{Path: filepath.Join(p.bin, "postgres"), Args: []string{"-D", p.data()}, user: p.user}
	for _, s := range settings {
		c.Args = append(c.Args, "-c", s)
	}
	return c, nil
}

// Start runs a stopped PostgreSQL again, on the same address and data.
func (p *Postgres) Start(ctx context.Context) error { return p.run(ctx) }

// Restart stops and starts PostgreSQL; open connections break.
func (p *Postgres) Restart(ctx context.Context) error {
	if err := p.Stop(ctx); err != nil {
		return err
	}
	return p.Start(ctx)
}

// Database is one database with the two roles that Comity uses.
type Database struct {
	Name     string
	Owner    string // role that owns the database and its schema public, for migrations
	App      string // role that serves: owns nothing, no BYPASSRLS, no rights but what Owner grants it
	OwnerDSN string
	AppDSN   string

	copied bool // its roles are another one's
}

// NewDatabase makes a fresh database with roles of its own.
func (p *Postgres) NewDatabase(ctx context.Context) (*Database, error) {
	name := "comity_" + randomSecret()[:12]
	ownerPassword, appPassword := randomSecret(), randomSecret()
	d := &Database{Name: name, Owner: name + "_owner", App: name + "_app"}
	d.OwnerDSN = p.dsn(name, url.UserPassword(d.Owner, ownerPassword))
	d.AppDSN = p.dsn(name, url.UserPassword(d.App, appPassword))
	err := p.exec(ctx, p.AdminDSN(),
		fmt.Sprintf(`CREATE ROLE %s LOGIN PASSWORD '%s'`, d.Owner, ownerPassword),
		fmt.Sprintf(`CREATE ROLE %s LOGIN PASSWORD '%s'`, d.App, appPassword),
		fmt.Sprintf(`CREATE DATABASE %s OWNER %s`, name, d.Owner),
		fmt.Sprintf(`REVOKE ALL ON DATABASE %s FROM PUBLIC`, name),
		fmt.Sprintf(`GRANT CONNECT ON DATABASE %s TO %s`, name, d.App),
	)
	if err == nil {
		err = p.exec(ctx, p.DSN(name),
			fmt.Sprintf(`ALTER SCHEMA public OWNER TO %s`, d.Owner),
			`REVOKE ALL ON SCHEMA public FROM PUBLIC`,
			fmt.Sprintf(`GRANT USAGE ON SCHEMA public TO %s`, d.App),
		)
	}
	if err != nil {
		return nil, fmt.Errorf("make database %s: %w", name, err)
	}
	return d, nil
}

// CopyDatabase makes a database of what another one holds, to which nobody may be
// connected meanwhile. Both have the same roles, so that the other one is dropped last.
func (p *Postgres) CopyDatabase(ctx context.Context, from *Database) (*Database, error) {
	owner, err := url.Parse(from.OwnerDSN)
	if err != nil {
		return nil, err
	}
	app, err := url.Parse(from.AppDSN)
	if err != nil {
		return nil, err
	}
	name := "comity_" + randomSecret()[:12]
	d := &Database{Name: name, Owner: from.Owner, App: from.App, OwnerDSN: p.dsn(name, owner.User), AppDSN: p.dsn(name, app.User), copied: true}
	err = p.exec(ctx, p.AdminDSN(),
		fmt.Sprintf(`CREATE DATABASE %s OWNER %s TEMPLATE %s`, name, d.Owner, from.Name),
		fmt.Sprintf(`REVOKE ALL ON DATABASE %s FROM PUBLIC`, name), // these two are no part of a template
		fmt.Sprintf(`GRANT CONNECT ON DATABASE %s TO %s`, name, d.App),
	)
	if err != nil {
		return nil, fmt.Errorf("copy database %s: %w", from.Name, err)
	}
	return d, nil
}

// Drop removes a database that NewDatabase or CopyDatabase made, with the roles
// that it does not share and whoever is still connected to it.
func (p *Postgres) Drop(ctx context.Context, d *Database) error {
	statements := []string{fmt.Sprintf(`DROP DATABASE %s WITH (FORCE)`, d.Name)}
	if !d.copied {
		statements = append(statements, fmt.Sprintf(`DROP ROLE %s`, d.App), fmt.Sprintf(`DROP ROLE %s`, d.Owner))
	}
	if err := p.exec(ctx, p.AdminDSN(), statements...); err != nil {
		return fmt.Errorf("drop database %s: %w", d.Name, err)
	}
	return nil
}

func (p *Postgres) exec(ctx context.Context, dsn string, statements ...string) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for _, s := range statements {
		if _, err := conn.Exec(ctx, s); err != nil {
			return err
		}
	}
	return conn.Ping(ctx)
}

// Dump is the whole database db as SQL text, by pg_dump.
func (p *Postgres) Dump(ctx context.Context, db string) ([]byte, error) {
	password, _ := p.admin.User.Password()
	cmd := exec.CommandContext(ctx, filepath.Join(p.bin, "pg_dump"), "--dbname="+p.dsn(db, url.User(p.admin.User.Username())))
	// The password goes where other users cannot read it, unlike arguments.
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "PGPASSWORD=" + password}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("dump database %s: %w: %s", db, err, bytes.TrimSpace(stderr.Bytes()))
	}
	return out, nil
}

// postgresPrograms is the folder of initdb and postgres: where the one on PATH
// really lies, else the newest version of Debian's packages, which keep them off PATH.
func postgresPrograms() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil && executable(filepath.Join(filepath.Dir(path), "postgres")) {
			return filepath.Dir(path), nil
		}
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // the pattern is well-formed
	slices.SortFunc(found, func(a, b string) int { return postgresMajor(a) - postgresMajor(b) })
	if len(found) == 0 {
		return "", errors.New("PostgreSQL's initdb is neither on PATH nor under /usr/lib/postgresql: install it (Debian: apt-get install postgresql)")
	}
	return filepath.Dir(found[len(found)-1]), nil
}

func postgresMajor(initdb string) int {
	n, _ := strconv.Atoi(strings.Split(initdb, "/")[4]) // 0 for odd names
	return n
}

// postgresUser is whom the server runs as: PostgreSQL refuses to run as root.
func postgresUser(dir string) (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("as root, PostgreSQL is run by the user postgres: %w", err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	for at := dir; ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		if err != nil {
			return nil, err
		}
		owner, ok := info.Sys().(*syscall.Stat_t)
		if info.Mode()&0o001 == 0 && !(ok && uint64(owner.Uid) == uid && info.Mode()&0o100 != 0) {
			return nil, fmt.Errorf("the user postgres cannot enter %s, which is on the way to its data: %w", at, fs.ErrPermission)
		}
		if at == filepath.Dir(at) {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
}
