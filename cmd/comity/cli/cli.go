// Package cli is the command line of Comity: a thin layer over package client
// that gives people tables and programs JSON. [Main] may be called in-process.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	kongcompletion "github.com/jotaen/kong-completion"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
)

// commands is the one struct that flags, environment and configuration file fill.
type commands struct {
	Profile string `help:"Act with this login; without it, the one last logged in." placeholder:"NAME"`
	JSON    bool   `name:"json" help:"Print JSON for programs instead of tables."`
	Quiet   bool   `short:"q" help:"Show no progress."`

	Login       loginCmd       `cmd:"" help:"Log an officer in."`
	Logout      logoutCmd      `cmd:"" help:"Forget a token and its session key."`
	Whoami      whoamiCmd      `cmd:"" help:"Show who is logged in."`
	Case        caseCmd        `cmd:"" help:"File, read and work on cases."`
	Evidence    evidenceCmd    `cmd:"" help:"Upload, fetch and trace exhibits."`
	Request     requestCmd     `cmd:"" help:"Put requests to other states, and answer theirs."`
	Release     releaseCmd     `cmd:"" help:"Record and list release decisions."`
	Grant       grantCmd       `cmd:"" help:"Grant access to other states, narrow and revoke it."`
	Proposal    proposalCmd    `cmd:"" help:"Read, approve and decline what takes two officers."`
	Mandate     mandateCmd     `cmd:"" help:"Give liaisons dated authority to grant."`
	Team        teamCmd        `cmd:"" help:"Contribute cases to a joint team, and grant them to its members."`
	Duty        dutyCmd        `cmd:"" help:"Say who is on duty at the own state's contact point, and ask who is at another's."`
	Hold        holdCmd        `cmd:"" help:"Keep cases from being withdrawn."`
	Annotation  annotationCmd  `cmd:"" help:"Annotate other states' cases, and answer what they add to own ones."`
	Referral    referralCmd    `cmd:"" help:"Offer matters to states that are better placed, and take theirs."`
	Undertaking undertakingCmd `cmd:"" help:"Undertake reciprocity for one case, and accept it."`
	Notice      noticeCmd      `cmd:"" help:"Have what was wrong corrected, restricted or erased wherever it was read."`
	Disclosure  disclosureCmd  `cmd:"" help:"Tell of compelled disclosures, and object to them."`

	Watch    watchCmd    `cmd:"" help:"Print what happens as it happens."`
	Explain  explainCmd  `cmd:"" help:"Say why an act is permitted or denied, and what would cure it."`
	Log      logCmd      `cmd:"" help:"Read the record of acts."`
	State    stateCmd    `cmd:"" help:"Show the member states."`
	Category categoryCmd `cmd:"" help:"Show the kinds of crime that can be shared."`
	Manifest manifestCmd `cmd:"" help:"Make, sign, verify, compare and publish states' manifests."`
	Witness  witnessCmd  `cmd:"" help:"Run the state's own witness of the record of acts."`

	Completion kongcompletion.Completion `cmd:"" help:"Print how to turn on tab completion in the shell."`
	Version    versionCmd                `cmd:"" help:"Print the version."`
}

const description = `The agency's command line of Comity, an exchange of cases between sovereign states.

Every flag can also be given in the environment (--parallel as COMITY_PARALLEL) or in config.json in the
directory of logins. That directory is comity in the user's configuration directory, or COMITY_HOME.
Keys, tokens and passwords are never given as arguments.

Long texts can be read from a file: --narrative @report.txt
Words such as INVESTIGATION are taken in any case; comity category list shows the kinds of crime.

Exit codes:
  0    done
  1    internal error
  2    wrong usage or invalid input
  3    not found, or not to be seen
  4    denied by an Article
  5    conflict: the record changed meanwhile
  6    not logged in, or the token is no longer taken
  7    something is unreachable just now; nothing was lost
  8    a limit was passed, or a disk is full
  9    verification failed: what was received is not what it claims to be
  130  interrupted`

// run is what a command works with.
type run struct {
	ctx    context.Context
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	home   string
	getenv func(string) string
	*commands
	model *kong.Context // of the command that runs
}

// left unwinds kong where it would end the process.
type left struct{ code int }

