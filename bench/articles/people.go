package main

import (
	"fmt"
	"math/rand/v2"

	"github.com/comity-platform/comity"
)

// size is how large a union is.
type size struct{ cases, states, agencies, grants int }

// The sizes that are compared: all of a hundredth, but that there must be
// states enough to grant each other something.
var (
	large = size{cases: 1_000_000, states: 50, agencies: 5_000, grants: 200_000}
	small = size{cases: 10_000, states: 5, agencies: 50, grants: 2_000}
)

// reduced is a size with a part of its cases, agencies and grants, to try the
// benchmark out.
func (s size) reduced(by int) size {
	return size{s.cases / by, s.states, max(s.states, s.agencies/by), s.grants / by}
}

func (s size) String() string {
	return fmt.Sprintf("%d cases, %d states, %d agencies, %d grants", s.cases, s.states, s.agencies, s.grants)
}

// code is a state's, of the 676 that there can be.
func code(n int) comity.State {
	return comity.State([]byte{byte('A' + n%26), byte('A' + n/26)})
}

// investigators is how many an agency has.
const investigators = 4

// agency is the nth of a state.
func (s size) agency(state, n int) comity.AgencyID {
	return comity.AgencyID(fmt.Sprintf("%s/a%d", code(state), n))
}

func (s size) agenciesOf() int { return s.agencies / s.states }

// investigator is the nth of an agency.
func (s size) investigator(state, agency, n int) comity.Officer {
	return comity.Officer{State: code(state), Agency: s.agency(state, agency), Role: comity.RoleInvestigator, Function: "investigator",
		Pseudonym: fmt.Sprintf("i%d-%d", agency, n)}
}

// liaison is that of an agency.
func (s size) liaison(state, agency int) comity.Officer {
	return comity.Officer{State: code(state), Agency: s.agency(state, agency), Role: comity.RoleLiaison, Function: "liaison",
		Pseudonym: fmt.Sprintf("l%d", agency)}
}

// some draws officers, every second of them a liaison.
func (s size) some(r *rand.Rand, n int) (all []comity.Officer) {
	for i := range n {
		state, agency := r.IntN(s.states), r.IntN(s.agenciesOf())
		if i%2 == 0 {
			all = append(all, s.liaison(state, agency))
		} else {
			all = append(all, s.investigator(state, agency, r.IntN(investigators)))
		}
	}
	return all
}
