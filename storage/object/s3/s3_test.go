package s3_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	miniosetup "github.com/comity-platform/comity/deploy/minio"
	"github.com/comity-platform/comity/deploy/stack"
	"github.com/comity-platform/comity/deploy/stack/stacktest"
	"github.com/comity-platform/comity/storage/object"
	"github.com/comity-platform/comity/storage/object/objecttest"
	"github.com/comity-platform/comity/storage/object/s3"
)

func TestSuite(t *testing.T) {
	store := open(t, setup(t, stacktest.TestMinIO(t)))
	objecttest.Run(t, func(*testing.T) object.Store { return store })
}

func BenchmarkStore(b *testing.B) { objecttest.Bench(b, open(b, setup(b, stacktest.TestMinIO(b)))) }

// setup makes a bucket and its user, as an operator would, and answers the exchange's configuration.
func setup(t testing.TB, m *stack.MinIO) s3.Config {
	t.Helper()
	id := strings.ToLower(rand.Text()[:12])
	cfg := s3.Config{Endpoint: "http://" + m.Endpoint, Region: "us-east-1", Bucket: "s3-" + id, AccessKey: "s3-" + id, SecretKey: rand.Text()}
	if err := miniosetup.Apply(t.Context(), miniosetup.Config{
		Endpoint: cfg.Endpoint, RootUser: m.AccessKey, RootSecret: m.SecretKey, Region: cfg.Region,
		Bucket: cfg.Bucket, AccessKey: cfg.AccessKey, SecretKey: cfg.SecretKey,
	}); err != nil {
		t.Fatal(err)
	}
	return cfg
}

