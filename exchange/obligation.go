package exchange

import "github.com/comity-platform/comity"

// Obligations are what binds the use of the case (Article 9), none while
// nothing of it is open.
func (v *CaseView) Obligations() []comity.Obligation { return v.bind(v.Access.Grant) }

// bind are the obligations of the case, or of one of its records with the
// record's own markings, under the grant that opens it.
func (v *CaseView) bind(g *comity.Grant, own ...comity.Marking) []comity.Obligation {
	if !v.shown() {
		return nil
	}
	if v.Own {
		g = nil
	}
	return comity.Obligations(g, append(own, v.Marking)...)
}

// shown reports whether the case's clear fields are open.
func (v *CaseView) shown() bool { return v.Own || len(v.grants) > 0 && v.denied == 0 }

// Obligations are what binds the use of the entry.
func (e EntryView) Obligations() []comity.Obligation {
	return e.of.bind(e.of.Access.Grant, e.Marking)
}

// Obligations are what binds the use of the subject; of a person whom a grant
// names, which need not be the one that opens the most of the case, those of that.
func (s SubjectView) Obligations() []comity.Obligation {
	return s.of.bind(s.grant(), s.Marking)
}

// grant is the grant under which the subject is open abroad.
func (s SubjectView) grant() *comity.Grant {
	if named := grantNamed(s.of.grants, s.of.Subjects[s.ID]); named != nil {
		return named
	}
	return s.of.Access.Grant
}

// Obligations are what binds the use of the observable.
func (o ObservableView) Obligations() []comity.Obligation {
	return o.of.bind(o.of.Access.Grant, o.Marking)
}

// Obligations are what binds the use of the exhibit: those of the grant that
// names it, which need not be the one that opens the most of the case.
func (e EvidenceView) Obligations() []comity.Obligation {
	return e.of.bind(grantNamed(e.of.grants, e.Grant))
}

// Obligations are what binds the use of a dispatch: the marking that its state
// gave it and, where it is shown with another state's case, what binds that too.
func (d *DispatchView) Obligations() []comity.Obligation {
	if d.of != nil {
		return d.of.bind(d.of.Access.Grant, d.Marking)
	}
	return comity.Obligations(nil, d.Marking)
}
