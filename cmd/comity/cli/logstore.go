package cli

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/internal/durable"
	"github.com/comity-platform/comity/internal/loopback"
)

// logFolder is a copy of the log in a folder.
type logFolder struct{ dir string }

func (f logFolder) Read(ctx context.Context, path string) ([]byte, error) {
	return verify.Folder{FS: os.DirFS(f.dir)}.Read(ctx, path)
}

func (f logFolder) Write(_ context.Context, path string, data []byte) error {
	name := filepath.Join(f.dir, filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return durable.WriteFile(name, data, 0o644)
}

func (f logFolder) Remove(_ context.Context, path string) error {
	return os.RemoveAll(filepath.Join(f.dir, filepath.FromSlash(path)))
}

// logBucket is a copy of the log in an S3 bucket, below a prefix that is empty or
// ends with a slash.
type logBucket struct {
	c              *minio.Client
	bucket, prefix string
}

// openBucket reads https://HOST/BUCKET/PREFIX; the key is in the environment, as
// other tools for S3 have it there.
func openBucket(at string, getenv func(string) string) (logBucket, error) {
	u, err := url.Parse(at)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return logBucket{}, usagef("--s3: %.200q is no bucket: write https://HOST/BUCKET or https://HOST/BUCKET/PREFIX", at)
	}
	if u.Scheme == "http" && !loopback.Host(u.Hostname()) {
		return logBucket{}, usagef("--s3: plain http is taken for this machine itself only")
	}
	bucket, prefix, _ := strings.Cut(strings.Trim(u.Path, "/"), "/")
	if bucket == "" {
		return logBucket{}, usagef("--s3: %.200q names no bucket: write https://HOST/BUCKET", at)
	}
	if prefix != "" {
		prefix += "/"
	}
	id, secret := getenv("AWS_ACCESS_KEY_ID"), getenv("AWS_SECRET_ACCESS_KEY")
	if id == "" || secret == "" {
		return logBucket{}, usagef("--s3: the bucket's key is taken from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment")
	}
	c, err := minio.New(u.Host, &minio.Options{Creds: credentials.NewStaticV4(id, secret, getenv("AWS_SESSION_TOKEN")), Secure: u.Scheme == "https",
		Region: getenv("AWS_REGION")})
	return logBucket{c, bucket, prefix}, err
}

func (b logBucket) Read(ctx context.Context, path string) ([]byte, error) {
	o, err := b.c.GetObject(ctx, b.bucket, b.prefix+path, minio.GetObjectOptions{})
	if err != nil {
		return nil, err
	}
	defer o.Close()
	data, err := verify.ReadFile(o, path)
	if e := minio.ToErrorResponse(err); e.Code == minio.NoSuchKey {
		return nil, &fs.PathError{Op: "get", Path: path, Err: fs.ErrNotExist}
	}
	return data, err
}

func (b logBucket) Write(ctx context.Context, path string, data []byte) error {
	_, err := b.c.PutObject(ctx, b.bucket, b.prefix+path, bytes.NewReader(data), int64(len(data)), minio.PutObjectOptions{ContentType: "application/octet-stream"})
	return err
}

func (b logBucket) Remove(ctx context.Context, path string) error {
	err := b.c.RemoveObject(ctx, b.bucket, b.prefix+path, minio.RemoveObjectOptions{})
	for o := range b.c.ListObjectsIter(ctx, b.bucket, minio.ListObjectsOptions{Prefix: b.prefix + path + "/", Recursive: true}) {
		if o.Err != nil {
			return errors.Join(err, o.Err)
		}
		err = errors.Join(err, b.c.RemoveObject(ctx, b.bucket, o.Key, minio.RemoveObjectOptions{}))
	}
	return err
}
