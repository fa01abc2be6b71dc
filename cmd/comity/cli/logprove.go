package cli

import (
	"bytes"
	"fmt"
	"io"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/internal/durable"
)

type logProveCmd struct {
	ID  comity.ID `arg:"" help:"The leaf, as comity log list shows it with --json."`
	Out string    `short:"o" required:"" help:"The file to write; - writes to standard output." type:"path" placeholder:"FILE"`
}

// Help says what the file is good for.
func (logProveCmd) Help() string {
	return `Writes one self-contained file that proves to anybody who has the states' root keys, on a machine without network,
that this leaf stands in the log and what it tells the own state: who did what, when, and to which records. The file
holds the leaf with the own state's opening of it, the proof that it is included, the checkpoint with the log's
signature and the witnesses' cosignatures, and the manifests that say whose word that is. Whoever gets the file reads
the opening.

Examples:
  comity log list --record evidence1_… --json | jq -r '.[].id'
  comity log prove leaf1_… -o opened.json
  comity log verify opened.json --roots roots.json`
}

func (p logProveCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	proof, err := c.ProveLog(r.ctx, p.ID)
	if err != nil {
		return err
	}
	if p.Out == "-" {
		return writeJSON(r.stdout, proof, "  ")
	}
	var b bytes.Buffer
	if err := writeJSON(&b, proof, "  "); err != nil {
		return err
	}
	if err := durable.WriteFile(p.Out, b.Bytes(), 0o600); err != nil {
		return err
	}
	return r.print(struct {
		File  string    `json:"file"`
		Leaf  comity.ID `json:"leaf"`
		Index int64     `json:"index"`
	}{p.Out, p.ID, proof.Proof.Opening.Index}, func(w io.Writer) {
		fmt.Fprintf(w, "%s proves the leaf at index %d: comity log verify %[1]s --roots FILE\n", clean(p.Out), proof.Proof.Opening.Index)
	})
}

type logCopyCmd struct {
	Dir string `arg:"" optional:"" help:"The folder, made when it is not there." type:"path"`
	S3  string `name:"s3" help:"Copy into this bucket in place of a folder; its key is taken from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY." placeholder:"URL"`
}

// Help says what the copy is.
func (logCopyCmd) Help() string {
	return `Makes a copy of the log's files (C2SP tlog-tiles, with the newest cosigned checkpoint), or brings one up to date: only
what is new is fetched, and it goes on where it was interrupted. The whole copy is verified, without openings, before
its checkpoint moves on; when it does not hold, the first index is named, the copy stays as it was and the exit code
is 9. Tools for such logs read it, and comity log verify --dir or --url.

Examples:
  comity log copy log
  comity log copy --s3 https://objects.example/evidence-log/csto
  comity log verify --dir log --key comity/log/csto+1a2b3c4d+AW…`
}

func (l logCopyCmd) Run(r *run) error {
	if (l.Dir == "") == (l.S3 == "") {
		return usagef("where to: a folder, or --s3 with a bucket")
	}
	c, err := r.client()
	if err != nil {
		return err
	}
	to, where := client.LogStore(logFolder{l.Dir}), l.Dir
	if l.S3 != "" {
		if to, err = openBucket(l.S3, r.getenv); err != nil {
			return err
		}
		where = l.S3
	}
	tell, end := r.counting()
	began := time.Now()
	done, err := c.CopyLog(r.ctx, to, tell)
	end()
	if err != nil {
		return err
	}
	return r.print(struct {
		To string `json:"to"`
		client.LogCopied
	}{where, done}, func(w io.Writer) {
		fmt.Fprintf(w, "copied and verified: %d leaves in %s, %d files fetched (%s)\n", done.Head.Size, clean(where), done.Files, time.Since(began).Round(10*time.Millisecond))
		field(w, "head", fmt.Sprintf("%d:%s", done.Head.Size, done.Head.Root))
		if b := done.Before; b != nil {
			field(w, "goes on from", fmt.Sprintf("%d:%s", b.Size, b.Root))
		}
	})
}
