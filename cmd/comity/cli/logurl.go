package cli

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit/verify"
)

// logURL is a log that anybody serves over HTTP.
type logURL struct{ verify.Remote }

// openURL reads the URL of the folder that holds the checkpoint. Plain HTTP will
// do: what is read is verified. Redirects are not followed; the log is where it
// was said to be, or it is not read.
func openURL(at string) (logURL, error) {
	u, err := url.Parse(at)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" || u.Fragment != "" {
		return logURL{}, usagef("--url: %.200q is no folder on the web: write https://HOST/PATH, where the checkpoint is", at)
	}
	h := retryablehttp.NewClient()
	h.Logger = nil
	h.RetryMax = 3
	h.ErrorHandler = retryablehttp.PassthroughErrorHandler // so that the last answer is told
	h.HTTPClient.Timeout = time.Minute
	c := h.StandardClient()
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	h.HTTPClient.CheckRedirect = c.CheckRedirect // each of the two would follow
	return logURL{verify.Remote{URL: at, Client: c}}, nil
}

// Read tells apart what the log lacks from what the server does not give.
func (l logURL) Read(ctx context.Context, path string) ([]byte, error) {
	b, err := l.Remote.Read(ctx, path)
	if err == nil || errors.Is(err, fs.ErrNotExist) || ctx.Err() != nil {
		return b, err
	}
	return nil, comity.Unavailable("the log at "+l.URL, err)
}