func open(t testing.TB, cfg s3.Config) *s3.Store {
	t.Helper()
	store, err := s3.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// TestLockHolds: not even the service's administrator deletes an exhibit.
func TestLockHolds(t *testing.T) {
	m := stacktest.TestMinIO(t)
	cfg := setup(t, m)
	store := open(t, cfg)
	done := objecttest.Upload(t, store, "locked", random(100))
	root, err := m.Client()
	if err != nil {
		t.Fatal(err)
	}
	err = root.RemoveObject(t.Context(), cfg.Bucket, "locked", minio.RemoveObjectOptions{VersionID: done.Version, GovernanceBypass: true})
	if err == nil {
		t.Error("deleted")
	}
	// It can put a delete marker or a newer version on top; the version that was recorded stays readable.
	if err := root.RemoveObject(t.Context(), cfg.Bucket, "locked", minio.RemoveObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Stat(t.Context(), "locked", ""); !errors.Is(err, object.ErrNotFound) {
		t.Errorf("under a delete marker: %v", err)
	}
	if stat, err := store.Stat(t.Context(), "locked", done.Version); err != nil || stat != done {
		t.Errorf("version under a delete marker: %+v, %v", stat, err)
	}
	objecttest.Get(t, store, "locked", done.Version)
}

// TestForeignObject: an object that was not made through the port is never adopted.
func TestForeignObject(t *testing.T) {
	m := stacktest.TestMinIO(t)
	cfg := setup(t, m)
	store := open(t, cfg)
	root, err := m.Client()
	if err != nil {
		t.Fatal(err)
	}
	data := random(100)
	if _, err := root.PutObject(t.Context(), cfg.Bucket, "plain", bytes.NewReader(data), 100, minio.PutObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Stat(t.Context(), "plain", ""); !errors.Is(err, object.ErrMismatch) {
		t.Errorf("stat: %v", err)
	}
	core := minio.Core{Client: root}
	id, err := core.NewMultipartUpload(t.Context(), cfg.Bucket, "unlocked", minio.PutObjectOptions{UserMetadata: map[string]string{"X-Amz-Checksum-Algorithm": "SHA256"}})
	if err != nil {
		t.Fatal(err)
	}
	part := objecttest.PutPart(t, store, "unlocked", id, 1, data)
	if _, err := store.Complete(t.Context(), "unlocked", id, []object.Part{part}); !errors.Is(err, object.ErrMismatch) {
		t.Errorf("completed without a lock: %v", err)
	}
}

// TestPublicEndpoint puts a TLS proxy between agencies and the service: URLs are signed for it, the server itself stays
// on the inside address.
func TestPublicEndpoint(t *testing.T) {
	m := stacktest.TestMinIO(t)
	cfg := setup(t, m)
	inside, err := url.Parse(cfg.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewTLSServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(inside)
		r.Out.Host = r.In.Host // the signature covers it
	}})
	defer proxy.Close()
	cfg.PublicEndpoint = proxy.URL
	store, data := open(t, cfg), random(1000)
	id, err := store.Begin(t.Context(), "x", time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	part := objecttest.PartOf(1, data)
	put, err := store.SignPart(t.Context(), "x", id, part, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if a := objecttest.Send(t, proxy.Client(), put, data); a.Status != http.StatusOK {
		t.Fatalf("put: %d %s", a.Status, a.Body)
	}
	elsewhere := put
	elsewhere.URL = strings.Replace(put.URL, proxy.URL, cfg.Endpoint, 1)
	if a := objecttest.Send(t, http.DefaultClient, elsewhere, data); a.Status != http.StatusForbidden {
		t.Errorf("put at another address: %d", a.Status)
	}
	done, err := store.Complete(t.Context(), "x", id, []object.Part{part})
	if err != nil {
		t.Fatal(err)
	}
	get, err := store.SignGet(t.Context(), "x", done.Version, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if a := objecttest.Send(t, proxy.Client(), get, nil); a.Status != http.StatusOK || !bytes.Equal(a.Body, data) {
		t.Errorf("get: %d", a.Status)
	}

	// And the other way round: the server too goes through TLS, trusting only what it is told to.
	cfg.Endpoint = proxy.URL
	if err := open(t, cfg).Check(t.Context()); !errors.Is(err, object.ErrUnavailable) {
		t.Errorf("certificate of an unknown authority: %v", err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(proxy.Certificate())
	cfg.TLS = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13}
	if stat, err := open(t, cfg).Stat(t.Context(), "x", done.Version); err != nil || stat != done {
		t.Errorf("through TLS: %+v, %v", stat, err)
	}
}

// TestCheck: readiness names what is wrong, and never the secret.
func TestCheck(t *testing.T) {
	m := stacktest.TestMinIO(t)
	good := setup(t, m)
	if err := open(t, good).Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	root, err := minio.New(m.Endpoint, &minio.Options{Creds: credentials.NewStaticV4(m.AccessKey, m.SecretKey, "")})
	if err != nil {
		t.Fatal(err)
	}
	asRoot := good
	asRoot.AccessKey, asRoot.SecretKey = m.AccessKey, m.SecretKey
	asRoot.Bucket = good.Bucket + "-plain"
	if err := root.MakeBucket(t.Context(), asRoot.Bucket, minio.MakeBucketOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := root.MakeBucket(t.Context(), asRoot.Bucket+"-v", minio.MakeBucketOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := root.EnableVersioning(t.Context(), asRoot.Bucket+"-v"); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*s3.Config)
		says   string
	}{
		"secret":        {func(c *s3.Config) { c.SecretKey = "not-the-secret" }, "signature"},
		"user":          {func(c *s3.Config) { c.AccessKey = "nobody" }, "Access Key"},
		"bucket":        {func(c *s3.Config) { c.Bucket = "no-such-bucket-" + c.Bucket }, "Access Denied"},
		"no versioning": {func(c *s3.Config) { *c = asRoot }, "versioning is off"},
		"no lock":       {func(c *s3.Config) { *c = asRoot; c.Bucket += "-v" }, "Object Lock"},
		"nobody there":  {func(c *s3.Config) { c.Endpoint = "http://127.0.0.1:1" }, "refused"},
	} {
		cfg := good
		c.change(&cfg)
		err := open(t, cfg).Check(t.Context())
		if !errors.Is(err, object.ErrUnavailable) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		} else if strings.Contains(err.Error(), cfg.SecretKey) {
			t.Errorf("%s: the secret is in the error", name)
		}
	}
}

func TestConfig(t *testing.T) {
	good := s3.Config{Endpoint: "https://store.example:9000", Region: "us-east-1", Bucket: "kz-evidence", AccessKey: "a", SecretKey: "secret-of-a"}
	if _, err := s3.New(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*s3.Config){
		"no endpoint":        func(c *s3.Config) { c.Endpoint = "" },
		"no scheme":          func(c *s3.Config) { c.Endpoint = "store.example:9000" },
		"other scheme":       func(c *s3.Config) { c.Endpoint = "ftp://store.example" },
		"path":               func(c *s3.Config) { c.Endpoint = "https://store.example/s3" },
		"password in URL":    func(c *s3.Config) { c.Endpoint = "https://u:p@store.example" },
		"public without any": func(c *s3.Config) { c.PublicEndpoint = "store" },
		"no region":          func(c *s3.Config) { c.Region = "" },
		"no bucket":          func(c *s3.Config) { c.Bucket = "" },
		"no user":            func(c *s3.Config) { c.AccessKey = "" },
		"no secret":          func(c *s3.Config) { c.SecretKey = "" },
	} {
		bad := good
		change(&bad)
		if _, err := s3.New(bad); !errors.Is(err, object.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Signing asks nobody: the endpoint does not exist.
	store := open(t, good)
	signed, err := store.SignPart(t.Context(), "k", "upload", object.Part{Number: 1, Size: 1}, time.Minute)
	if err != nil || !strings.HasPrefix(signed.URL, "https://store.example:9000/kz-evidence/k?") || strings.Contains(signed.URL, good.SecretKey) {
		t.Errorf("%+v, %v", signed, err)
	}
}

// TestAway stops, restarts and kills the service in the middle of an upload.
func TestAway(t *testing.T) {
	m := stacktest.PrivateMinIO(t)
	store := open(t, setup(t, m))
	ctx := t.Context()
	first, second := random(object.MinPartSize), random(1000)
	id, err := store.Begin(ctx, "away", time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	parts := []object.Part{objecttest.PutPart(t, store, "away", id, 1, first), objecttest.PartOf(2, second)}

	if err := m.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	signed, err := store.SignPart(ctx, "away", id, parts[1], time.Minute)
	if err != nil {
		t.Errorf("signing while the service is away: %v", err)
	}
	for name, try := range map[string]func() error{
		"begin":    func() error { _, err := store.Begin(ctx, "other", time.Now().Add(time.Hour)); return err },
		"parts":    func() error { _, err := store.Parts(ctx, "away", id); return err },
		"complete": func() error { _, err := store.Complete(ctx, "away", id, parts); return err },
		"abort":    func() error { return store.Abort(ctx, "away", id) },
		"stat":     func() error { _, err := store.Stat(ctx, "away", ""); return err },
		"check":    func() error { return store.Check(ctx) },
	} {
		if err := try(); !errors.Is(err, object.ErrUnavailable) {
			t.Errorf("%s while the service is away: %v", name, err)
		}
	}

	if err := m.Start(ctx); err != nil {
		t.Fatal(err)
	}
	await(t, store)
	if held, err := store.Parts(ctx, "away", id); err != nil || len(held) != 1 || held[0] != parts[0] {
		t.Fatalf("after the restart: %v, %v", held, err)
	}
	if a := objecttest.Send(t, http.DefaultClient, signed, second); a.Status != http.StatusOK {
		t.Fatalf("the URL signed meanwhile: %d %s", a.Status, a.Body)
	}
	if err := m.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := m.Start(ctx); err != nil {
		t.Fatal(err)
	}
	await(t, store)
	done, err := store.Complete(ctx, "away", id, parts)
	if err != nil {
		t.Fatal(err)
	}
	// The exchange dies before it has written that down, and so does the service; the object is adopted afterwards.
	if err := m.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := m.Start(ctx); err != nil {
		t.Fatal(err)
	}
	await(t, store)
	if again, err := store.Complete(ctx, "away", id, parts); err != nil || again != done {
		t.Errorf("adopted %+v, %v; was %+v", again, err, done)
	}
	if !bytes.Equal(objecttest.Get(t, store, "away", done.Version), append(first, second...)) {
		t.Error("other bytes came back")
	}
}

// await waits until the service has loaded its users again.
func await(t *testing.T, store object.Store) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		err := store.Check(ctx)
		if err == nil {
			return
		}
		if ctx.Err() != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}
