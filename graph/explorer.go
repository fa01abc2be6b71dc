package graph

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"strings"
)

//go:embed explorer.html
var explorerPage string

var explorerTemplate = template.Must(template.New("explorer").Parse(explorerPage))

func serveSDL(w http.ResponseWriter, _ *http.Request) {
	secure(w.Header())
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte(SDL)) // the client went away: nobody is left to tell
}

// serveExplorer serves a page to try queries on. It stands alone: nothing is
// loaded from elsewhere, and it logs in at the development issuers, with a key
// that does not leave the browser.
func (h *handler) serveExplorer(w http.ResponseWriter, _ *http.Request) {
	setup := struct {
		Endpoint string            `json:"endpoint"`
		Issuers  map[string]string `json:"issuers"`
	}{h.externalURL, map[string]string{}}
	sources := []string{"'self'"}
	for _, s := range h.x.Directory().States() {
		if m, err := h.x.Directory().State(s); err == nil && len(m.Issuers) > 0 {
			setup.Issuers[string(s)] = m.Issuers[0].URL
			sources = append(sources, m.Issuers[0].URL)
		}
	}
	raw, err := json.Marshal(setup)
	if err != nil {
		http.Error(w, "the page cannot be made", http.StatusInternalServerError)
		return
	}
	var page bytes.Buffer
	if err := explorerTemplate.Execute(&page, template.JS(raw)); err != nil { // JSON as json.Marshal escapes it
		http.Error(w, "the page cannot be made", http.StatusInternalServerError)
		return
	}
	secure(w.Header())
	w.Header().Set("Content-Security-Policy", fmt.Sprintf("default-src 'none'; connect-src %s; style-src '%s'; script-src '%s'; frame-ancestors 'none'",
		strings.Join(sources, " "), hashOf(page.String(), "<style>", "</style>"), hashOf(page.String(), "<script>", "</script>")))
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(page.Bytes()) // the client went away: nobody is left to tell
}

// hashOf names what stands between two tags, as a content security policy does.
func hashOf(page, from, to string) string {
	_, rest, _ := strings.Cut(page, from)
	inside, _, _ := strings.Cut(rest, to)
	sum := sha256.Sum256([]byte(inside))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}
