package witness

import (
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/comity-platform/comity/audit"
)

// sizeType is the content type of a conflict's answer (C2SP tlog-witness).
const sizeType = "text/x.tlog.size"

// Handler serves POST /add-checkpoint (C2SP tlog-witness). It asks for no login:
// what it does is done for whoever brings a checkpoint that the log signed.
// seen, unless it is nil, is told the status of each answer.
func (w *Witness) Handler(seen func(status int)) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /add-checkpoint", func(rw http.ResponseWriter, r *http.Request) {
		status := w.answer(rw, r)
		if seen != nil {
			seen(status)
		}
	})
	return mux
}

func (w *Witness) answer(rw http.ResponseWriter, r *http.Request) (status int) {
	say := func(status int, kind string, body []byte) int {
		rw.Header().Set("Content-Type", kind)
		rw.Header().Set("X-Content-Type-Options", "nosniff")
		rw.WriteHeader(status)
		_, _ = rw.Write(body) // whoever left does not hear it
		return status
	}
	const text = "text/plain; charset=utf-8"
	body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, maxBody))
	if err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return say(http.StatusRequestEntityTooLarge, text, fmt.Appendf(nil, "the request is longer than %d bytes\n", maxBody))
		}
		return say(bad, text, []byte("the request cannot be read\n"))
	}
	request, err := ParseRequest(body)
	if err != nil {
		return say(bad, text, fmt.Appendf(nil, "the request cannot be read: %v\n", err))
	}
	line, err := w.Cosign(r.Context(), request.Old, request.Proof, request.Signed)
	if err == nil {
		return say(http.StatusOK, text, line)
	}
	if c, ok := errors.AsType[*audit.Conflict](err); ok {
		return say(http.StatusConflict, sizeType, fmt.Appendf(nil, "%d\n", c.Size))
	}
	if refused, ok := errors.AsType[*Refusal](err); ok && refused.Status < http.StatusInternalServerError {
		return say(refused.Status, text, []byte(refused.Reason+"\n"))
	}
	w.cfg.Logger.Error("nothing is cosigned", "error", err)
	return say(http.StatusInternalServerError, text, []byte("the witness cannot cosign just now; its log says why\n"))
}
