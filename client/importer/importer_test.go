package importer

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/comity-platform/comity"
)

// counts are what a document must give.
type counts struct{ observables, indicators, subjects, entries, skipped int }

// golden: the real documents by name, in $COMITY_DATA or the folder shared/data
// beside the repository, and our own.
var golden = map[string]counts{
	"misp-kryptocibule.json":           {187, 0, 0, 2, 2},
	"misp-telebots.json":               {78, 69, 1, 17, 0},
	"misp-xdspy-event.json":            {59, 0, 0, 13, 0},
	"apt1.json":                        {12, 12, 10, 49, 17},
	"indicator-for-malicious-url.json": {1, 1, 0, 3, 0},
	"threat-actor-leveraging-attack-patterns-and-malware.json": {0, 0, 2, 3, 2},
	"using-marking-definitions.json":                           {1, 1, 0, 2, 3},
	"ransomware-misp.json":                                     {10, 10, 1, 2, 0},
	"ransomware-stix.json":                                     {10, 9, 1, 6, 4},
	"objects-misp.json":                                        {11, 2, 4, 6, 8},
	"kinds-stix.json":                                          {22, 3, 2, 9, 15},
}

func documents(t *testing.T) []string {
	t.Helper()
	real := os.Getenv("COMITY_DATA")
	if real == "" {
		real = filepath.Join("..", "..", "..", "shared", "data")
	}
	var all []string
	for _, glob := range []string{filepath.Join(real, "*", "*.json"), filepath.Join("testdata", "*.json")} {
		found, err := filepath.Glob(glob)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, found...)
	}
	if len(all) < 4 {
		t.Fatalf("only %d documents found; our own are missing", len(all))
	}
	return all
}

func TestDocuments(t *testing.T) {
	for _, path := range documents(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			d, err := Read(bytes.NewReader(raw), Options{})
			if err != nil {
				t.Fatal(err)
			}
			got := counts{observables: len(d.Observables), subjects: len(d.Subjects), entries: len(d.Entries), skipped: len(d.Skipped)}
			for _, o := range d.Observables {
				if o.Indicator {
					got.indicators++
				}
			}
			if want, known := golden[filepath.Base(path)]; known && got != want {
				for _, s := range d.Skipped {
					t.Log(s)
				}
				t.Errorf("got %+v, want %+v", got, want)
			}
			if err := sound(d); err != nil {
				t.Error(err)
			}
			again, err := Read(bytes.NewReader(raw), Options{})
			if err != nil || !reflect.DeepEqual(d, again) {
				t.Error("a second reading gives another draft")
			}
		})
	}
}

// sound checks what every draft promises.
func sound(d *Draft) error {
	if d.Format != FormatSTIX && d.Format != FormatMISP {
		return errors.New("no format")
	}
	for _, o := range d.Observables {
		switch {
		case o.Type == "" || o.Value == "" || len(o.SourceIDs) == 0:
			return errors.New("an observable lacks type, value or source: " + o.Type + " " + o.Value)
		case o.Marking.TLP.Rank() > d.Marking.TLP.Rank(), o.Marking.PAP.Rank() > d.Marking.PAP.Rank():
			return errors.New("an observable is stricter than the draft")
		}
		if _, plain := properties[o.Type]; plain {
			if v, err := canonical(o.Type, o.Value); err != nil || v != o.Value {
				return errors.New("not canonical: " + o.Type + " " + o.Value)
			}
		}
	}
	for _, s := range d.Subjects {
		if s.Name == "" || s.Kind == "" || s.Role == "" {
			return errors.New("a subject lacks name, kind or role")
		}
	}
	for _, e := range d.Entries {
		if e.Text == "" || e.Kind == "" || clean(e.Text) != e.Text {
			return errors.New("an entry has no clean text")
		}
	}
	for _, p := range append(d.Skipped, d.Broken...) {
		if p.Reason == "" {
			return errors.New("a problem without a reason")
		}
	}
	return nil
}

func TestSamplesAgree(t *testing.T) {
	type thing struct{ typ, value, hash string }
	var sets [2]map[thing]bool
	var drafts [2]*Draft
	for i, name := range []string{"ransomware-misp.json", "ransomware-stix.json"} {
		d, err := Read(bytes.NewReader(Sample(name)), Options{})
		if err != nil {
			t.Fatal(err)
		}
		drafts[i], sets[i] = d, map[thing]bool{}
		for _, o := range d.Observables {
			sets[i][thing{o.Type, o.Value, o.Hashes["SHA-256"]}] = true
		}
		if d.Marking != (Marking{TLP: comity.TLPAmber, PAP: comity.PAPAmber}) {
			t.Errorf("%s: marking %+v", name, d.Marking)
		}
		if d.Title != "Ransomware against Kokzhal Bank" || !strings.Contains(d.Summary, "4.2 BTC") {
			t.Errorf("%s: %q, %q", name, d.Title, d.Summary)
		}
		if s := d.Subjects[0]; s.Role != comity.SubjectVictim || s.Kind != comity.SubjectOrganisation || s.Name != "Kokzhal Bank JSC" {
			t.Errorf("%s: %+v", name, s)
		}
	}
	if !reflect.DeepEqual(sets[0], sets[1]) {
		t.Errorf("the formats disagree:\n%v\n%v", sets[0], sets[1])
	}
	if !sets[0][thing{typ: "cryptocurrency-wallet", value: "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"}] {
		t.Error("the wallet is missing")
	}
	if Sample("../importer.go") != nil || Sample("none.json") != nil {
		t.Error("a sample that is none")
	}
}

