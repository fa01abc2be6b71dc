package cli

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
)

type evidenceCmd struct {
	Put     evidencePutCmd     `cmd:"" help:"Upload files as exhibits of a case."`
	Get     evidenceGetCmd     `cmd:"" help:"Open an exhibit, fetch, decrypt and verify it."`
	List    evidenceListCmd    `cmd:"" help:"List a case's exhibits."`
	Custody evidenceCustodyCmd `cmd:"" help:"Show and verify an exhibit's chain of custody."`
	Receipt evidenceReceiptCmd `cmd:"" help:"Write the state's receipt of an exhibit."`
	Verify  evidenceVerifyCmd  `cmd:"" help:"Hold a file of this computer against an exhibit's receipt, offline."`
}

type evidencePutCmd struct {
	Case      comity.ID `arg:"" help:"The case, one of the own state."`
	Files     []string  `arg:"" name:"file" help:"The files." type:"path"`
	Name      string    `help:"Another name than the file's; with one file." placeholder:"NAME"`
	MediaType string    `help:"Media type; without it, what the file's extension says." placeholder:"TYPE"`
	Original  bool      `help:"An original, not a working copy."`
	Note      text      `help:"A note." placeholder:"TEXT"`
	classifiedFlag
	ClaimMD5  string `name:"claim-md5" help:"MD5 of the acquisition tool; the file must have it." placeholder:"HEX"`
	ClaimSHA1 string `name:"claim-sha1" help:"SHA-1 of the acquisition tool; the file must have it." placeholder:"HEX"`
	KeepClaim bool   `help:"Keep a claimed hash that is not the file's, as where it is of the whole medium."`
	Again     bool   `help:"Upload a file even if its bytes are an exhibit of the case already."`
	Parallel  int    `help:"Parts in flight at once; each takes up to 64 MiB of memory." default:"2" placeholder:"N"`
}

// Help says what happens, and shows examples.
func (evidencePutCmd) Help() string {
	return `A file is sealed on this computer, part by part, and sent directly to the store of the own state. When
the command is interrupted, the same command with the same file goes on with what is missing. A file that
changes meanwhile is refused, and nothing is completed; so is one whose claimed hash is another's. All files
are looked at before the first is sent; one that fails later does not keep the others back, and the exit
code is the first failure's.

Examples:
  comity evidence put case1_… disk.img --original --claim-md5 9e107d9d372bb6826bd81d3542a419d6
  comity evidence put case1_… *.pcap --parallel 4`
}

func (e evidencePutCmd) Run(r *run) error {
	if len(e.Files) > 1 && count(e.Name != "", e.ClaimMD5 != "", e.ClaimSHA1 != "") > 0 {
		return usagef("--name and claimed hashes are those of one file; give one file at a time")
	}
	p, err := r.profile()
	if err != nil {
		return err
	}
	c, err := p.client(r)
	if err != nil {
		return err
	}
	options := func(file string) client.PutOptions {
		return client.PutOptions{Case: e.Case, Path: file, Name: e.Name, MediaType: e.MediaType, Original: e.Original,
			Note: string(e.Note), Classification: e.Classification, ClaimMD5: e.ClaimMD5, ClaimSHA1: e.ClaimSHA1, KeepClaims: e.KeepClaim, Again: e.Again,
			Parallel: e.Parallel, StateDir: filepath.Join(p.dir, "uploads")}
	}
	var failed []error
	for _, file := range e.Files {
		if err := c.CheckPut(options(file)); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", file, err))
		}
	}
	if len(failed) > 0 {
		return errors.Join(append(failed, e.untouched(len(e.Files)))...)
	}
	var done []*client.Exhibit
	for i, file := range e.Files {
		t := r.transfer(filepath.Base(file))
		o := options(file)
		o.Progress = t.tell
		x, err := c.PutEvidence(r.ctx, o)
		moved := t.end()
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", file, err))
			if r.ctx.Err() != nil {
				failed = append(failed, e.untouched(len(e.Files)-i-1))
				break
			}
			continue
		}
		if !r.Quiet && !r.JSON {
			fmt.Fprintf(r.stderr, "%s: %s\n", clean(x.Name), moved)
		}
		done = append(done, x)
	}
	if len(failed) > 0 && len(e.Files) > 1 {
		failed = append(failed, fmt.Errorf("%d of %d files were uploaded", len(done), len(e.Files)))
	}
	return errors.Join(append(failed, r.uploaded(done))...)
}

// untouched says how many files were not begun, nil for none.
func (e evidencePutCmd) untouched(n int) error {
	if n == 0 || len(e.Files) == 1 {
		return nil
	}
	return fmt.Errorf("%d of %d files were not begun", n, len(e.Files))
}

func (r *run) uploaded(done []*client.Exhibit) error {
	if len(done) == 0 {
		return nil
	}
	return r.print(done, func(w io.Writer) {
		for i, x := range done {
			if i > 0 {
				fmt.Fprintln(w)
			}
			showExhibit(w, x)
		}
	})
}

