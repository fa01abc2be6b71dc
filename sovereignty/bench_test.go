package sovereignty

import (
	"testing"
)

// questions are typical ones: a foreign read under a grant, a change of an own
// case, the making of a grant with every fact given, and a hidden record.
func questions(t testing.TB) map[string]Question {
	read := func(line string) Question {
		r, err := readRow(line)
		if err != nil {
			t.Fatal(err)
		}
		return r.question
	}
	return map[string]Question{
		"foreignRead": read("AM investigator | caseRead | KZ case, nexus | visible, agreement, grant live for INVESTIGATION, purpose INVESTIGATION | permit | 9 x |"),
		"ownChange":   read("KZ investigator | caseUpdate | KZ case, assigned | visible | permit | 2 x |"),
		"grantMake":   read("KZ liaison | grantMake | KZ case, nexus, reached | ready | permit | 8 x |"),
		"hidden":      read("AM investigator | caseRead | KZ case | purpose INVESTIGATION | absent | 12 x |"),
		"request":     read("KZ liaison | requestAcknowledge | AM request to KZ | visible | permit | 3 x |"),
	}
}

func BenchmarkDecide(b *testing.B) {
	p := load(b)
	for name, q := range questions(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var d Decision
			for b.Loop() {
				d = p.Decide(q)
			}
			if d.Policy == policyFault || d.Permit == (name == "hidden") {
				b.Fatalf("%+v", d)
			}
		})
	}
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		if _, err := Load(); err != nil {
			b.Fatal(err)
		}
	}
}
