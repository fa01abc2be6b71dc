package miniosetup

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/minio/minio-go/v7/pkg/s3utils"
	"github.com/minio/minio-go/v7/pkg/signer"
	"golang.org/x/crypto/argon2"
)

// admin makes the three calls of MinIO's administration API (version 3) that S3 has no counterpart for. MinIO's own
// client for it would bring some eighty modules along.
type admin struct {
	http     *http.Client
	endpoint *url.URL
	user     string
	secret   string
}

func (a admin) addPolicy(ctx context.Context, name string, policy []byte) error {
	return a.put(ctx, "add-canned-policy", url.Values{"name": {name}}, policy)
}

func (a admin) addUser(ctx context.Context, accessKey, secretKey string) error {
	body, err := json.Marshal(map[string]string{"secretKey": secretKey, "status": "enabled"})
	if err != nil {
		return err
	}
	sealed, err := seal(a.secret, body)
	if err != nil {
		return err
	}
	return a.put(ctx, "add-user", url.Values{"accessKey": {accessKey}}, sealed)
}

// errNoPolicy is MinIO's word that it knows no such policy.
var errNoPolicy = errors.New("XMinioAdminNoSuchPolicy")

// setPolicy gives a user a policy that was added just before: MinIO reads its
// policies anew in the background, and can miss it for a moment.
func (a admin) setPolicy(ctx context.Context, accessKey, name string) error {
	for pause := 50 * time.Millisecond; ; pause *= 2 {
		err := a.put(ctx, "set-user-or-group-policy", url.Values{"policyName": {name}, "userOrGroup": {accessKey}, "isGroup": {"false"}}, nil)
		if !errors.Is(err, errNoPolicy) || pause > 3*time.Second {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}

func (a admin) put(ctx context.Context, call string, query url.Values, body []byte) error {
	u := *a.endpoint
	u.Path = "/minio/admin/v3/" + call
	u.RawQuery = s3utils.QueryEncode(query)
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, u.String(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	req.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(sum[:]))
	req = signer.SignV4(*req, a.user, a.secret, "", "") // this API belongs to no region
	res, err := a.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		var said struct{ Code, Message string } // JSON in some versions, XML in others
		if json.Unmarshal(answer, &said) != nil && xml.Unmarshal(answer, &said) != nil {
			return errors.New(res.Status)
		}
		if said.Code == errNoPolicy.Error() {
			return fmt.Errorf("%s: %w: %s", res.Status, errNoPolicy, said.Message)
		}
		return fmt.Errorf("%s: %s: %s", res.Status, said.Code, said.Message)
	}
	return nil
}

// seal encrypts a body under the caller's secret key, as the API wants where a body holds a secret:
//
//	salt (32) ‖ cipher (1) ‖ nonce (8) ‖ stream
//
// with an Argon2id key (one pass, 64 MiB, four lanes). The stream is sio-go's DARE for AES-256-GCM: fragments of 16 KiB,
// nonce ‖ little-endian counter, associated data a mark of the last fragment ‖ the tag over the stream's (empty)
// associated data under counter 0. What is sent here is always one fragment, which has counter 1.
func seal(secret string, body []byte) ([]byte, error) {
	const fragment = 16 << 10
	if len(body) > fragment {
		return nil, errors.New("body of more than one fragment")
	}
	out := make([]byte, 32+1+8)
	rand.Read(out[:32])
	out[32] = 0 // Argon2id and AES-256-GCM
	rand.Read(out[33:])
	block, err := aes.NewCipher(argon2.IDKey([]byte(secret), out[:32], 1, 64<<10, 4, 32))
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, gcm.NonceSize())
	copy(nonce, out[33:])
	data := gcm.Seal([]byte{0x80}, nonce, nil, nil)
	binary.LittleEndian.PutUint32(nonce[8:], 1)
	return gcm.Seal(out, nonce, body, data), nil
}
