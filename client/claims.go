package client

import (
	"context"
	"crypto/md5"  //nolint:gosec // acquisition tools claim it; nothing rests on it
	"crypto/sha1" //nolint:gosec // the same
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"strings"

	"github.com/comity-platform/comity"
)

// claims hashes a file as its acquisition tool did.
type claims []claim

type claim struct {
	argument, name, want string
	sum                  hash.Hash
}

func newClaims(md5Hex, sha1Hex string) (c claims) {
	if md5Hex != "" {
		c = append(c, claim{"claimMd5", "MD5", md5Hex, md5.New()}) //nolint:gosec // see the import
	}
	if sha1Hex != "" {
		c = append(c, claim{"claimSha1", "SHA-1", sha1Hex, sha1.New()}) //nolint:gosec // see the import
	}
	return c
}

func (c claims) write(b []byte) {
	for _, k := range c {
		k.sum.Write(b)
	}
}

// check reports the first claim that is not the file's hash.
func (c claims) check() error {
	for _, k := range c {
		if got := hex.EncodeToString(k.sum.Sum(nil)); got != k.want {
			e := comity.Invalid(k.argument, fmt.Sprintf("the file has the %s %s, yet %s is claimed; nothing was completed", k.name, got, k.want))
			e.Cure = "see whether this is the file that was acquired, and whether the hash is written rightly; if the claim is of something else, such as the whole medium, keep it as it is with --keep-claim"
			return e
		}
	}
	return nil
}

// first refuses a file whose very bytes are an exhibit of the case already.
func (p *put) first(ctx context.Context) error {
	all, err := All(func(first int, after string) (Page[Evidence], error) {
		return p.c.Exhibits(ctx, p.resume.Case, "", first, after)
	})
	if err != nil {
		return err
	}
	whole := ""
	for _, e := range all {
		if e.Status != comity.EvidenceSealed || e.Size != p.resume.File.Size {
			continue
		}
		if whole == "" {
			sum := sha256.New()
			if _, err := io.Copy(sum, io.NewSectionReader(&untilDone{ctx, p.f}, 0, e.Size)); err != nil {
				return fmt.Errorf("client: reading the file: %w", err)
			}
			whole = hex.EncodeToString(sum.Sum(nil))
		}
		if strings.EqualFold(whole, e.PlainSHA256) {
			held := comity.Conflict(fmt.Sprintf("these bytes are an exhibit of the case already: %s, %q; nothing was uploaded", e.ID, clip(e.Name)))
			held.Cure = "use that exhibit, or upload the file a second time with --again"
			return held
		}
	}
	return nil
}

// untilDone reads no further once its context is over.
type untilDone struct {
	ctx context.Context
	r   io.ReaderAt
}

func (u *untilDone) ReadAt(b []byte, at int64) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.r.ReadAt(b, at)
}
