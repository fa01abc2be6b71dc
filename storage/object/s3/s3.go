// Package s3 is an object store in a bucket of an S3 service: MinIO, or any other with versioning, object lock, SHA-256
// checksums and conditional completion. It uses the S3 API alone, nothing that only MinIO has, and needs no more rights
// than deploy/minio gives: it cannot delete an object, nor lift a lock.
//
// Objects are locked in COMPLIANCE mode, always. GOVERNANCE would leave a way to delete evidence to whoever holds the
// store's administration, and what must be destroyed here is destroyed by destroying its key, not its ciphertext.
package s3

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/comity-platform/comity/storage/object"
)

// Config says where the bucket is and who we are.
type Config struct {
	Endpoint       string // URL at which this server reaches the service, http://host:port or https://host:port
	PublicEndpoint string // URL at which agencies reach it, into which signed URLs point; empty: Endpoint
	Region         string // the bucket's, such as us-east-1; part of every signature, and never asked for
	Bucket         string
	AccessKey      string
	SecretKey      string
	TLS            *tls.Config // for https; nil: the system's roots
}

// How long the service may take. Completing joins up to ten thousand parts, everything else is small.
const (
	callTimeout     = 15 * time.Second
	completeTimeout = 5 * time.Minute
	dialTimeout     = 5 * time.Second
	attempts        = 3 // of one call, with growing pauses, when the connection fails or the service is busy
)

// Store is an object.Store.
type Store struct {
	inside *minio.Core   // talks to the service
	public *minio.Client // signs URLs and never talks
	bucket string
}

var _ object.Store = (*Store)(nil)

// New makes a store; it does not talk to the service (Check does).
func New(cfg Config) (*Store, error) {
	if cfg.PublicEndpoint == "" {
		cfg.PublicEndpoint = cfg.Endpoint
	}
	for what, value := range map[string]string{"region": cfg.Region, "bucket": cfg.Bucket, "access key": cfg.AccessKey, "secret key": cfg.SecretKey} {
		if value == "" {
			return nil, fmt.Errorf("%w: object store without %s", object.ErrInvalid, what)
		}
	}
	inside, err := client(cfg, cfg.Endpoint)
	if err != nil {
		return nil, err
	}
	public, err := client(cfg, cfg.PublicEndpoint)
	if err != nil {
		return nil, err
	}
	return &Store{inside: &minio.Core{Client: inside}, public: public, bucket: cfg.Bucket}, nil
}

func client(cfg Config, endpoint string) (*minio.Client, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.User != nil || u.RawQuery != "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("%w: object store endpoint is not of the form https://host:port", object.ErrInvalid)
	}
	c, err := minio.New(u.Host, &minio.Options{
		Creds:  credentials.NewStaticV4(cfg.AccessKey, cfg.SecretKey, ""),
		Secure: u.Scheme == "https",
		Transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: dialTimeout}).DialContext,
			TLSHandshakeTimeout: dialTimeout,
			TLSClientConfig:     cfg.TLS,
			ForceAttemptHTTP2:   true,
			MaxIdleConnsPerHost: 16,
			IdleConnTimeout:     time.Minute,
		},
		Region:       cfg.Region,
		BucketLookup: minio.BucketLookupPath,
		MaxRetries:   attempts,
	})
	if err != nil {
		return nil, fmt.Errorf("%w: object store: %w", object.ErrInvalid, err)
	}
	return c, nil
}

