package exchange

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/comity-platform/comity"
)

// What records are bound to is written by hand as encoding/json writes it: what
// was sealed before opens on.
func FuzzBinding(f *testing.F) {
	f.Add("case1_x", "KZ/cyber", "text/plain; charset=\"utf-8\"", int64(1700000000000000), true, 3)
	f.Add("<&>\u2028\u2029\x00\x7f\\", "é\xff", "", int64(-1), false, -7)
	f.Fuzz(func(t *testing.T, id, agency, text string, n int64, flag bool, version int) {
		at := time.UnixMicro(n).In(time.FixedZone("x", 3600))
		m := comity.Marking{TLP: comity.TLP(text), PAP: comity.PAPAmber, Handling: comity.Handling(id)}
		c := comity.Case{ID: comity.ID(id), State: "KZ", Agency: comity.AgencyID(agency), Owner: comity.OfficerRef(text), Category: comity.Category(text),
			Status: comity.CaseOpen, Marking: m, Nexus: []comity.Nexus{{Basis: comity.NexusTerritory, State: comity.State(agency)}}, Reserved: flag, Version: version}
		none, several := c, c
		none.Nexus, several.Nexus = nil, []comity.Nexus{{Basis: comity.NexusBasis(id), State: comity.State(text)}, {}}
		assessed := c
		assessed.Assessed = comity.Assessed{Category: comity.Category(text), By: comity.OfficerRef(id)}
		e := comity.Entry{ID: comity.ID(id), Case: comity.ID(text), State: "KZ", Author: comity.OfficerRef(agency), Marking: m, CreatedAt: at}
		o := comity.Observable{ID: comity.ID(id), Case: comity.ID(text), State: "KZ", Marking: m, CreatedAt: at}
		v := comity.Evidence{ID: comity.ID(id), Case: comity.ID(agency), State: "KZ", MediaType: text, Original: flag, Size: n}
		micros := at.UTC().UnixMicro()
		for kind, both := range map[string][2][]byte{
			"case":     {bindCase(c), bind("case", c.ID, c.State, c.Agency, c.Owner, c.Category, c.Status, c.Marking, c.Nexus, c.Reserved, c.Version)},
			"no nexus": {bindCase(none), bind("case", c.ID, c.State, c.Agency, c.Owner, c.Category, c.Status, c.Marking, none.Nexus, c.Reserved, c.Version)},
			"several": {bindCase(several), bind("case", c.ID, c.State, c.Agency, c.Owner, c.Category, c.Status, c.Marking, several.Nexus,
				c.Reserved, c.Version)},
			"assessed": {bindCase(assessed), bind("case", c.ID, c.State, c.Agency, c.Owner, c.Category, c.Status, c.Marking, c.Nexus, c.Reserved, c.Version,
				assessed.Assessed)},
			"entry":      {bindEntry(e), bind("entry", e.ID, e.Case, e.State, e.Author, e.Marking, micros)},
			"observable": {bindObservable(o), bind("observable", o.ID, o.Case, o.State, o.Marking, micros)},
			"evidence":   {bindEvidence(v), bind("evidence", v.ID, v.Case, v.State, v.MediaType, v.Original, v.Size)},
		} {
			if string(both[0]) != string(both[1]) {
				t.Errorf("%s:\n%s\nencoding/json:\n%s", kind, both[0], both[1])
			}
		}
	})
}

// Words that lists are full of are read by hand as encoding/json reads them.
func FuzzText(f *testing.F) {
	f.Add([]byte(`{"title":"t","summary":"s","narrative":"n","reference":"r","classification":"SECRET"}`))
	f.Add([]byte(`{"name":"disk é.txt","note":"","claimMd5":"0","claimSha1":"1"}`))
	f.Add([]byte(`{"happened":"2026","text":"a \" b","text":"twice"}`))
	f.Add([]byte(`{"NAME":"x","text":null}`))
	f.Add([]byte("{\"text\":\"\xff\x01\"}"))
	f.Add([]byte(`{"text":"a"} `))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, plain []byte) {
		for _, both := range [][2]any{{new(comity.CaseText), new(comity.CaseText)}, {new(comity.EvidenceText), new(comity.EvidenceText)},
			{new(comity.EntryText), new(comity.EntryText)}} {
			if !readText(plain, both[0]) {
				continue
			}
			if err := json.Unmarshal(plain, both[1]); err != nil || !reflect.DeepEqual(both[0], both[1]) {
				t.Errorf("%q is read as %+v, and by encoding/json as %+v, %v", plain, both[0], both[1], err)
			}
		}
	})
}

// TestTextByHand: what seal writes for most words is read by hand.
func TestTextByHand(t *testing.T) {
	for _, text := range []any{
		&comity.CaseText{Title: "Ransom note", Summary: "Files were encrypted — all", Narrative: "n", Reference: "R-1", Classification: comity.Secret},
		&comity.EvidenceText{Name: "disk.img", Note: "n", ClaimMD5: "0", ClaimSHA1: "1", Classification: comity.Secret},
		&comity.EntryText{Happened: "2026", Text: "The room was sealed.", Classification: comity.Secret},
	} {
		raw, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		got := reflect.New(reflect.TypeOf(text).Elem()).Interface()
		if !readText(raw, got) || !reflect.DeepEqual(got, text) {
			t.Errorf("%s is read as %+v", raw, got)
		}
	}
}
