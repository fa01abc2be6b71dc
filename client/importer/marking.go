package importer

import (
	"slices"
	"strings"

	"github.com/comity-platform/comity"
)

// The marking-definition objects that STIX 2.1 (section 7.2.1.4) and the OASIS
// TLP 2.0 extension fix. Their ids mean the label whether or not the bundle
// carries the object.
var tlpDefinitions = map[string]comity.TLP{
	"marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9": comity.TLPClear, // TLP 1.0 WHITE
	"marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da": comity.TLPGreen,
	"marking-definition--f88d31f6-486f-44da-b317-01333bde0b82": comity.TLPAmber,
	"marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed": comity.TLPRed,
	"marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487": comity.TLPClear, // TLP 2.0
	"marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb": comity.TLPGreen,
	"marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421": comity.TLPAmber,
	"marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003": comity.TLPAmberStrict,
	"marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1": comity.TLPRed,
}

const tlpExtension = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"

// labels of TLP 1.0 and 2.0, in lower case.
var tlpLabels = map[string]comity.TLP{
	"white": comity.TLPClear, "clear": comity.TLPClear, "green": comity.TLPGreen, "amber": comity.TLPAmber,
	"amber+strict": comity.TLPAmberStrict, "red": comity.TLPRed,
}

var papLabels = map[string]comity.PAP{
	"white": comity.PAPClear, "clear": comity.PAPClear, "green": comity.PAPGreen, "amber": comity.PAPAmber, "red": comity.PAPRed,
}

// restrictiveTags are the namespaces of MISP taxonomies that restrict handling.
// A case has no field for them, so they are kept in words and never dropped.
var restrictiveTags = []string{
	"acs-marking", "ais-marking", "data-classification", "dcso-sharing", "de-vs", "dni-ism", "euci", "fr-classif",
	"iep", "iep2-policy", "nato", "protectivemarking",
}

// readTag reads a marking from a tag or statement; false when it is about
// something else.
func readTag(tag string) (Marking, bool) {
	name := strings.ToLower(strings.TrimSpace(tag))
	space, rest, _ := strings.Cut(name, ":")
	rest = strings.Trim(rest, `" `)
	switch {
	case space == "tlp" && tlpLabels[rest] != "":
		return Marking{TLP: tlpLabels[rest]}, true
	case space == "pap" && papLabels[rest] != "":
		return Marking{PAP: papLabels[rest]}, true
	// An unknown label ("tlp:ex:chr") still restricts in some way.
	case space == "tlp", space == "pap", slices.Contains(restrictiveTags, space):
		return Marking{Statement: clean(tag), Classification: classified(space, rest)}, true
	}
	return Marking{}, false
}

// with is the stricter of both in each label, with the statements of both.
func (m Marking) with(n Marking) Marking {
	if m.Classification != "" || n.Classification != "" {
		m.Classification = comity.Highest(m.Classification, n.Classification)
	}
	if n.TLP.Rank() > m.TLP.Rank() {
		m.TLP = n.TLP
	}
	if n.PAP.Rank() > m.PAP.Rank() {
		m.PAP = n.PAP
	}
	for line := range strings.Lines(n.Statement) {
		line = strings.TrimSuffix(line, "\n")
		if line != "" && !slices.Contains(strings.Split(m.Statement, "\n"), line) {
			m.Statement = strings.TrimPrefix(m.Statement+"\n"+line, "\n")
		}
	}
	return m
}

// under fills what m leaves unstated from the marking of what contains it. A
// statement about the whole holds for its parts too, as its classification does.
func (m Marking) under(whole Marking) Marking {
	if m.TLP == "" {
		m.TLP = whole.TLP
	}
	if m.PAP == "" {
		m.PAP = whole.PAP
	}
	return Marking{Statement: whole.Statement, Classification: whole.Classification}.with(m)
}

// readDefinition reads a STIX marking-definition object. A fixed id keeps its
// fixed meaning; an object that says otherwise is a trick or a fault.
func readDefinition(o *object) Marking {
	var m Marking
	if ext, ok := extension(o, tlpExtension); ok {
		label, _ := ext["tlp_2_0"].(string)
		if m.TLP = tlpLabels[label]; m.TLP == "" {
			o.fail("tlp_2_0 is no TLP 2.0 label: %s", quote(label))
		}
	}
	def := o.sub("definition")
	switch kind := strings.ToLower(o.str("definition_type")); {
	case kind == "tlp" && def != nil:
		label, _ := def["tlp"].(string)
		if m.TLP = tlpLabels[strings.ToLower(label)]; m.TLP == "" {
			o.fail("the definition is no TLP label: %s", quote(label))
		}
	case kind == "statement" && def != nil:
		text, _ := def["statement"].(string)
		if text = clean(text); text == "" {
			o.fail("the definition's statement is missing")
		}
		tag, ok := readTag(text) // as MISP exports its tags
		if !ok {
			tag = Marking{Statement: text}
		}
		m = m.with(tag)
	case m.TLP != "": // the TLP 2.0 extension says it all
	case len(o.sub("extensions")) > 0 || def != nil:
		// Another scheme: keep its name, since its rules cannot be read.
		name := o.text("name")
		if name == "" {
			name = o.str("id")
		}
		tag, ok := readTag(name)
		if !ok {
			tag = Marking{Statement: name}
		}
		m = m.with(tag)
	default:
		o.fail("the marking defines nothing")
	}
	if fixed := tlpDefinitions[o.str("id")]; fixed != "" && m.TLP != fixed {
		o.fail("this id is fixed as TLP:%s, but the object says otherwise", fixed)
	}
	return m
}

func extension(o *object, id string) (map[string]any, bool) {
	ext, ok := o.sub("extensions")[id].(map[string]any)
	return ext, ok
}