func showExhibit(w io.Writer, x *client.Exhibit) {
	field(w, "exhibit", x.Evidence)
	field(w, "case", x.Case)
	field(w, "name", x.Name)
	field(w, "file", x.Path)
	field(w, "size", fmt.Sprintf("%s (%d bytes) in %d parts", size(x.Size), x.Size, x.Parts))
	if x.Resumed > 0 {
		field(w, "resumed", size(x.Resumed)+" were in the store already")
	}
	field(w, "SHA-256", x.PlainSHA256)
	switch x.Claims {
	case client.ClaimsMatch:
		field(w, "claims", "match the file")
	case client.ClaimsDiffer:
		field(w, "claims", "differ from the file, and were kept as they are")
	}
	field(w, "receipt", "verified, by the statement key of the exhibit's state")
}

type evidenceGetCmd struct {
	Evidence comity.ID      `arg:"" help:"The exhibit."`
	Purpose  comity.Purpose `required:"" help:"For what it is opened; abroad it must be the grant's (Article 9)." placeholder:"PURPOSE"`
	Grant    comity.ID      `help:"The grant; without it, the one under which the exhibit is shown." placeholder:"ID"`
	Output   string         `short:"o" help:"A file that does not exist yet, or a directory." default:"." placeholder:"PATH"`
	Parallel int            `help:"Parts in flight at once." default:"2" placeholder:"N"`
}

// Help says what is verified, and shows an example.
func (evidenceGetCmd) Help() string {
	return `The originator's custodian seals the exhibit's key to a key made for this one opening, over the officer's
signed act; the opening stands in the record of acts. The file takes its name only when the key, every
part, the ciphertext root, the plaintext's hash and the state's receipt, which signs its name and type too,
hold. Nothing is overwritten.
Until then the plaintext is in .EVIDENCE.*.partial beside it; should this process be killed, that file stays
until the exhibit is fetched into the same directory again, or you remove it.

Example:
  comity evidence get evidence1_… --purpose INVESTIGATION -o disk.img`
}

func (e evidenceGetCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	t := r.transfer(string(e.Evidence))
	x, err := c.GetEvidence(r.ctx, client.GetOptions{Evidence: e.Evidence, Purpose: e.Purpose, Grant: e.Grant, Dest: e.Output,
		Parallel: e.Parallel, Progress: t.tell})
	moved := t.end()
	if err != nil {
		return err
	}
	if !r.Quiet && !r.JSON {
		fmt.Fprintf(r.stderr, "%s: %s\n", clean(x.Name), moved)
	}
	return r.print(x, func(w io.Writer) { showExhibit(w, x) })
}

type evidenceListCmd struct {
	Case    comity.ID      `arg:"" help:"The case."`
	Purpose comity.Purpose `help:"For what another state's case is read (Article 9)." placeholder:"PURPOSE"`
	pageFlags
}

func (e evidenceListCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	all, total, cut, err := list(e.pageFlags, func(first int, after string) (client.Page[client.Evidence], error) {
		return c.Exhibits(r.ctx, e.Case, e.Purpose, first, after)
	})
	if err != nil {
		return err
	}
	defer r.more(cut, len(all), total)
	return r.print(nonNil(all), func(w io.Writer) {
		row(w, "EXHIBIT", "STATUS", "ORIGINAL", "SIZE", "TYPE", "COMPLETED", "NAME", "SHA-256", "RECEIPT")
		for _, x := range all {
			row(w, x.ID, x.Status, x.Original, size(x.Size), x.MediaType, x.CompletedAt, short(x.Name, 60), x.PlainSHA256, x.Check)
		}
	})
}

type evidenceCustodyCmd struct {
	Evidence comity.ID      `arg:"" help:"The exhibit."`
	Purpose  comity.Purpose `help:"For what another state's exhibit is read (Article 9)." placeholder:"PURPOSE"`
}

// Help says what is shown.
func (evidenceCustodyCmd) Help() string {
	return `A grantee sees the originator's events and its own. Each state's events are a chain, which is verified with
the signed acts and the state's receipt of the sealing; for authorities and liaisons also against the record
of acts. What does not hold is named, and the exit code is 9.

A signed act shows that the holder of its key signed it: for the sealing the state's receipt says whose key
that is, for other events the exchange. An event that was taken away together with its leaves of the record
of acts is not missed here, but by comity log verify if that has seen them.

Examples:
  comity evidence custody evidence1_…
  comity evidence custody evidence1_… --purpose INVESTIGATION --json`
}

func (e evidenceCustodyCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	x, err := c.Evidence(r.ctx, e.Evidence, e.Purpose)
	if err != nil {
		return err
	}
	err = x.CustodyFault()
	looked := false
	if err == nil {
		looked, err = c.CustodyInLog(r.ctx, x)
	}
	if err == nil && !looked && !r.Quiet && !r.JSON {
		fmt.Fprintln(r.stderr, "not compared with the record of acts, which authorities, auditors and liaisons read")
	}
	return errors.Join(r.print(nonNil(x.Custody), func(w io.Writer) {
		row(w, "WHEN", "EVENT", "STATE", "WHO", "FUNCTION", "PURPOSE", "GRANT", "SIGNED", "SHA-256", "LINK")
		for _, ev := range x.Custody {
			link := "verified"
			if !ev.Check.Verified() {
				link = "DOES NOT HOLD"
			}
			row(w, ev.At, ev.Kind, ev.State, ev.Actor, ev.Function, ev.Purpose, ev.Grant, ev.Act != "", ev.Hash, link)
		}
	}), err)
}
