package graph

import (
	"net/http"

	"github.com/klauspost/compress/gzhttp"
	"github.com/klauspost/compress/gzip"
)

const (
	// compressFrom is the shortest answer that is compressed: below, it fits into
	// one packet as it is.
	compressFrom = 1400
	// jitter is how many bytes an answer is longer than it compresses to, at most:
	// see docs/decisions/0040-what-the-transport-holds-off.md.
	jitter = 64
)

// compression compresses JSON answers as Accept-Encoding asks, by writers that
// are used again. Streams are left as they are.
func compression() (func(http.Handler) http.HandlerFunc, error) {
	return gzhttp.NewWrapper(gzhttp.MinSize(compressFrom), gzhttp.CompressionLevel(gzip.BestSpeed), gzhttp.SetContentType(false),
		gzhttp.ContentTypes([]string{typeJSON, typeResponse}), gzhttp.RandomJitter(jitter, 0, false))
}
