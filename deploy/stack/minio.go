package stack

import (
	"context"
	"fmt"
	"path/filepath"
	"syscall"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// MinIO is a real MinIO server on one directory, which supports versioning and
// object lock, with random root credentials. A MinIO made by [ConnectMinIO]
// cannot be stopped.
type MinIO struct {
	*component
	Endpoint  string // 127.0.0.1:port, plain HTTP, path-style addresses
	AccessKey string
	SecretKey string
}

type minioSecret struct {
	Port      int    `json:"port"`
	AccessKey string `json:"access_key"`
	SecretKey string `json:"secret_key"`
}

// StartMinIO starts a MinIO in dir and answers once it serves S3.
func StartMinIO(ctx context.Context, dir string, o Options) (*MinIO, error) {
	binary, err := Binary(ctx, "minio", o.Progress)
	if err != nil {
		return nil, err
	}
	dir, err = filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	m := new(MinIO)
	m.component = &component{name: "minio", dir: dir, opts: o, stopSig: syscall.SIGTERM, deathSig: syscall.SIGKILL}
	m.command = func() (Command, error) {
		m.Endpoint = m.address()
		return Command{
			Path: binary,
			// An empty folder of certificates of its own, or it looks in the user's home.
			Args: []string{"server", "--address", m.Endpoint, "--certs-dir", filepath.Join(dir, "certs"), filepath.Join(dir, "data")},
			Env: []string{
				"MINIO_ROOT_USER=" + m.AccessKey, "MINIO_ROOT_PASSWORD=" + m.SecretKey,
				"MINIO_BROWSER=off", "MINIO_UPDATE=off", // no console, no calls to the outside
				// As long as the directory store keeps an upload that nobody
				// touches; MinIO's own day would cut off who resumes on Monday.
				"MINIO_API_STALE_UPLOADS_EXPIRY=168h",
			},
		}, nil
	}
	m.ready = m.servesS3
	var secret minioSecret
	fresh, running, err := m.open(&secret)
	if err != nil {
		return nil, err
	}
	if fresh {
		m.AccessKey, m.SecretKey = randomSecret()[:20], randomSecret()
		if err := m.runFirst(ctx); err != nil {
			return nil, err
		}
		return m, m.save(minioSecret{m.port, m.AccessKey, m.SecretKey})
	}
	m.port, m.AccessKey, m.SecretKey = secret.Port, secret.AccessKey, secret.SecretKey
	m.Endpoint = m.address()
	if running {
		return m, m.servesS3(ctx)
	}
	return m, m.Start(ctx)
}

// ConnectMinIO is a MinIO that somebody else runs.
func ConnectMinIO(endpoint, accessKey, secretKey string) *MinIO {
	return &MinIO{component: connected("minio"), Endpoint: endpoint, AccessKey: accessKey, SecretKey: secretKey}
}

// Client is an S3 client with the root credentials.
func (m *MinIO) Client() (*minio.Client, error) {
	return minio.New(m.Endpoint, &minio.Options{
		Creds:      credentials.NewStaticV4(m.AccessKey, m.SecretKey, ""),
		MaxRetries: 1, // whoever wants to wait does so himself, and sees the error
	})
}

// servesS3 asks for a list of buckets: MinIO's own health pages answer before
// its object layer and users are loaded.
func (m *MinIO) servesS3(ctx context.Context) error {
	c, err := m.Client()
	if err != nil {
		return err
	}
	if _, err := c.ListBuckets(ctx); err != nil {
		return fmt.Errorf("list buckets: %w", err)
	}
	return nil
}

// Start runs a stopped MinIO again, on the same address and data.
func (m *MinIO) Start(ctx context.Context) error { return m.run(ctx) }

// Restart stops and starts MinIO.
func (m *MinIO) Restart(ctx context.Context) error {
	if err := m.Stop(ctx); err != nil {
		return err
	}
	return m.Start(ctx)
}
