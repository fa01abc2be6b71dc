package graph

import (
	"net/http"
	"net/url"

	"github.com/comity-platform/comity"
)

// sameSite tells what a page of another site makes a browser send, whatever the
// method and the body: it says so itself (Sec-Fetch-Site, Origin). Officers are
// known by headers that no such page can send, so nothing hangs on this alone.
func sameSite(externalURL string) (*http.CrossOriginProtection, error) {
	p := http.NewCrossOriginProtection()
	u, err := url.Parse(externalURL)
	if err != nil {
		return nil, err
	}
	return p, p.AddTrustedOrigin(u.Scheme + "://" + u.Host) // behind a proxy the request names another host
}

// refuseSite refuses what comes from a page of another site.
func (h *handler) refuseSite(r *http.Request) *fault {
	// As a POST: the queries of a GET read as much.
	if err := h.site.Check(&http.Request{Method: http.MethodPost, Header: r.Header, Host: r.Host, URL: r.URL}); err != nil {
		return &fault{code: comity.CodeInvalid, status: http.StatusForbidden, cause: err,
			message: "requests from pages of other sites are not answered"}
	}
	return nil
}
