package client

import (
	"crypto/ecdsa"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/internal/loopback"
)

// Config says whom a client speaks to, for whom, and whom it believes.
type Config struct {
	// Server is the exchange's base URL; the API is at Server/graphql. Plain
	// HTTP is taken for this machine itself only.
	Server string
	// Union names the union of states. "" takes the server's word for the name;
	// every manifest must be signed for it.
	Union string
	// Roots are the states' root keys, pinned, got outside the exchange.
	Roots statement.Roots
	// StateFile remembers the newest manifests seen, so that the server cannot
	// go back to older ones. "" remembers within the process only.
	StateFile string
	// LogFile remembers the leaves of the record of acts, 33 bytes each, as
	// [Client.VerifyLog] saw them, so that none can be changed or taken away
	// unnoticed; files beside it have its name and an ending. "" remembers
	// nothing.
	LogFile string
	// SessionKey is the officer's key (P-256) that the token names.
	SessionKey *ecdsa.PrivateKey
	// Token is the officer's access token. Without one only the directory can be read.
	Token string
	// HTTP makes the connections; nil stands for one of its own. A Timeout in
	// it would cut large parts short. Redirects are never followed.
	HTTP *http.Client
	// Now is the clock, nil for time.Now.
	Now func() time.Time
	// Waiting is told why and for how long a call waits before it is made again, as
	// the server says; it may be nil. Calls at once tell it at once.
	Waiting func(why error, d time.Duration)
}

// Client speaks for one officer. Make it with [New] or [Login].
type Client struct {
	server string // without a slash at the end
	api    string
	http   *http.Client
	key    *ecdsa.PrivateKey
	jkt    string // of key
	token  string
	now    func() time.Time
	// pause gives how long to wait before attempt n (from 1).
	pause   func(n int) time.Duration
	waiting func(error, time.Duration)
	trust   *trust
	logFile string

	// What is known of the server: that it knows documents by their ids, that it
	// is an older one, and which operations it needs the texts of.
	newServer, oldServer atomic.Bool
	texts                sync.Map

	mu      sync.Mutex
	officer *Officer
}

// New makes a client. It does not talk to the server yet.
func New(c Config) (*Client, error) {
	u, err := url.Parse(c.Server)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Scheme != "https" && u.Scheme != "http":
		return nil, comity.Invalid("server", "the server is given by its https URL, as in https://exchange.example")
	case u.Scheme == "http" && !loopback.Host(u.Hostname()):
		return nil, comity.Invalid("server", "plain http would show the token to others; the server needs an https URL")
	case len(c.Roots) == 0:
		return nil, comity.Invalid("roots", "the states' root keys are needed; get their file from your state's authority, not from the server")
	case c.Token != "" && c.SessionKey == nil:
		return nil, comity.Invalid("sessionKey", "a token is of no use without the session key that it names")
	}
	cl := &Client{server: strings.TrimSuffix(c.Server, "/"), key: c.SessionKey, token: c.Token, now: c.Now, pause: pause, waiting: c.Waiting, logFile: c.LogFile}
	cl.api = cl.server + "/graphql"
	if cl.now == nil {
		cl.now = time.Now
	}
	if c.SessionKey != nil {
		if cl.jkt, err = statement.Thumbprint(c.SessionKey); err != nil {
			return nil, err
		}
	}
	cl.http = plainHTTP(c.HTTP)
	if cl.trust, err = newTrust(c.Union, c.Roots, c.StateFile, cl.now); err != nil {
		return nil, err
	}
	return cl, nil
}

// plainHTTP never follows a redirect: a proof of possession, and a signed URL,
// are for one address.
func plainHTTP(given *http.Client) *http.Client {
	h := &http.Client{}
	if given != nil {
		*h = *given
	} else {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.MaxIdleConnsPerHost = 8
		h.Transport = t
	}
	h.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return h
}

// Session gives the session key and the token, for whoever keeps them.
func (c *Client) Session() (*ecdsa.PrivateKey, string) { return c.key, c.token }

// Server is the exchange's base URL.
func (c *Client) Server() string { return c.server }

// act signs an act over a body with the session key.
func (c *Client) act(a statement.Act, body any) (string, error) {
	if c.key == nil {
		return "", errNoSession
	}
	dir, err := c.trust.directory()
	if err != nil {
		return "", err
	}
	if a.BodyHash, _, err = statement.BodyHash(body); err != nil {
		return "", err
	}
	a.Union, a.IssuedAt = dir.Union(), c.now().Unix()
	return statement.SignAct(c.key, a)
}

var errNoSession = comity.Unauthenticated("nobody is logged in here", errors.New("client: no session key"))

// id checks an id before it is sent, so that one of another kind is named as such.
func id(field string, v comity.ID, kind comity.Kind) error {
	if _, err := comity.ParseID(string(v), kind); err != nil {
		e := *err.(*comity.Error)
		e.Path = []string{field}
		e.Message = fmt.Sprintf("%.80q: %s", v, e.Message)
		return &e
	}
	return nil
}
