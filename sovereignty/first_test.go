package sovereignty

import "testing"

func TestLoadFirst(t *testing.T) {
	_, err := Load()
	if err != nil {
		t.Fatal(err)
	}
}
