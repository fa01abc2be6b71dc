package sqldb

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/comity-platform/comity"
)

// Nexus is read by hand as encoding/json reads it, and what is written is read by hand.
func FuzzNexus(f *testing.F) {
	for _, all := range [][]comity.Nexus{{}, {{Basis: comity.NexusTerritory, State: "KZ"}}, {{Basis: comity.NexusNationals, State: "AM"}, {Basis: comity.NexusTerritory, State: "KZ"}}} {
		raw, err := json.Marshal(all)
		if err != nil {
			f.Fatal(err)
		}
		if got, ok := readNexus(raw); !ok || !reflect.DeepEqual(got, all) {
			f.Errorf("%s is read as %+v", raw, got)
		}
		f.Add(raw)
	}
	for _, raw := range []string{"", "null", "[", "[]]", `[{"basis":"A"}]x`, `[{"basis":"A","basis":"B"},]`, `[{"BASIS":"A"}]`, `[{"basis":"\u0041","state":null}]`, `[{"basis":"` + "\xff" + `"}]`} {
		f.Add([]byte(raw))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, ok := readNexus(raw)
		if !ok {
			return
		}
		var want []comity.Nexus
		if err := json.Unmarshal(raw, &want); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q is read as %+v, and by encoding/json as %+v, %v", raw, got, want, err)
		}
	})
}
