package witness

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Request is the body of POST /add-checkpoint (C2SP tlog-witness).
type Request struct {
	Old    int64      // size of the tree from which the checkpoint goes on
	Proof  [][32]byte // that it does, RFC 6962 section 2.1.2
	Signed []byte     // the checkpoint, a signed note
}

const (
	maxProof = 63                // hashes, as the protocol has it
	maxBody  = 256 << 10         // bytes, with room for the cosignatures of a thousand others
	maxSize  = math.MaxInt64 / 2 // leaves, as package verify has it
)

// ParseRequest reads a request. What it takes, [Request.Body] writes.
func ParseRequest(body []byte) (Request, error) {
	if len(body) > maxBody {
		return Request{}, fmt.Errorf("it is longer than %d bytes", maxBody)
	}
	head, signed, ok := bytes.Cut(body, []byte("\n\n"))
	if !ok || len(signed) == 0 {
		return Request{}, errors.New("there is no empty line with a checkpoint after it")
	}
	lines := strings.Split(string(head), "\n")
	text, ok := strings.CutPrefix(lines[0], "old ")
	old, err := parseSize(text)
	if !ok || err != nil {
		return Request{}, errors.New(`the first line is not "old" and a size`)
	}
	if len(lines)-1 > maxProof {
		return Request{}, fmt.Errorf("the proof has more than %d hashes", maxProof)
	}
	r := Request{Old: old, Signed: signed}
	for _, line := range lines[1:] {
		hash, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(hash) != 32 || base64.StdEncoding.EncodeToString(hash) != line {
			return Request{}, errors.New("a line of the proof is no hash in base64")
		}
		r.Proof = append(r.Proof, [32]byte(hash))
	}
	return r, nil
}

// Body writes the request.
func (r Request) Body() []byte {
	b := fmt.Appendf(nil, "old %d\n", r.Old)
	for _, hash := range r.Proof {
		b = base64.StdEncoding.AppendEncode(b, hash[:])
		b = append(b, '\n')
	}
	return append(append(b, '\n'), r.Signed...)
}

// parseSize reads a number of leaves in its one decimal form.
func parseSize(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > maxSize || strconv.FormatInt(n, 10) != text {
		return 0, errors.New("it is no number of leaves")
	}
	return n, nil
}
