package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/comity-platform/comity/deploy/stack/stacktest"
)

// files VARIABLE DIR [broken|away|endless PATH] serves a folder as any static file
// server does, and sets a variable to its URL. Of one path it answers what a server
// in trouble does, or a hostile one: an error, the way to another server that has
// the file, or bytes without end.
func files(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 && len(args) != 4 {
		ts.Fatalf("usage: files VARIABLE DIR [broken|away|endless PATH]")
	}
	folder := http.FileServer(http.Dir(ts.MkAbs(args[1])))
	fault, at := "", ""
	if len(args) == 4 {
		fault, at = args[2], "/"+args[3]
	}
	good := httptest.NewServer(folder)
	ts.Defer(good.Close)
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path != at {
			folder.ServeHTTP(rw, r)
			return
		}
		switch fault {
		case "broken":
			http.Error(rw, "out of order", http.StatusInternalServerError)
		case "away":
			http.Redirect(rw, r, good.URL+at, http.StatusFound)
		case "endless":
			for zeros := make([]byte, 64<<10); ; {
				if _, err := rw.Write(zeros); err != nil {
					return // the reader had enough
				}
			}
		}
	}))
	ts.Defer(s.Close)
	ts.Setenv(args[0], s.URL)
}

// bucket VARIABLE makes a bucket that anybody reads in a real MinIO, sets the
// variable to its URL, and the environment to the key that writes to it.
func bucket(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: bucket VARIABLE")
	}
	m := stacktest.TestMinIO(ts.Value("test").(*testing.T))
	name, ctx := fmt.Sprintf("log-%d", time.Now().UnixNano()), context.Background()
	c := objects(ts, m.Endpoint, m.AccessKey, m.SecretKey)
	ts.Check(c.MakeBucket(ctx, name, minio.MakeBucketOptions{}))
	ts.Check(c.SetBucketPolicy(ctx, name, `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": ["*"]},
		"Action": ["s3:GetObject", "s3:ListBucket"], "Resource": ["arn:aws:s3:::`+name+`", "arn:aws:s3:::`+name+`/*"]}]}`))
	ts.Setenv("AWS_ACCESS_KEY_ID", m.AccessKey)
	ts.Setenv("AWS_SECRET_ACCESS_KEY", m.SecretKey)
	ts.Setenv(args[0], "http://"+m.Endpoint+"/"+name)
}

func objects(ts *testscript.TestScript, endpoint, id, secret string) *minio.Client {
	c, err := minio.New(endpoint, &minio.Options{Creds: credentials.NewStaticV4(id, secret, "")})
	ts.Check(err)
	return c
}

// inBucket opens what is at a URL in a bucket: its client, bucket and prefix.
func inBucket(ts *testscript.TestScript, url string) (c *minio.Client, bucket, prefix string) {
	endpoint, path, _ := strings.Cut(strings.TrimPrefix(url, "http://"), "/")
	bucket, prefix, _ = strings.Cut(path, "/")
	return objects(ts, endpoint, ts.Getenv("AWS_ACCESS_KEY_ID"), ts.Getenv("AWS_SECRET_ACCESS_KEY")), bucket, prefix
}

// download URL DIR makes a folder of what lies below a URL in a bucket.
func download(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: download URL DIR")
	}
	c, bucket, prefix := inBucket(ts, args[0])
	for o := range c.ListObjectsIter(context.Background(), bucket, minio.ListObjectsOptions{Prefix: prefix + "/", Recursive: true}) {
		ts.Check(o.Err)
		to := filepath.Join(ts.MkAbs(args[1]), filepath.FromSlash(strings.TrimPrefix(o.Key, prefix+"/")))
		ts.Check(c.FGetObject(context.Background(), bucket, o.Key, to, minio.GetObjectOptions{}))
	}
}

// upload FILE URL replaces an object in a bucket.
func upload(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: upload FILE URL")
	}
	b, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	c, bucket, key := inBucket(ts, args[1])
	_, err = c.PutObject(context.Background(), bucket, key, bytes.NewReader(b), int64(len(b)), minio.PutObjectOptions{})
	ts.Check(err)
}