// Main runs one command and gives the exit code. getenv is the environment.
func Main(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, getenv func(string) string) (code int) {
	defer func() {
		switch fault := recover().(type) {
		case nil:
		case left:
			code = fault.code
		default:
			panic(fault) // never exit code 0 for what did not end well
		}
	}()
	r := &run{ctx: ctx, stdin: stdin, stdout: stdout, stderr: stderr, getenv: getenv, commands: &commands{}}
	if err := r.execute(args); err != nil {
		return r.fail(err)
	}
	return 0
}

func (r *run) execute(args []string) error {
	home, err := homeDir(r.getenv)
	if err != nil {
		return err
	}
	r.home = home
	file, err := configFile(filepath.Join(home, "config.json"))
	if err != nil {
		return err
	}
	parser, err := r.parser(kong.Resolvers(file, environment(r.getenv)))
	if err != nil {
		return err
	}
	if r.getenv("COMP_LINE") != "" {
		r.offer(parser.Model.Node)
		kongcompletion.Register(parser)
	}
	r.model, err = parser.Parse(args)
	if err != nil {
		return &usageError{err}
	}
	return r.model.Run(r)
}

func (r *run) parser(more ...kong.Option) (*kong.Kong, error) {
	options := append(mappers(), kong.Name("comity"), kong.Description(description), kong.Writers(r.stdout, r.stderr),
		kong.Exit(func(code int) { panic(left{code}) }), kong.UsageOnError(), kong.ValueFormatter(formatHelp),
		kong.ConfigureHelp(kong.HelpOptions{NoExpandSubcommands: true, Compact: true, WrapUpperBound: 110}))
	return kong.New(r.commands, append(options, more...)...)
}

func homeDir(getenv func(string) string) (string, error) {
	if home := getenv("COMITY_HOME"); home != "" {
		return filepath.Abs(home)
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("there is no place for logins: %w; set COMITY_HOME", err)
	}
	return filepath.Join(dir, "comity"), nil
}

// environment resolves flags from the environment given to [Main].
func environment(getenv func(string) string) kong.Resolver {
	return kong.ResolverFunc(func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
		if v := getenv("COMITY_" + strings.ToUpper(strings.ReplaceAll(flag.Name, "-", "_"))); v != "" {
			return v, nil
		}
		return nil, nil
	})
}

// configFile resolves flags from a JSON object of flags, by their names.
func configFile(name string) (kong.Resolver, error) {
	b, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		b, err = []byte("{}"), nil
	}
	if err != nil {
		return nil, err
	}
	values := map[string]any{}
	if err := json.Unmarshal(b, &values); err != nil {
		return nil, &usageError{fmt.Errorf("%s: %w", name, err)}
	}
	return kong.ResolverFunc(func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
		return values[flag.Name], nil
	}), nil
}

// client makes a client for the login in use.
func (r *run) client() (*client.Client, error) {
	p, err := r.profile()
	if err != nil {
		return nil, err
	}
	return p.client(r)
}

// expected is the version that an act rests on: the one given, or that of the
// record as it is read now.
func expected(given int, read func() (int, error)) (int, error) {
	if given > 0 {
		return given, nil
	}
	return read()
}

// text is a flag's text, or with @ the content of a file; @@ stands for one @.
type text string

// Decode implements [kong.MapperValue].
func (t *text) Decode(ctx *kong.DecodeContext) error {
	var s string
	if err := ctx.Scan.PopValueInto("text", &s); err != nil {
		return err
	}
	switch {
	case strings.HasPrefix(s, "@@"):
		s = s[1:]
	case strings.HasPrefix(s, "@"):
		b, err := os.ReadFile(s[1:])
		if err != nil {
			return err
		}
		s = strings.TrimRight(string(b), "\n")
	}
	*t = text(s)
	return nil
}

// given is the text, "" when the flag was not given.
func (t *text) given() string {
	if t == nil {
		return ""
	}
	return string(*t)
}

// instant is a flag's point in time: RFC 3339, a date (its end, in UTC), or a
// duration from now such as 7d or 12h.
type instant struct{ time.Time }

// Decode implements [kong.MapperValue].
func (i *instant) Decode(ctx *kong.DecodeContext) error {
	var s string
	if err := ctx.Scan.PopValueInto("time", &s); err != nil {
		return err
	}
	at, err := parseInstant(s, time.Now())
	*i = instant{at}
	return err
}

