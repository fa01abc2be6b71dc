package miniosetup

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/comity-platform/comity/deploy/stack/stacktest"
)

// TestNoAccounts: MinIO lets any user make access keys for itself, which would outlive a change of its secret; ours not.
func TestNoAccounts(t *testing.T) {
	m := stacktest.TestMinIO(t)
	id := strings.ToLower(rand.Text()[:10])
	cfg := Config{
		Endpoint: "http://" + m.Endpoint, RootUser: m.AccessKey, RootSecret: m.SecretKey, Region: "us-east-1",
		Bucket: "no-accounts-" + id, AccessKey: "own-" + id, SecretKey: "secret-" + id,
	}
	if err := Apply(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	endpoint, err := url.Parse(cfg.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	create := func(user, secret, name string) error {
		sealed, err := seal(secret, []byte(`{"accessKey":"`+name+`","secretKey":"made-by-itself"}`))
		if err != nil {
			t.Fatal(err)
		}
		return admin{http.DefaultClient, endpoint, user, secret}.put(t.Context(), "add-service-account", nil, sealed)
	}
	if err := create(cfg.AccessKey, cfg.SecretKey, "user-"+id); err == nil || !strings.Contains(err.Error(), "AccessDenied") {
		t.Errorf("user made an access key: %v", err)
	}
	if err := create(cfg.RootUser, cfg.RootSecret, "root-"+id); err != nil {
		t.Errorf("the same call by root: %v", err) // so that the denial is not of a malformed call
	}
}

func TestSealBounds(t *testing.T) {
	if _, err := seal("secret", make([]byte, 16<<10+1)); err == nil {
		t.Error("sealed more than one fragment")
	}
}
