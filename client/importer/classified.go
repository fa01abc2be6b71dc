package importer

import (
	"slices"
	"strings"

	"github.com/comity-platform/comity"
)

// secretTags are the namespaces of MISP taxonomies that say how matter is
// classified as a state secret, with the level of each value in lower case.
var secretTags = map[string]map[string]comity.Classification{
	"euci": {"eu-restricted": comity.Restricted, "eu-confidential": comity.Confidential, "eu-secret": comity.Secret, "eu-top-secret": comity.TopSecret},
	"nato": {"nu": comity.Unclassified, "nr": comity.Restricted, "nc": comity.Confidential, "nc-a": comity.Confidential, "ns": comity.Secret,
		"ns-a": comity.Secret, "cts": comity.TopSecret, "cts-a": comity.TopSecret, "cts-b": comity.TopSecret},
	"fr-classif": {"non-protege": comity.Unclassified, "diffusion_restreinte": comity.Restricted,
		"confidentiel_defense": comity.Confidential, //nolint:misspell // French
		"secret":               comity.Secret, "secret_defense": comity.Secret, "tres_secret": comity.TopSecret, "tres_secret_defense": comity.TopSecret},
	"de-vs":   {"vs-nfd": comity.Restricted, "vs-vertraulich": comity.Confidential, "geheim": comity.Secret, "streng geheim": comity.TopSecret},
	"dni-ism": {"u": comity.Unclassified, "r": comity.Restricted, "c": comity.Confidential, "s": comity.Secret, "ts": comity.TopSecret},
	"protectivemarking": {"unclassified": comity.Unclassified, "official": comity.Unclassified, "restricted": comity.Restricted, "protected": comity.Confidential,
		"confidential": comity.Confidential, "secret": comity.Secret, "top secret": comity.TopSecret},
}

// secretBeside are the predicates of these namespaces that restrict how matter is
// handled, and say no level.
var secretBeside = map[string][]string{
	"fr-classif": {"special-france"},
	"de-vs":      {"schutzwort"},
	"dni-ism":    {"complies:with", "dissem", "nonic", "nonuscontrols", "notice"},
}

// classified is the level that a tag declares, "" where it is about something
// else. One of such a namespace whose value nobody knows is above all.
func classified(space, rest string) comity.Classification {
	levels, ok := secretTags[space]
	if !ok || rest == "" { // a bare word is a topic
		return ""
	}
	predicate, value, valued := strings.Cut(rest, "=")
	if slices.Contains(secretBeside[space], predicate) {
		return ""
	}
	if !valued {
		value = predicate
	}
	if level, known := levels[strings.Trim(value, `"\ `)]; known {
		return level
	}
	return comity.TopSecret
}
