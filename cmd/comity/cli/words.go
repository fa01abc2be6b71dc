package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
)

// What a flag can say where only part of a vocabulary is meant.
type (
	outcome     comity.RequestStatus // of an execution
	office      comity.Role          // that a case can be assigned to
	logOutcome  audit.Outcome
	information comity.InformationGrade
)

// vocabulary gives the words of a type of flags, in the order in which people
// are shown them.
var vocabulary = map[reflect.Type][]string{}

func words[T ~string](all ...T) {
	var list []string
	for _, w := range all {
		list = append(list, string(w))
	}
	vocabulary[reflect.TypeFor[T]()] = list
}

func init() {
	words(comity.Purposes...)
	words(comity.TLPClear, comity.TLPGreen, comity.TLPAmber, comity.TLPAmberStrict, comity.TLPRed)
	words(comity.PAPClear, comity.PAPGreen, comity.PAPAmber, comity.PAPRed)
	words(comity.H0, comity.H1, comity.H2, comity.H3)
	words(comity.Classifications...)
	words(comity.CaseOpen, comity.CaseClosed)
	words(comity.ScopeSummary, comity.ScopeFull, comity.ScopeExhibits)
	words(comity.GradeIntelligence, comity.GradeLead, comity.GradeEvidence)
	words(comity.ProposalProposed, comity.ProposalApproved, comity.ProposalDeclined, comity.ProposalLapsed)
	words(comity.GrantPending, comity.GrantActive, comity.GrantRevoked, comity.GrantEnded)
	words(comity.DeciderOwner, comity.DeciderProsecutor, comity.DeciderCourt)
	words(comity.RequestInformation, comity.RequestAccess, comity.RequestMeasure, comity.RequestPreservation)
	words(comity.UrgencyUrgent, comity.UrgencyPrompt, comity.UrgencyRoutine)
	words(comity.RequestSent, comity.RequestReceived, comity.RequestAcknowledged, comity.RequestSupplementAsked, comity.RequestForwarded,
		comity.RequestExecuted, comity.RequestExecutedInPart, comity.RequestNothingHeld, comity.RequestPostponed, comity.RequestRefused, comity.RequestClosed)
	words(outcome(comity.RequestExecuted), outcome(comity.RequestExecutedInPart), outcome(comity.RequestNothingHeld))
	words(comity.Grounds...)
	words(comity.SubjectPerson, comity.SubjectOrganisation, comity.SubjectAccount)
	words(comity.SubjectSuspect, comity.SubjectConvicted, comity.SubjectVictim, comity.SubjectWitness, comity.SubjectContact)
	words(comity.SourceGrades...)
	words(office(comity.RoleLiaison), office(comity.RoleAuthority))
	words(information("1"), "2", "3", "4")
	var outcomes []logOutcome
	for _, o := range audit.Outcomes {
		outcomes = append(outcomes, logOutcome(o))
	}
	words(outcomes...)
	words(comity.EventKinds...)
	dispatchWords()
}

// spoken are the API's words for grades of information, which begin no name
// with a digit: what JSON shows is taken as well.
var spoken = map[string]string{"ONE": "1", "TWO": "2", "THREE": "3", "FOUR": "4"}

// word reads one of the words of a type in any case, with - or a space for _
// and + as TLP writes it.
func word(t reflect.Type, s string) (string, error) {
	w := strings.NewReplacer("-", "_", " ", "_", "+", "_").Replace(strings.ToUpper(strings.TrimSpace(s)))
	if t == reflect.TypeFor[information]() && spoken[w] != "" {
		w = spoken[w]
	}
	if slices.Contains(vocabulary[t], w) {
		return w, nil
	}
	return "", fmt.Errorf("%.40q is none of %s", s, strings.Join(vocabulary[t], ", "))
}

// state reads a state's code in any case.
func state(_ reflect.Type, s string) (string, error) {
	code := comity.State(strings.ToUpper(strings.TrimSpace(s)))
	if !code.Valid() {
		return "", fmt.Errorf("%.40q is no code of a state (ISO 3166-1 alpha-2, as in KZ); comity state list shows the members", s)
	}
	return string(code), nil
}

// category reads a category's code in any case; which ones there are is the
// union's matter.
func category(_ reflect.Type, s string) (string, error) {
	return strings.ReplaceAll(strings.ToUpper(strings.TrimSpace(s)), "-", "_"), nil
}

// mappers read the flags of the vocabulary.
func mappers() (all []kong.Option) {
	add := func(t reflect.Type, read func(reflect.Type, string) (string, error)) {
		all = append(all, kong.TypeMapper(t, kong.MapperFunc(func(ctx *kong.DecodeContext, target reflect.Value) error {
			var s string
			if err := ctx.Scan.PopValueInto("value", &s); err != nil {
				return err
			}
			w, err := read(t, s)
			if err != nil {
				return err
			}
			target.SetString(w)
			return nil
		})))
	}
	for t := range vocabulary {
		add(t, word)
	}
	add(reflect.TypeFor[comity.State](), state)
	add(reflect.TypeFor[comity.Category](), category)
	return all
}

// wordsOf gives the words that a flag or argument can have, nil for any.
func wordsOf(v *kong.Value) []string {
	t := v.Target.Type()
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	return vocabulary[t]
}

// formatHelp adds the words and the default to a flag's help.
func formatHelp(v *kong.Value) string {
	help := v.Help
	if w := wordsOf(v); w != nil {
		help = strings.TrimSuffix(help, ".") + ": " + strings.Join(w, ", ") + "."
	}
	if v.HasDefault {
		help += " Default: " + v.Default + "."
	}
	return help
}

// offer has tab completion offer the words of each flag, and the logins.
func (r *run) offer(n *kong.Node) {
	for _, f := range n.Flags {
		if w := wordsOf(f.Value); w != nil {
			f.Enum = strings.Join(w, ",")
		}
		if f.Name == "profile" {
			f.Enum = strings.Join(r.logins(), ",")
		}
	}
	for _, child := range n.Children {
		r.offer(child)
	}
}

// logins names the profiles that there are.
func (r *run) logins() (names []string) {
	dirs, err := os.ReadDir(filepath.Join(r.home, "profiles"))
	if err != nil {
		return nil
	}
	for _, d := range dirs {
		if profileForm.MatchString(d.Name()) {
			names = append(names, d.Name())
		}
	}
	return names
}
