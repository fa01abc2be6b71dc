package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/crypto/statement"
)

type evidenceReceiptCmd struct {
	Evidence comity.ID      `arg:"" help:"The exhibit."`
	Purpose  comity.Purpose `help:"For what another state's exhibit is read (Article 9)." placeholder:"PURPOSE"`
}

// Help says what a receipt is for, and shows an example.
func (evidenceReceiptCmd) Help() string {
	return `The receipt is what the exhibit's state signed when the upload was complete: size, hashes and parts. Whoever
has it, the file and the state's manifest needs no server to hold one against the other.

Example:
  comity evidence receipt evidence1_… >disk.receipt
  comity evidence verify disk.img --receipt disk.receipt`
}

// receipt is a receipt for programs, as comity evidence verify reads it.
type receipt struct {
	Evidence comity.ID `json:"evidence"`
	Case     comity.ID `json:"case"`
	Receipt  string    `json:"receipt"`
}

func (e evidenceReceiptCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	x, err := c.Evidence(r.ctx, e.Evidence, e.Purpose)
	if err != nil {
		return err
	}
	if x.Receipt == "" {
		return comity.Conflict("the exhibit is not complete yet, so there is no receipt")
	}
	return r.print(receipt{x.ID, x.Case, x.Receipt}, func(w io.Writer) { fmt.Fprintln(w, x.Receipt) })
}

type evidenceVerifyCmd struct {
	File    string `arg:"" help:"The file, in plaintext." type:"path"`
	Receipt string `required:"" help:"The receipt (JWS), or JSON with it as of comity evidence receipt --json; - reads standard input." placeholder:"FILE"`
	believed
}

// Help says what is verified, and shows examples.
func (evidenceVerifyCmd) Help() string {
	return `Needs no network: the receipt is verified by the state's statement key, that by the manifest, the manifest by
the pinned root, and the file's size and SHA-256 are those that the receipt declares.

Examples:
  comity evidence verify disk.img --receipt disk.receipt
  comity evidence verify disk.img --receipt disk.receipt --roots roots.json --manifest KZ.jws`
}

// heldAgainst is a file that is the exhibit of a receipt, for programs.
type heldAgainst struct {
	Verified bool         `json:"verified"`
	File     string       `json:"file"`
	Evidence comity.ID    `json:"evidence"`
	Case     comity.ID    `json:"case"`
	State    comity.State `json:"state"`
	Manifest int64        `json:"manifestNumber"`
	Size     int64        `json:"size"`
	SHA256   string       `json:"plainSha256"`
	IssuedAt time.Time    `json:"issuedAt"`
}

func (e evidenceVerifyCmd) Run(r *run) error {
	given, err := r.readStatements(e.Receipt)
	if err != nil {
		return err
	}
	dir, err := e.directory(r)
	if err != nil {
		return err
	}
	var body statement.CompleteBody
	v, err := verifyStatement(dir, given[0])
	switch {
	case err != nil:
	case len(given) != 1 || v.Kind != statement.KindReceipt:
		err = errors.New("it is no receipt of an exhibit")
	default:
		err = v.statement.Decode(&body)
	}
	if err != nil {
		return &client.VerificationError{What: e.Receipt, Err: err}
	}
	size, sum, err := hashFile(r.ctx, e.File)
	if err != nil {
		return err
	}
	if size != body.Size || sum != body.PlainSHA256 {
		return &client.VerificationError{What: e.File, Err: fmt.Errorf("it has %d bytes and the SHA-256 %s, the receipt of %s declares %d and %s",
			size, sum, v.ID, body.Size, body.PlainSHA256)}
	}
	held := heldAgainst{true, e.File, v.ID, v.Record, v.State, v.Manifest, size, sum, v.IssuedAt}
	return r.print(held, func(w io.Writer) {
		fmt.Fprintf(w, "verified: the file is the exhibit of a receipt signed by %s (manifest number %d)\n", held.State, held.Manifest)
		field(w, "exhibit", held.Evidence)
		field(w, "case", held.Case)
		field(w, "file", held.File)
		field(w, "size", fmt.Sprintf("%d bytes", held.Size))
		field(w, "SHA-256", held.SHA256)
		field(w, "signed", held.IssuedAt)
	})
}

// hashFile gives a file's size and SHA-256, and ends with ctx.
func hashFile(ctx context.Context, name string) (int64, string, error) {
	f, err := os.Open(name)
	if err != nil {
		return 0, "", comity.Invalid("file", err.Error())
	}
	defer f.Close()
	sum := sha256.New()
	var size int64
	for {
		n, err := io.CopyN(sum, f, 16<<20)
		size += n
		if ctx.Err() != nil {
			return 0, "", ctx.Err()
		}
		if err == io.EOF {
			return size, hex.EncodeToString(sum.Sum(nil)), nil
		}
		if err != nil {
			return 0, "", comity.Invalid("file", err.Error())
		}
	}
}
