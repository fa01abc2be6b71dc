package directory

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/comity-platform/comity/storage/object"
)

// The names of a signed URL's parameters; those that S3 has too are S3's. The length and the checksum are not in the URL
// but in headers, and are part of what is signed, as in AWS Signature Version 4.
const (
	paramUpload    = "uploadId"
	paramPart      = "partNumber"
	paramVersion   = "versionId"
	paramExpires   = "X-Comity-Expires" // seconds of Unix time
	paramSignature = "X-Comity-Signature"

	headerChecksum = "X-Amz-Checksum-Sha256" // base64, as S3 has it
)

// SignPart implements object.Store.
func (s *Store) SignPart(ctx context.Context, key, uploadID string, part object.Part, ttl time.Duration) (object.Signed, error) {
	if err := errors.Join(object.CheckKey(key), object.CheckPart(part), object.CheckTTL(ttl), ctx.Err()); err != nil {
		return object.Signed{}, err
	}
	if !validID(uploadID) {
		return object.Signed{}, object.ErrNotFound
	}
	query := url.Values{paramUpload: {uploadID}, paramPart: {strconv.Itoa(part.Number)}}
	header := map[string]string{
		"Content-Length": strconv.FormatInt(part.Size, 10),
		headerChecksum:   base64.StdEncoding.EncodeToString(part.SHA256[:]),
	}
	return s.sign(http.MethodPut, key, query, header, ttl), nil
}

// SignGet implements object.Store.
func (s *Store) SignGet(ctx context.Context, key, version string, ttl time.Duration) (object.Signed, error) {
	if err := errors.Join(object.CheckKey(key), object.CheckTTL(ttl), ctx.Err()); err != nil {
		return object.Signed{}, err
	}
	if !validID(version) {
		return object.Signed{}, object.ErrNotFound
	}
	return s.sign(http.MethodGet, key, url.Values{paramVersion: {version}}, nil, ttl), nil
}

func (s *Store) sign(method, key string, query url.Values, header map[string]string, ttl time.Duration) object.Signed {
	expires := time.Now().Add(ttl).Truncate(time.Second)
	query.Set(paramExpires, strconv.FormatInt(expires.Unix(), 10))
	query.Set(paramSignature, hex.EncodeToString(s.mac(method, key, query, header["Content-Length"], header[headerChecksum])))
	return object.Signed{Method: method, URL: s.base.String() + "/" + key + "?" + query.Encode(), Header: header, Expires: expires.UTC()}
}

// mac is HMAC-SHA-256 over everything that makes the request what it is. No field can hold a newline: keys and query
// are restricted or escaped, and HTTP allows none in a header.
func (s *Store) mac(method, key string, query url.Values, length, checksum string) []byte {
	signed := make(url.Values, len(query))
	for name, values := range query {
		if name != paramSignature {
			signed[name] = values
		}
	}
	h := hmac.New(sha256.New, s.key)
	h.Write([]byte(strings.Join([]string{"comity/object/v1", method, s.base.Path, key, signed.Encode(), length, checksum}, "\n")))
	return h.Sum(nil)
}

// verified is what a signed request asks for.
type verified struct {
	key     string
	version string      // of a GET
	upload  string      // of a PUT
	part    object.Part // of a PUT
}

var (
	errForbidden = errors.New("the request is not the one that was signed")
	errExpired   = errors.New("the signed URL has expired")
)

// verify checks the signature before it looks at anything else, and answers errForbidden or errExpired.
func (s *Store) verify(r *http.Request, now time.Time) (v verified, err error) {
	key, under := strings.CutPrefix(r.URL.Path, s.Prefix())
	if !under || object.CheckKey(key) != nil {
		return v, errForbidden
	}
	v.key = key
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return v, errForbidden
	}
	var length, checksum string
	if r.Method == http.MethodPut {
		length = strconv.FormatInt(r.ContentLength, 10)
		checksum = strings.Join(r.Header.Values(headerChecksum), ",")
	}
	given, err := hex.DecodeString(query.Get(paramSignature))
	if err != nil || !hmac.Equal(given, s.mac(r.Method, key, query, length, checksum)) {
		return v, errForbidden
	}
	// From here on every field is as this store wrote it.
	expires, err := strconv.ParseInt(query.Get(paramExpires), 10, 64)
	if err != nil {
		return v, errForbidden
	}
	if now.Unix() >= expires {
		return v, errExpired
	}
	if r.Method == http.MethodGet {
		v.version = query.Get(paramVersion)
		return v, nil
	}
	v.upload = query.Get(paramUpload)
	v.part.Size = r.ContentLength
	v.part.Number, err = strconv.Atoi(query.Get(paramPart))
	sum, err2 := base64.StdEncoding.DecodeString(checksum)
	if errors.Join(err, err2, object.CheckPart(v.part)) != nil || len(sum) != sha256.Size {
		return v, errForbidden
	}
	copy(v.part.SHA256[:], sum)
	return v, nil
}
