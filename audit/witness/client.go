package witness

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/audit/verify"
)

const (
	maxAnswer = 64 << 10 // bytes
	answersIn = 10 * time.Second
)

// Client asks a witness that answers over HTTP. It is an [audit.Cosigner].
type Client struct {
	name string
	url  string
	keys []note.Verifier
	http *http.Client
}

// NewClient makes a client of the witness at a URL. name says whose it is; what
// it answers counts under one of the keys and no other. roots are the authorities
// that its certificate must chain to; nil: the system's.
func NewClient(name, url string, keys []note.Verifier, roots *x509.CertPool) *Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	transport.MaxResponseHeaderBytes = maxAnswer
	transport.MaxConnsPerHost = 4
	return &Client{name: name, url: strings.TrimSuffix(url, "/") + "/add-checkpoint", keys: keys, http: &http.Client{
		Transport: transport, Timeout: answersIn,
		// The manifest says where the witness is, and nobody else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Close gives the connections back.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Name says whose witness it is.
func (c *Client) Name() string { return c.name }

// Keys are those under which it cosigns.
func (c *Client) Keys() []note.Verifier { return c.keys }

// Cosign asks for a cosignature. What is given back is under one of the keys, and
// holds. A witness that stands at another size is an [*audit.Conflict]; one that
// holds another tree of the very size is an error like any other.
func (c *Client) Cosign(ctx context.Context, old int64, proof [][32]byte, signed []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(Request{old, proof, signed}.Body()))
	if err != nil {
		return nil, fmt.Errorf("the witness %s: %w", c.name, err)
	}
	req.Header.Set("Content-Type", "text/plain; charset=utf-8")
	res, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("the witness %s does not answer: %w", c.name, err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("the witness %s does not answer to the end: %w", c.name, err)
	case len(answer) > maxAnswer:
		return nil, fmt.Errorf("the witness %s answers more than %d bytes", c.name, maxAnswer)
	case res.StatusCode == http.StatusOK:
		lines, err := c.cosignatures(signed, answer)
		if err != nil {
			return nil, fmt.Errorf("the witness %s: %w", c.name, err)
		}
		return lines, nil
	case res.StatusCode == http.StatusConflict:
		return nil, c.conflict(old, res.Header.Get("Content-Type"), answer)
	}
	return nil, fmt.Errorf("the witness %s refuses (%d): %.300q", c.name, res.StatusCode, strings.TrimSpace(string(answer)))
}

// conflict reads the size at which the witness stands.
func (c *Client) conflict(old int64, kind string, answer []byte) error {
	media, _, err := mime.ParseMediaType(kind)
	size, ok := strings.CutSuffix(string(answer), "\n")
	n, sizeErr := parseSize(size)
	switch {
	case err != nil || media != sizeType || !ok || sizeErr != nil:
		return fmt.Errorf("the witness %s says that it stands elsewhere, and not where", c.name)
	case n == old:
		return fmt.Errorf("the witness %s has cosigned another tree of %d leaves: the log forked, or the witness is another's", c.name, n)
	}
	return &audit.Conflict{Size: n}
}

// cosignatures gives the lines of an answer that are under the witness's keys and
// hold for the note.
func (c *Client) cosignatures(signed, answer []byte) ([]byte, error) {
	text, _, ok := bytes.Cut(signed, []byte("\n\n"))
	if !ok {
		return nil, errors.New("what is to be cosigned is no signed note")
	}
	text = append(bytes.Clone(text), '\n')
	_, sigs, err := verify.Signatures(append(append(bytes.Clone(text), '\n'), answer...), c.keys)
	if err == nil && len(sigs) == 0 {
		err = errors.New("no line holds under one of them")
	}
	if err != nil {
		return nil, fmt.Errorf("what it answers is no cosignature of its keys: %w", err)
	}
	var lines []byte
	for _, s := range sigs {
		lines = fmt.Appendf(lines, "— %s %s\n", s.Name, s.Base64)
	}
	return lines, nil
}