// Begin implements object.Store.
func (s *Store) Begin(ctx context.Context, key string, retainUntil time.Time) (string, error) {
	until, err := object.Retention(retainUntil)
	if err != nil {
		return "", err
	}
	if _, err := s.Stat(ctx, key, ""); err == nil {
		return "", fmt.Errorf("begin %s: %w", key, object.ErrExists)
	} else if !errors.Is(err, object.ErrNotFound) {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	id, err := s.inside.NewMultipartUpload(ctx, s.bucket, key, minio.PutObjectOptions{
		// Named here, or the service checks the parts' checksums but keeps none with the object.
		UserMetadata:    map[string]string{"X-Amz-Checksum-Algorithm": "SHA256", "X-Amz-Checksum-Type": "COMPOSITE"},
		Mode:            minio.Compliance,
		RetainUntilDate: until,
	})
	if err != nil {
		return "", failed("begin", key, err)
	}
	return id, nil
}

// SignPart implements object.Store.
func (s *Store) SignPart(ctx context.Context, key, uploadID string, part object.Part, ttl time.Duration) (object.Signed, error) {
	if err := object.CheckPart(part); err != nil {
		return object.Signed{}, err
	}
	if !validUpload(uploadID) {
		return object.Signed{}, fmt.Errorf("sign part of %s: %w", key, object.ErrNotFound)
	}
	query := url.Values{"uploadId": {uploadID}, "partNumber": {strconv.Itoa(part.Number)}}
	return s.sign(ctx, http.MethodPut, key, query, map[string]string{
		"Content-Length":        strconv.FormatInt(part.Size, 10),
		"X-Amz-Checksum-Sha256": base64.StdEncoding.EncodeToString(part.SHA256[:]),
	}, ttl)
}

// SignGet implements object.Store.
func (s *Store) SignGet(ctx context.Context, key, version string, ttl time.Duration) (object.Signed, error) {
	if version == "" {
		return object.Signed{}, fmt.Errorf("%w: a GET is pinned to a version", object.ErrInvalid)
	}
	return s.sign(ctx, http.MethodGet, key, url.Values{"versionId": {version}}, nil, ttl)
}

func (s *Store) sign(ctx context.Context, method, key string, query url.Values, header map[string]string, ttl time.Duration) (object.Signed, error) {
	if err := errors.Join(object.CheckKey(key), object.CheckTTL(ttl), ctx.Err()); err != nil {
		return object.Signed{}, err
	}
	signed := make(http.Header, len(header))
	for name, value := range header {
		signed.Set(name, value)
	}
	ttl = ttl.Truncate(time.Second)
	expires := time.Now().Add(ttl).Truncate(time.Second).UTC()
	u, err := s.public.PresignHeader(ctx, method, s.bucket, key, ttl, query, signed)
	if err != nil {
		return object.Signed{}, failed("sign", key, err)
	}
	return object.Signed{Method: method, URL: u.String(), Header: header, Expires: expires}, nil
}

// validUpload sorts out what no service gives as an upload id, and some take for a path.
func validUpload(id string) bool { return id != "" && !strings.ContainsAny(id, `/\`) }

// Parts implements object.Store.
func (s *Store) Parts(ctx context.Context, key, uploadID string) ([]object.Part, error) {
	parts, _, err := s.held(ctx, key, uploadID)
	return parts, err
}

// held lists the parts of an open upload with the entity tags by which completion names them.
func (s *Store) held(ctx context.Context, key, uploadID string) (parts []object.Part, tags []string, err error) {
	if err := object.CheckKey(key); err != nil {
		return nil, nil, err
	}
	if !validUpload(uploadID) {
		return nil, nil, fmt.Errorf("parts of %s: %w", key, object.ErrNotFound)
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	for marker := 0; ; {
		page, err := s.inside.ListObjectParts(ctx, s.bucket, key, uploadID, marker, 1000)
		if err != nil {
			return nil, nil, failed("parts of", key, err)
		}
		for _, p := range page.ObjectParts {
			sum, err := base64.StdEncoding.DecodeString(p.ChecksumSHA256)
			if err != nil || len(sum) != sha256.Size {
				continue // not put under one of our URLs: not a part of ours
			}
			parts = append(parts, object.Part{Number: p.PartNumber, Size: p.Size, SHA256: [32]byte(sum)})
			tags = append(tags, p.ETag)
		}
		if !page.IsTruncated || page.NextPartNumberMarker <= marker {
			return parts, tags, nil
		}
		marker = page.NextPartNumberMarker
	}
}

// Complete implements object.Store.
func (s *Store) Complete(ctx context.Context, key, uploadID string, parts []object.Part) (object.Stat, error) {
	size, err := object.CheckPlan(parts)
	if err != nil {
		return object.Stat{}, fmt.Errorf("complete %s: %w", key, err)
	}
	held, tags, err := s.held(ctx, key, uploadID)
	if errors.Is(err, object.ErrNotFound) { // over: by our own earlier attempt, perhaps
		return s.adopt(ctx, key, "", parts, size)
	}
	if err != nil {
		return object.Stat{}, err
	}
	completed := make([]minio.CompletePart, len(parts))
	for i, p := range parts {
		if i >= len(held) || held[i] != p {
			if stat, err := s.adopt(ctx, key, "", parts, size); !errors.Is(err, object.ErrNotFound) {
				return stat, err
			}
			return object.Stat{}, fmt.Errorf("complete %s: %w: part %d is not the one declared, or missing", key, object.ErrMismatch, p.Number)
		}
		completed[i] = minio.CompletePart{PartNumber: p.Number, ETag: tags[i], ChecksumSHA256: base64.StdEncoding.EncodeToString(p.SHA256[:])}
	}
	completing, cancel := context.WithTimeout(ctx, completeTimeout)
	defer cancel()
	var opts minio.PutObjectOptions
	opts.SetMatchETagExcept("*")
	info, err := s.inside.CompleteMultipartUpload(completing, s.bucket, key, uploadID, completed, opts)
	if err != nil {
		err = failed("complete", key, err)
		if errors.Is(err, object.ErrExists) || errors.Is(err, object.ErrNotFound) { // somebody was faster: another attempt, or another object
			return s.adopt(ctx, key, "", parts, size)
		}
		return object.Stat{}, err
	}
	return s.adopt(ctx, key, info.VersionID, parts, size)
}

// adopt reads an object back and takes it if it is exactly the one declared.
func (s *Store) adopt(ctx context.Context, key, version string, parts []object.Part, size int64) (object.Stat, error) {
	stat, err := s.Stat(ctx, key, version)
	if err != nil {
		return object.Stat{}, err
	}
	if stat.Root != object.Root(parts) || stat.Size != size || stat.Parts != len(parts) {
		return object.Stat{}, fmt.Errorf("complete %s: %w", key, object.ErrExists)
	}
	if stat.Version == "" || !stat.RetainUntil.After(time.Now()) {
		return object.Stat{}, fmt.Errorf("complete %s: %w: the object has no version or no lock", key, object.ErrMismatch)
	}
	return stat, nil
}

// Abort implements object.Store.
func (s *Store) Abort(ctx context.Context, key, uploadID string) error {
	if err := object.CheckKey(key); err != nil {
		return err
	}
	if !validUpload(uploadID) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	err := s.inside.AbortMultipartUpload(ctx, s.bucket, key, uploadID)
	if err = failed("abort", key, err); errors.Is(err, object.ErrNotFound) {
		return nil
	}
	return err
}

// Stat implements object.Store.
func (s *Store) Stat(ctx context.Context, key, version string) (object.Stat, error) {
	if err := object.CheckKey(key); err != nil {
		return object.Stat{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	info, err := s.inside.StatObject(ctx, s.bucket, key, minio.StatObjectOptions{VersionID: version, Checksum: true})
	if err != nil {
		return object.Stat{}, failed("stat", key, err)
	}
	root, n, err := composite(info.ChecksumSHA256)
	if err != nil {
		return object.Stat{}, fmt.Errorf("stat %s: %w: %w", key, object.ErrMismatch, err)
	}
	stat := object.Stat{Key: key, Version: info.VersionID, Size: info.Size, Root: root, Parts: n}
	// A lock of another mode is none: it could be lifted.
	if info.Metadata.Get("X-Amz-Object-Lock-Mode") == minio.Compliance.String() {
		stat.RetainUntil, err = time.Parse(time.RFC3339, info.Metadata.Get("X-Amz-Object-Lock-Retain-Until-Date"))
		if err != nil {
			return object.Stat{}, fmt.Errorf("stat %s: %w: lock without a date", key, object.ErrMismatch)
		}
		stat.RetainUntil = stat.RetainUntil.UTC()
	}
	return stat, nil
}

// composite reads a composite checksum: base64 of SHA-256 over the parts' digests, "-", the number of parts.
func composite(checksum string) (root [32]byte, parts int, err error) {
	digest, count, _ := strings.Cut(checksum, "-")
	sum, err := base64.StdEncoding.DecodeString(digest)
	if err == nil {
		parts, err = strconv.Atoi(count)
	}
	// Written again it must be the same: there is one way to write it.
	if err != nil || len(sum) != sha256.Size || base64.StdEncoding.EncodeToString(sum)+"-"+strconv.Itoa(parts) != checksum || parts < 1 || parts > object.MaxParts {
		return root, 0, errors.New("the object has no composite SHA-256 checksum")
	}
	return [32]byte(sum), parts, nil
}

// Check implements object.Store.
func (s *Store) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	versioning, err := s.inside.GetBucketVersioning(ctx, s.bucket)
	if err != nil {
		return failed("check bucket", s.bucket, err)
	}
	if !versioning.Enabled() {
		return fmt.Errorf("check bucket %s: %w: versioning is off", s.bucket, object.ErrUnavailable)
	}
	lock, _, _, _, err := s.inside.GetObjectLockConfig(ctx, s.bucket)
	if err != nil {
		return failed("check bucket", s.bucket, err)
	}
	if lock != "Enabled" {
		return fmt.Errorf("check bucket %s: %w: object lock is off", s.bucket, object.ErrUnavailable)
	}
	return nil
}