func TestRefusedDocuments(t *testing.T) {
	uuid := "7f3a1c52-9d0e-4b6a-8c11-2f5e6d7a8b90"
	ok := `{"type":"bundle","id":"bundle--` + uuid + `","objects":[]}`
	for name, c := range map[string]struct {
		doc, want string
		code      comity.Code
	}{
		"empty":               {"", "ends too early", comity.CodeInvalid},
		"xml":                 {"<stix:STIX_Package/>", "not JSON", comity.CodeInvalid},
		"cut off":             {ok[:40], "ends too early", comity.CodeInvalid},
		"two texts":           {ok + ok, "goes on after its end", comity.CodeInvalid},
		"not UTF-8":           {"{\"type\":\"b\xff\"}", "not UTF-8", comity.CodeInvalid},
		"UTF-16":              {"{\x00}\x00", "not JSON", comity.CodeInvalid},
		"unpaired surrogate":  {`{"type":"\ud800"}`, "unpaired surrogate", comity.CodeInvalid},
		"duplicate name":      {`{"type":"bundle","type":"x"}`, `"type" twice`, comity.CodeInvalid},
		"duplicate deep down": {"{\"a\":[{\"b\":1,\n\"b\":1}]}", "line 2", comity.CodeInvalid},
		"a number":            {"7", "neither", comity.CodeInvalid},
		"another document":    {`{"Type":"bundle"}`, "neither", comity.CodeInvalid},
		"empty bundle":        {ok, "no objects", comity.CodeInvalid},
		"STIX 2.0":            {`{"type":"bundle","spec_version":"2.0","id":"x","objects":[1]}`, "only STIX 2.1", comity.CodeInvalid},
		"no event":            {`{"response":[]}`, "0 events", comity.CodeInvalid},
		"two events":          {`[{"Event":{}},{"Event":{}}]`, "2 events", comity.CodeInvalid},
		"deep":                {strings.Repeat("[", 1_000_000), "nested deeper", comity.CodeLimit},
		"deep objects":        {strings.Repeat(`{"a":`, 1_000_000), "nested deeper", comity.CodeLimit},
		"large":               {`"` + strings.Repeat("a", 1<<16) + `"`, "larger than", comity.CodeLimit},
		"many":                {`{"type":"bundle","id":"bundle--` + uuid + `","objects":[` + strings.Repeat("1,", 100) + `1]}`, "more than 100 objects", comity.CodeLimit},
		"many attributes":     {`{"Event":{"Object":[{"Attribute":[` + strings.Repeat("1,", 100) + `1]}]}}`, "more than 100 objects", comity.CodeLimit},
	} {
		t.Run(name, func(t *testing.T) {
			max := int64(1 << 16)
			if strings.HasPrefix(name, "deep") {
				max = 1 << 24
			}
			d, err := Read(strings.NewReader(c.doc), Options{Partial: true, MaxBytes: max, MaxObjects: 100})
			if err == nil || d != nil {
				t.Fatalf("it was read: %+v", d)
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("%q does not say %q", err, c.want)
			}
			if got := comity.CodeOf(err); got != c.code {
				t.Errorf("code %s, want %s", got, c.code)
			}
		})
	}
}

func TestByteOrderMark(t *testing.T) {
	if _, err := Read(io.MultiReader(strings.NewReader("\xef\xbb\xbf"), bytes.NewReader(Sample("ransomware-misp.json"))), Options{}); err != nil {
		t.Error(err)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("disk gone") }

func TestReaderFails(t *testing.T) {
	if _, err := Read(failing{}, Options{}); err == nil || !strings.Contains(err.Error(), "disk gone") {
		t.Error(err)
	}
}

func TestComplete(t *testing.T) {
	got := Marking{TLP: comity.TLPRed, Statement: "not for court"}.Complete(comity.DefaultMarking)
	if want := (comity.Marking{TLP: comity.TLPRed, PAP: comity.PAPAmber, Handling: comity.H3}); got != want {
		t.Errorf("%+v", got)
	}
	if got := (Marking{}).Complete(comity.DefaultMarking); got != comity.DefaultMarking {
		t.Errorf("%+v", got)
	}
}

// read reads a document that must be fine.
func read(t *testing.T, doc string, o Options) *Draft {
	t.Helper()
	d, err := Read(strings.NewReader(doc), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := sound(d); err != nil {
		t.Fatal(err)
	}
	return d
}

// readBroken reads a document with broken objects both ways, and checks that the
// two agree on what is broken.
func readBroken(t *testing.T, doc string) (*BrokenError, *Draft) {
	t.Helper()
	_, err := Read(strings.NewReader(doc), Options{})
	broken, ok := errors.AsType[*BrokenError](err)
	if !ok {
		t.Fatalf("no BrokenError: %v", err)
	}
	if comity.CodeOf(err) != comity.CodeInvalid {
		t.Error("not of code INVALID")
	}
	d := read(t, doc, Options{Partial: true})
	if !reflect.DeepEqual(d.Broken, broken.Problems) {
		t.Errorf("partial reading disagrees: %v and %v", d.Broken, broken.Problems)
	}
	return broken, d
}
