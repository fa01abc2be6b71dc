// Package miniosetup sets up a state's object store on a MinIO server: the bucket, with versioning and object lock, and
// the one user the exchange works as, with the rights of policy.json and no others. It is administration: it needs
// MinIO's root credentials, which the exchange itself never sees.
package miniosetup

import (
	"context"
	"crypto/tls"
	_ "embed"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/s3utils"
)

// policy is what the exchange's user may do; BUCKET stands for the bucket's name.
//
//go:embed policy.json
var policy string

// Config says what to set up, and as whom.
type Config struct {
	Endpoint   string // MinIO's URL, http://host:port or https://host:port
	RootUser   string // MinIO's root credentials, MINIO_ROOT_USER and MINIO_ROOT_PASSWORD
	RootSecret string
	Region     string      // us-east-1 unless the server was given another
	Bucket     string      // to make, one per state
	AccessKey  string      // of the exchange's user to make, 3 to 20 characters; an existing one gets this secret
	SecretKey  string      // 8 to 40 characters
	TLS        *tls.Config // for https; nil: the system's roots
}

// timeout of one call. MinIO derives an Argon2 key for one of them.
const timeout = 30 * time.Second

// Apply makes what is missing and can be repeated. It refuses a bucket that exists without versioning or object lock,
// since the lock can only be chosen when a bucket is made.
func Apply(ctx context.Context, cfg Config) error {
	endpoint, err := url.Parse(cfg.Endpoint)
	if err != nil || endpoint.Host == "" || (endpoint.Scheme != "http" && endpoint.Scheme != "https") {
		return fmt.Errorf("set up MinIO: the endpoint is not of the form https://host:port")
	}
	if err := s3utils.CheckValidBucketNameStrict(cfg.Bucket); err != nil {
		return fmt.Errorf("set up MinIO: %w", err)
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: cfg.TLS, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	client, err := minio.New(endpoint.Host, &minio.Options{
		Creds:        credentials.NewStaticV4(cfg.RootUser, cfg.RootSecret, ""),
		Secure:       endpoint.Scheme == "https",
		Transport:    transport,
		Region:       cfg.Region,
		BucketLookup: minio.BucketLookupPath,
		MaxRetries:   3,
	})
	if err != nil {
		return fmt.Errorf("set up MinIO: %w", err)
	}
	if err := bucket(ctx, client, cfg); err != nil {
		return fmt.Errorf("set up MinIO: bucket %s: %w", cfg.Bucket, err)
	}
	a := admin{&http.Client{Transport: transport, Timeout: timeout}, endpoint, cfg.RootUser, cfg.RootSecret}
	name := "comity-" + cfg.Bucket
	if err := a.addPolicy(ctx, name, Policy(cfg.Bucket)); err != nil {
		return fmt.Errorf("set up MinIO: policy %s: %w", name, err)
	}
	if err := a.addUser(ctx, cfg.AccessKey, cfg.SecretKey); err != nil {
		return fmt.Errorf("set up MinIO: user: %w", err)
	}
	if err := a.setPolicy(ctx, cfg.AccessKey, name); err != nil {
		return fmt.Errorf("set up MinIO: policy of the user: %w", err)
	}
	return nil
}

// Policy is the policy of the exchange's user on a bucket, for those who set up their store by other means.
func Policy(bucket string) []byte {
	return []byte(strings.ReplaceAll(policy, "BUCKET", bucket))
}

func bucket(ctx context.Context, client *minio.Client, cfg Config) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	exists, err := client.BucketExists(ctx, cfg.Bucket)
	if err != nil {
		return err
	}
	if !exists { // object lock brings versioning with it
		return client.MakeBucket(ctx, cfg.Bucket, minio.MakeBucketOptions{Region: cfg.Region, ObjectLocking: true})
	}
	versioning, err := client.GetBucketVersioning(ctx, cfg.Bucket)
	if err != nil {
		return err
	}
	lock, _, _, _, err := client.GetObjectLockConfig(ctx, cfg.Bucket)
	if err != nil && minio.ToErrorResponse(err).Code != "ObjectLockConfigurationNotFoundError" {
		return err
	}
	if !versioning.Enabled() || lock != "Enabled" {
		return fmt.Errorf("it exists without versioning and object lock, which are chosen when a bucket is made; choose another name")
	}
	return nil
}
