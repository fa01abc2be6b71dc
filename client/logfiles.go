package client

import (
	"context"
	"io/fs"
	"net/http"

	"github.com/comity-platform/comity/audit/verify"
)

// logFiles is the exchange's log as its servers show it to members: the files of
// C2SP tlog-tiles below /log/.
type logFiles struct{ c *Client }

// LogFiles reads the files of the exchange's log. Nothing of them is verified.
func (c *Client) LogFiles() verify.Source { return logFiles{c} }

func (l logFiles) Read(ctx context.Context, path string) ([]byte, error) {
	var got []byte
	err := l.c.trying(ctx, func() error {
		ctx, cancel := context.WithTimeout(ctx, callTime)
		defer cancel()
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, l.c.server+"/log/"+path, nil)
		if err != nil {
			return err
		}
		answer, raw, err := l.c.ask("log/"+path, r, verify.MaxFile)
		switch {
		case err != nil:
			return err
		case answer.StatusCode == http.StatusOK:
			got = raw
			return nil
		case answer.StatusCode == http.StatusNotFound:
			return &fs.PathError{Op: "get", Path: path, Err: fs.ErrNotExist}
		}
		return l.c.read("log/"+path, answer, raw, &result{data: new(any)})
	})
	return got, err
}
