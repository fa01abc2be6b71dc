package miniosetup_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/lifecycle"

	miniosetup "github.com/comity-platform/comity/deploy/minio"
	"github.com/comity-platform/comity/deploy/stack/stacktest"
)

func config(t *testing.T) miniosetup.Config {
	t.Helper()
	m := stacktest.TestMinIO(t)
	var b [6]byte
	rand.Read(b[:])
	id := hex.EncodeToString(b[:])
	return miniosetup.Config{
		Endpoint: "http://" + m.Endpoint, RootUser: m.AccessKey, RootSecret: m.SecretKey, Region: "us-east-1",
		Bucket: "setup-" + id, AccessKey: "setup-" + id, SecretKey: "secret-" + id,
	}
}

func client(t *testing.T, cfg miniosetup.Config, user, secret string) *minio.Core {
	t.Helper()
	c, err := minio.NewCore(strings.TrimPrefix(cfg.Endpoint, "http://"), &minio.Options{
		Creds: credentials.NewStaticV4(user, secret, ""), Region: cfg.Region, MaxRetries: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func denied(err error) bool { return minio.ToErrorResponse(err).Code == "AccessDenied" }

// TestUser tries as the exchange's user what it must be able to do and what it must not.
func TestUser(t *testing.T) {
	ctx, cfg := t.Context(), config(t)
	for range 2 { // repeatable
		if err := miniosetup.Apply(ctx, cfg); err != nil {
			t.Fatal(err)
		}
	}
	root, app := client(t, cfg, cfg.RootUser, cfg.RootSecret), client(t, cfg, cfg.AccessKey, cfg.SecretKey)

	versioning, err := app.GetBucketVersioning(ctx, cfg.Bucket)
	if err != nil || !versioning.Enabled() {
		t.Errorf("versioning: %v, %v", versioning, err)
	}
	if lock, _, _, _, err := app.GetObjectLockConfig(ctx, cfg.Bucket); err != nil || lock != "Enabled" {
		t.Errorf("lock: %v, %v", lock, err)
	}
	put := func(c *minio.Core, key string, mode minio.RetentionMode, d time.Duration) (minio.UploadInfo, error) {
		opts := minio.PutObjectOptions{Mode: mode, SendContentMd5: true}
		if mode != "" {
			opts.RetainUntilDate = time.Now().Add(d)
		}
		return c.Client.PutObject(ctx, cfg.Bucket, key, strings.NewReader("bytes"), 5, opts)
	}
	locked, err := put(app, "locked", minio.Compliance, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	free, err := put(root, "free", "", 0)
	if err != nil {
		t.Fatal(err)
	}
	governed, err := put(root, "governed", minio.Governance, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := app.Client.StatObject(ctx, cfg.Bucket, "locked", minio.StatObjectOptions{VersionID: locked.VersionID}); err != nil {
		t.Errorf("stat of a version: %v", err)
	}
	if _, err := app.Client.StatObject(ctx, cfg.Bucket, "nothing", minio.StatObjectOptions{}); minio.ToErrorResponse(err).Code != "NoSuchKey" {
		t.Errorf("stat of nothing must tell that from a refusal: %v", err)
	}

	suspended := minio.BucketVersioningConfiguration{Status: "Suspended"}
	compliance, days, unit := minio.Compliance, uint(1), minio.Days
	later := time.Now().Add(2 * time.Hour)
	governance := minio.Governance
	expire := lifecycle.NewConfiguration()
	expire.Rules = []lifecycle.Rule{{ID: "x", Status: "Enabled", Expiration: lifecycle.Expiration{Days: 1}}}
	for name, err := range map[string]error{
		"delete an object":  app.Client.RemoveObject(ctx, cfg.Bucket, "free", minio.RemoveObjectOptions{}),
		"delete a version":  app.Client.RemoveObject(ctx, cfg.Bucket, "free", minio.RemoveObjectOptions{VersionID: free.VersionID}),
		"delete a locked":   app.Client.RemoveObject(ctx, cfg.Bucket, "locked", minio.RemoveObjectOptions{VersionID: locked.VersionID}),
		"bypass governance": app.Client.RemoveObject(ctx, cfg.Bucket, "governed", minio.RemoveObjectOptions{VersionID: governed.VersionID, GovernanceBypass: true}),
		"lock with governance": func() error {
			_, err := app.NewMultipartUpload(ctx, cfg.Bucket, "weak", minio.PutObjectOptions{Mode: governance, RetainUntilDate: later})
			return err
		}(),
		"suspend versioning":    app.SetBucketVersioning(ctx, cfg.Bucket, suspended),
		"change the lock":       app.SetBucketObjectLockConfig(ctx, cfg.Bucket, &compliance, &days, &unit),
		"let objects expire":    app.SetBucketLifecycle(ctx, cfg.Bucket, expire),
		"open the bucket":       app.SetBucketPolicy(ctx, cfg.Bucket, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":["s3:GetObject"],"Resource":["arn:aws:s3:::`+cfg.Bucket+`/*"]}]}`),
		"make a bucket":         app.MakeBucket(ctx, cfg.Bucket+"-2", minio.MakeBucketOptions{}),
		"delete the bucket":     app.RemoveBucket(ctx, cfg.Bucket),
		"administer: add users": miniosetup.Apply(ctx, withRoot(cfg, cfg.AccessKey, cfg.SecretKey)),
	} {
		if err == nil || !denied(err) && !strings.Contains(err.Error(), "AccessDenied") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := app.Client.PutObjectRetention(ctx, cfg.Bucket, "locked", minio.PutObjectRetentionOptions{
		VersionID: locked.VersionID, Mode: &governance, RetainUntilDate: &later, GovernanceBypass: true,
	}); err == nil {
		t.Error("a lock was weakened")
	}
	for key, version := range map[string]string{"free": free.VersionID, "governed": governed.VersionID, "locked": locked.VersionID} {
		if _, err := app.Client.StatObject(ctx, cfg.Bucket, key, minio.StatObjectOptions{VersionID: version}); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
	// Not even root deletes what is locked.
	if err := root.Client.RemoveObject(ctx, cfg.Bucket, "locked", minio.RemoveObjectOptions{VersionID: locked.VersionID, GovernanceBypass: true}); err == nil {
		t.Error("root deleted a locked version")
	}
}

func first(objects <-chan minio.ObjectInfo) error {
	for o := range objects {
		return o.Err
	}
	return nil
}

func withRoot(cfg miniosetup.Config, user, secret string) miniosetup.Config {
	cfg.RootUser, cfg.RootSecret = user, secret
	return cfg
}

// TestOtherBuckets: each state's user is shut out of the other states' buckets.
func TestOtherBuckets(t *testing.T) {
	ctx, ours, theirs := t.Context(), config(t), config(t)
	for _, cfg := range []miniosetup.Config{ours, theirs} {
		if err := miniosetup.Apply(ctx, cfg); err != nil {
			t.Fatal(err)
		}
	}
	app := client(t, ours, ours.AccessKey, ours.SecretKey)
	buckets, err := app.ListBuckets(ctx)
	if err != nil && !denied(err) {
		t.Error(err)
	}
	for _, b := range buckets {
		if b.Name != ours.Bucket {
			t.Errorf("lists %s", b.Name)
		}
	}
	_, statErr := app.Client.StatObject(ctx, theirs.Bucket, "x", minio.StatObjectOptions{})
	_, _, _, getErr := app.GetObject(ctx, theirs.Bucket, "x", minio.GetObjectOptions{})
	_, putErr := app.Client.PutObject(ctx, theirs.Bucket, "x", bytes.NewReader(nil), 0, minio.PutObjectOptions{})
	listErr := first(app.Client.ListObjects(ctx, theirs.Bucket, minio.ListObjectsOptions{}))
	for name, err := range map[string]error{"stat": statErr, "get": getErr, "put": putErr, "list": listErr} {
		if !denied(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSecret: a second Apply changes the user's secret, and the first is good for nothing.
func TestSecret(t *testing.T) {
	ctx, cfg := t.Context(), config(t)
	if err := miniosetup.Apply(ctx, cfg); err != nil {
		t.Fatal(err)
	}
	old := client(t, cfg, cfg.AccessKey, cfg.SecretKey)
	cfg.SecretKey = "another-secret"
	if err := miniosetup.Apply(ctx, cfg); err != nil {
		t.Fatal(err)
	}
	if _, err := old.GetBucketVersioning(ctx, cfg.Bucket); minio.ToErrorResponse(err).Code != "SignatureDoesNotMatch" {
		t.Errorf("old secret: %v", err)
	}
	if _, err := client(t, cfg, cfg.AccessKey, cfg.SecretKey).GetBucketVersioning(ctx, cfg.Bucket); err != nil {
		t.Errorf("new secret: %v", err)
	}
}

func TestRefusals(t *testing.T) {
	ctx, cfg := t.Context(), config(t)
	root := client(t, cfg, cfg.RootUser, cfg.RootSecret)
	if err := root.MakeBucket(ctx, cfg.Bucket, minio.MakeBucketOptions{Region: cfg.Region}); err != nil {
		t.Fatal(err)
	}
	if err := miniosetup.Apply(ctx, cfg); err == nil || !strings.Contains(err.Error(), "object lock") {
		t.Errorf("bucket without lock: %v", err)
	}
	for name, change := range map[string]func(*miniosetup.Config){
		"endpoint":     func(c *miniosetup.Config) { c.Endpoint = "127.0.0.1:9000" },
		"bucket":       func(c *miniosetup.Config) { c.Bucket = `x"]}` },
		"root secret":  func(c *miniosetup.Config) { c.RootSecret = "wrong-secret" },
		"short secret": func(c *miniosetup.Config) { c.Bucket += "-2"; c.SecretKey = "short" },
	} {
		bad := cfg
		change(&bad)
		err := miniosetup.Apply(ctx, bad)
		if err == nil || strings.Contains(err.Error(), bad.RootSecret) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ended, end := context.WithCancel(ctx)
	end()
	if err := miniosetup.Apply(ended, cfg); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if res, err := http.Get(cfg.Endpoint + "/" + cfg.Bucket + "/"); err != nil || res.StatusCode != http.StatusForbidden {
		t.Errorf("anonymous: %v, %v", res, err)
	}
}
