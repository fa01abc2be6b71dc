package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/deploy/stack/stacktest"
)

// TestLogStores: a folder and a real bucket keep a copy of the log alike.
func TestLogStores(t *testing.T) {
	m := stacktest.TestMinIO(t)
	root, err := minio.New(m.Endpoint, &minio.Options{Creds: credentials.NewStaticV4(m.AccessKey, m.SecretKey, "")})
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("log-%d", time.Now().UnixNano())
	if err := root.MakeBucket(t.Context(), name, minio.MakeBucketOptions{}); err != nil {
		t.Fatal(err)
	}
	env := func(key string) string {
		return map[string]string{"AWS_ACCESS_KEY_ID": m.AccessKey, "AWS_SECRET_ACCESS_KEY": m.SecretKey}[key]
	}
	bucket, err := openBucket("http://"+m.Endpoint+"/"+name+"/some/where", env)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := openBucket("http://"+m.Endpoint+"/"+name, env)
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]client.LogStore{"folder": logFolder{t.TempDir() + "/new"}, "bucket below a prefix": bucket, "bucket": whole} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			gone := func(path string) {
				t.Helper()
				if _, err := s.Read(ctx, path); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%s: %v", path, err)
				}
			}
			put := func(path, text string) {
				t.Helper()
				if err := s.Write(ctx, path, []byte(text)); err != nil {
					t.Fatal(err)
				}
				if b, err := s.Read(ctx, path); err != nil || string(b) != text {
					t.Fatalf("%s: %q, %v", path, b, err)
				}
			}
			gone("checkpoint")
			put("checkpoint", "one")
			put("checkpoint", "two")
			for _, path := range []string{"tile/0/000.p/1", "tile/0/000.p/22", "tile/0/000", "tile/0/x001/000.p/7"} {
				put(path, path)
			}
			for _, path := range []string{"tile/0/000.p", "tile/0/001.p", "tile/0/x001/000.p/7"} {
				if err := s.Remove(ctx, path); err != nil {
					t.Fatal(err)
				}
			}
			gone("tile/0/000.p/1")
			gone("tile/0/000.p/22")
			gone("tile/0/x001/000.p/7")
			put("tile/0/000", "still")
			put("tile/0/001", strings.Repeat("x", verify.MaxFile))
			if err := s.Write(ctx, "tile/0/002", make([]byte, verify.MaxFile+1)); err != nil {
				t.Fatal(err)
			}
			if b, err := s.Read(ctx, "tile/0/002"); err == nil || !strings.Contains(err.Error(), "longer than") {
				t.Errorf("of a file that is too long %d bytes are read, %v", len(b), err)
			}
		})
	}
	for given, says := range map[string]string{"": "no bucket", "s3://b": "no bucket", "https://host": "names no bucket", "http://host.example/b": "plain http", "https://host/b": ""} {
		_, err := openBucket(given, func(string) string { return "" })
		if err == nil || exitCode(err) != exitUsage || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", given, err)
		}
	}
}
