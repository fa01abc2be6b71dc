package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/comity-platform/comity/cmd/comityd/service"
	"github.com/comity-platform/comity/deploy/stack"
	"github.com/comity-platform/comity/storage/object"
	"github.com/comity-platform/comity/storage/object/directory"
)

// peer is the place in the same store to which the plain transfers go.
type peer interface {
	// puts gives the requests that bring the file there anew.
	puts(ctx context.Context, s *source) ([]request, error)
	// completed is called when they were sent; it is not timed.
	completed(ctx context.Context) error
	// get gives the request that fetches it into a file.
	get(ctx context.Context, to string) (request, error)
}

// urlLives is how long a signed URL is good.
const urlLives = 10 * time.Minute

// bucket is a plain bucket: one PUT, no versions, no locks, no checksums.
type bucket struct {
	c *minio.Client
}

const (
	bucketName = "plain"
	bucketKey  = "file"
)

func newBucket(ctx context.Context, m *stack.MinIO) (*bucket, error) {
	c, err := m.Client()
	if err != nil {
		return nil, err
	}
	return &bucket{c}, c.MakeBucket(ctx, bucketName, minio.MakeBucketOptions{})
}

func (b *bucket) puts(ctx context.Context, s *source) ([]request, error) {
	if err := b.c.RemoveObject(ctx, bucketName, bucketKey, minio.RemoveObjectOptions{}); err != nil {
		return nil, err
	}
	u, err := b.c.PresignedPutObject(ctx, bucketName, bucketKey, urlLives)
	if err != nil {
		return nil, err
	}
	return []request{{put: true, url: u.String(), file: s.path}}, nil
}

func (b *bucket) completed(context.Context) error { return nil }

func (b *bucket) get(ctx context.Context, to string) (request, error) {
	u, err := b.c.PresignedGetObject(ctx, bucketName, bucketKey, urlLives, nil)
	if err != nil {
		return request{}, err
	}
	return request{url: u.String(), file: to}, nil
}

// folder is the directory store that comityd serves, opened here a second time,
// only to begin uploads of its own and to sign; all bytes go through comityd.
type folder struct {
	store   *directory.Store
	n       int
	upload  string
	parts   []object.Part
	version string
}

func openDirectory(cfg service.Config) (*folder, error) {
	store, err := directory.Open(cfg.States[state].Store.Directory, service.StoreURL(cfg.ExternalURL, state))
	return &folder{store: store}, err
}

func (f *folder) key() string { return fmt.Sprintf("plain/%d", f.n) }

func (f *folder) puts(ctx context.Context, s *source) (all []request, err error) {
	f.n++
	f.parts = nil
	if f.upload, err = f.store.Begin(ctx, f.key(), time.Now().Add(time.Hour)); err != nil {
		return nil, err
	}
	for _, p := range s.parts {
		signed, err := f.store.SignPart(ctx, f.key(), f.upload, p.Part, urlLives)
		if err != nil {
			return nil, err
		}
		f.parts = append(f.parts, p.Part)
		all = append(all, request{put: true, url: signed.URL, header: signed.Header, file: p.path})
	}
	return all, nil
}

func (f *folder) completed(ctx context.Context) error {
	stat, err := f.store.Complete(ctx, f.key(), f.upload, f.parts)
	f.version = stat.Version
	return err
}

func (f *folder) get(ctx context.Context, to string) (request, error) {
	if f.version == "" {
		return request{}, errors.New("nothing was put yet")
	}
	signed, err := f.store.SignGet(ctx, f.key(), f.version, urlLives)
	return request{url: signed.URL, header: signed.Header, file: to}, err
}