// parseDated reads a point in time that is written as one.
func parseDated(s string) (time.Time, bool) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t.UTC().Truncate(time.Second), true
	}
	t, err := time.Parse(time.DateOnly, s)
	return t.Add(24*time.Hour - time.Second), err == nil
}

func parseInstant(s string, now time.Time) (time.Time, error) {
	if t, dated := parseDated(s); dated {
		return t, nil
	}
	var days int
	if n, err := fmt.Sscanf(s, "%dd", &days); err == nil && n == 1 && s == fmt.Sprintf("%dd", days) && days > 0 && days <= 36600 {
		return now.UTC().AddDate(0, 0, days).Truncate(time.Second), nil
	}
	if d, err := time.ParseDuration(s); err == nil && d > 0 {
		return now.UTC().Add(d).Truncate(time.Second), nil
	}
	return time.Time{}, fmt.Errorf("%q is no time: write 2026-11-22, 2026-11-22T09:00:00Z, 7d or 12h", s)
}

// span is a flag's length of time: a duration such as 30d or 12h.
type span struct{ time.Duration }

// Decode implements [kong.MapperValue].
func (d *span) Decode(ctx *kong.DecodeContext) error {
	var s string
	if err := ctx.Scan.PopValueInto("duration", &s); err != nil {
		return err
	}
	now := time.Unix(0, 0).UTC()
	until, err := parseInstant(s, now)
	if _, dated := parseDated(s); err != nil || dated {
		return fmt.Errorf("%q is no length of time: write 30d or 12h", s)
	}
	*d = span{until.Sub(now)}
	return nil
}

// past is a flag's point in time that lies back: RFC 3339, a date (its
// beginning, in UTC), or a duration before now such as 7d or 12h.
type past struct{ time.Time }

// Decode implements [kong.MapperValue].
func (p *past) Decode(ctx *kong.DecodeContext) error {
	var s string
	if err := ctx.Scan.PopValueInto("time", &s); err != nil {
		return err
	}
	at, err := parsePast(s, time.Now())
	*p = past{at}
	return err
}

func parsePast(s string, now time.Time) (time.Time, error) {
	now = now.Truncate(time.Second) // so that 30d is never a second less
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		return t, nil
	}
	t, err := parseInstant(s, now)
	if _, written := time.Parse(time.RFC3339, s); err == nil && written != nil {
		t = now.UTC().Add(now.Sub(t))
	}
	return t, err
}

// classifiedFlag declares how words are classified.
type classifiedFlag struct {
	Classification comity.Classification `help:"How the words are classified as a state secret; without it, not at all. Above the union's ceiling they are refused." placeholder:"LEVEL"`
}

// markingFlags are the labels of a record.
type markingFlags struct {
	TLP      comity.TLP      `name:"tlp" help:"TLP 2.0 label." placeholder:"LABEL"`
	PAP      comity.PAP      `name:"pap" help:"PAP label." placeholder:"LABEL"`
	Handling comity.Handling `help:"Handling code." placeholder:"CODE"`
}

// over gives the marking with what the flags leave out taken from m, nil when
// they say nothing.
func (f markingFlags) over(m comity.Marking) *comity.Marking {
	if f == (markingFlags{}) {
		return nil
	}
	if f.TLP != "" {
		m.TLP = f.TLP
	}
	if f.PAP != "" {
		m.PAP = f.PAP
	}
	if f.Handling != "" {
		m.Handling = f.Handling
	}
	return &m
}

// pageFlags bound a list.
type pageFlags struct {
	Limit int `help:"How many to list at most." default:"50" placeholder:"N"`
}

// list gathers as many as the flags allow.
func list[T any](f pageFlags, page func(first int, after string) (client.Page[T], error)) ([]T, *int, bool, error) {
	if f.Limit < 1 {
		return nil, nil, false, usagef("--limit %d: a list shows one record at least", f.Limit)
	}
	var all []T
	var total *int
	for after := ""; len(all) < f.Limit; {
		p, err := page(min(client.MaxPage, f.Limit-len(all)), after)
		if err != nil {
			return nil, nil, false, err
		}
		all = append(all, p.Nodes...)
		if total == nil {
			total = p.Total
		}
		if !p.Info.HasNext || p.Info.End == "" {
			return all, total, false, nil
		}
		after = p.Info.End
	}
	return all, total, true, nil
}
