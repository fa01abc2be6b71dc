package importer

import (
	"cmp"
	"slices"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/comity-platform/comity"
)

// source is what texts call a confidential source.
const source = "[confidential source]"

// callsWho gives what sentences call a subject that a grant in full scope leaves
// out unless it is named, "" for any other: an entry is disclosed with the case,
// and would give the name away.
func (s Subject) callsWho() string {
	switch {
	case s.Role == comity.SubjectVictim:
		return "a victim"
	case s.Role == comity.SubjectWitness:
		return "a witness"
	case s.Minor:
		return "a minor"
	}
	return ""
}

// shielded reports whether a role is never lowered to another.
func shielded(r comity.SubjectRole) bool {
	return r == comity.SubjectVictim || r == comity.SubjectWitness
}

// shortest is how long a name must be to be taken out of texts, in characters:
// a shorter one would cut up words that have nothing to do with it.
const shortest = 3

// conceal notes the name of a confidential source.
func (b *builder) conceal(name string) {
	const most = 1000
	if name = clean(name); utf8.RuneCountInString(name) < shortest {
		return
	}
	if len(b.secrets) == most || len(name) > maxValue {
		b.excess = limit("the document names more than %d names of confidential sources, or one of more than %d bytes", most, maxValue)
		return
	}
	b.secrets = append(b.secrets, name)
}

// withhold drops what bears the very name of a confidential source.
func (b *builder) withhold() {
	hidden := map[string]bool{}
	for _, name := range b.secrets {
		hidden[fold(name)] = true
	}
	is := func(name string) bool { return hidden[fold(name)] }
	d := &b.draft
	d.Subjects = slices.DeleteFunc(d.Subjects, func(s Subject) bool {
		if !is(s.Name) && !slices.ContainsFunc(s.Aliases, is) {
			return false
		}
		b.skip(Problem{Position: -1, ID: strings.Join(s.SourceIDs, ", "), Type: "subject"}, "a confidential source is never a subject")
		return true
	})
	d.Observables = slices.DeleteFunc(d.Observables, func(o Observable) bool {
		if !is(o.Value) {
			return false
		}
		b.skip(Problem{Position: -1, ID: strings.Join(o.SourceIDs, ", "), Type: o.Type}, "it is tied to a confidential source")
		return true
	})
}

// redact replaces the names of confidential sources in all texts, since an
// analyst's prose may name one whose record was left out, and those of protected
// subjects wherever a reader of the case would find them.
func (b *builder) redact() {
	var everybody, sources roll
	for _, name := range b.secrets {
		sources = append(sources, entryOf{name: fold(name), called: source, anywhere: true})
	}
	d := &b.draft
	everybody = slices.Clone(sources)
	for _, s := range d.Subjects {
		if who := s.callsWho(); who != "" {
			for _, name := range append([]string{s.Name}, s.Aliases...) {
				if utf8.RuneCountInString(name) >= shortest {
					everybody = append(everybody, entryOf{name: fold(name), called: who})
				}
			}
		}
	}
	everybody, sources = everybody.ready(), sources.ready()
	everybody.cut(&d.Title)
	everybody.cut(&d.Summary)
	sources.cut(&d.Producer)
	for i := range d.Observables {
		everybody.cut(&d.Observables[i].Description)
	}
	for i := range d.Subjects {
		if s := &d.Subjects[i]; s.callsWho() != "" {
			sources.cut(&s.Note) // withheld with the subject
		} else {
			everybody.cut(&s.Note)
		}
	}
	for i := range d.Entries {
		everybody.cut(&d.Entries[i].Text)
	}
}

// roll is a list of names that texts may not hold, sorted once it is ready. A
// document may name many, and a regular expression of them all is too slow.
type roll []entryOf

type entryOf struct {
	name, called string // name is folded
	anywhere     bool   // also within a word
	within       int    // the longest other name that this one begins with, -1 for none
}

func (r roll) ready() roll {
	slices.SortStableFunc(r, func(a, b entryOf) int { return cmp.Compare(a.name, b.name) })
	r = slices.CompactFunc(r, func(a, b entryOf) bool { return a.name == b.name })
	for i := range r {
		j := i - 1
		for j >= 0 && !strings.HasPrefix(r[i].name, r[j].name) {
			j = r[j].within
		}
		r[i].within = j
	}
	return r
}

// find gives the longest name that a folded text begins with, nil for none.
func (r roll) find(text string, inWord bool) *entryOf {
	i := sort.Search(len(r), func(i int) bool { return r[i].name > text }) - 1
	for ; i >= 0; i = r[i].within {
		if e := &r[i]; strings.HasPrefix(text, e.name) && (e.anywhere || !inWord && e.ends(text)) {
			return e
		}
	}
	return nil
}

// ends reports whether a name is not merely the beginning of another word. A
// long one may go on: many languages decline names.
func (e *entryOf) ends(text string) bool {
	next, _ := utf8.DecodeRuneInString(text[len(e.name):])
	return !inWord(next) || utf8.RuneCountInString(e.name) > 4
}

func inWord(c rune) bool { return c != utf8.RuneError && (unicode.IsLetter(c) || unicode.IsDigit(c)) }

// cut puts what people are called in the place of their names.
func (r roll) cut(s *string) {
	if len(r) == 0 {
		return
	}
	*s = strings.ToValidUTF8(*s, "\uFFFD")
	var out strings.Builder
	folded, kept, last := fold(*s), 0, ' '
	skip := 0 // of folded, bytes that belong to a name
	for i, c := range *s {
		n := utf8.RuneLen(foldRune(c))
		switch {
		case skip > 0:
			if skip -= n; skip == 0 {
				kept = i + utf8.RuneLen(c)
			}
		default:
			if e := r.find(folded, inWord(last)); e != nil {
				out.WriteString((*s)[kept:i] + e.called)
				if skip = len(e.name) - n; skip == 0 {
					kept = i + utf8.RuneLen(c)
				}
			}
		}
		folded, last = folded[n:], c
	}
	*s = out.String() + (*s)[kept:]
}

// fold makes texts that differ in case alone the same.
func fold(s string) string { return strings.Map(foldRune, s) }

// foldRune gives the least of the characters that differ in case alone.
func foldRune(c rune) rune {
	least := c
	for f := unicode.SimpleFold(c); f != c; f = unicode.SimpleFold(f) {
		least = min(least, f)
	}
	return least
}
