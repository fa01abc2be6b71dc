package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/minio/minio-go/v7"

	"github.com/comity-platform/comity/storage/object"
)

// failed says what could not be done to which key in the port's terms, and is nil for nil. The service's codes are those
// of the Amazon S3 API reference, "Error responses"; a HEAD has no body, so there the status must do.
func failed(doing, key string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("%s %s: %w", doing, key, err)
	}
	return fmt.Errorf("%s %s: %w: %w", doing, key, kind(err), err)
}

func kind(err error) error {
	var answer minio.ErrorResponse
	if !errors.As(err, &answer) { // no answer at all: unreachable, timed out, broken off
		return object.ErrUnavailable
	}
	switch answer.Code {
	case "NoSuchKey", "NoSuchVersion", "NoSuchUpload", "MethodNotAllowed": // the last: the newest version is a delete marker
		return object.ErrNotFound
	case "PreconditionFailed", "ConditionalRequestConflict", "OperationAborted":
		return object.ErrExists
	case "InvalidPart", "InvalidPartOrder", "EntityTooSmall", "EntityTooLarge", "BadDigest", "XAmzContentChecksumMismatch":
		return object.ErrMismatch
	}
	if answer.StatusCode == http.StatusBadRequest {
		return object.ErrInvalid
	}
	return object.ErrUnavailable // no such bucket, access denied, slow down, server errors
}
