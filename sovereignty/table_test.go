package sovereignty

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/comity-platform/comity"
)

// row is one line of a decision table in testdata/articleNN.txt:
//
//	who | acts | record | circumstances | answer | article policy | cure
//
// for one of its acts. The words are those of testdata/README.md.
type row struct {
	at       string
	question Question
	answer   string // permit, deny, absent
	article  int
	policy   string
	cure     string
	text     []string
}

func readTables(t testing.TB) map[comity.Article][]row {
	t.Helper()
	tables := map[comity.Article][]row{}
	for a := comity.ArticleOriginator; a.Valid(); a++ {
		name := filepath.Join("testdata", fmt.Sprintf("article%02d.txt", int(a)))
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for n, line := range strings.Split(string(text), "\n") {
			if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
				continue
			}
			rows, err := readRows(line)
			if err != nil {
				t.Fatalf("%s:%d: %v", name, n+1, err)
			}
			for _, r := range rows {
				r.at = fmt.Sprintf("%s:%d", name, n+1)
				tables[a] = append(tables[a], r)
			}
		}
	}
	return tables
}

// groups are the words that stand for several acts.
var groups = map[string][]Action{
	"every change": {CaseUpdate, EntryAdd, SubjectAdd, ObservableAdd, CaseClose, CaseReopen, EvidenceBegin, EvidenceParts,
		EvidenceComplete, AnnotationAnswer},
	"every answer": {RequestReceive, RequestAcknowledge, RequestAskSupplement, RequestForward, RequestExecute, RequestPostpone,
		RequestRefuse},
	"everything": slices.DeleteFunc(slices.Clone(Actions), func(a Action) bool { return fresh[a] }),
}

func readRows(line string) (rows []row, err error) {
	who, rest, _ := strings.Cut(line, "|")
	acts, rest, _ := strings.Cut(rest, "|")
	for _, act := range strings.Split(acts, ",") {
		named, ok := groups[strings.TrimSpace(act)]
		if !ok {
			named = []Action{Action(strings.TrimSpace(act))}
		}
		for _, a := range named {
			r, err := readRow(who + "|" + string(a) + "|" + rest)
			if err != nil {
				return nil, err
			}
			rows = append(rows, r)
		}
	}
	return rows, nil
}

func readRow(line string) (row, error) {
	cells := strings.Split(line, "|")
	for i := range cells {
		cells[i] = strings.TrimSpace(cells[i])
	}
	if len(cells) != 7 {
		return row{}, fmt.Errorf("%d columns, wanted 7", len(cells))
	}
	r := row{answer: cells[4], cure: cells[6], text: cells}
	if _, err := fmt.Sscanf(cells[5], "%d %s", &r.article, &r.policy); err != nil {
		return row{}, fmt.Errorf("article and policy %q: %w", cells[5], err)
	}
	if !slices.Contains([]string{"permit", "deny", "absent"}, r.answer) || !slices.Contains(Actions, Action(cells[1])) {
		return row{}, fmt.Errorf("answer %q or act %q is not known", r.answer, cells[1])
	}
	officer, err := readOfficer(cells[0])
	if err != nil {
		return row{}, err
	}
	r.question = Question{Officer: officer, Action: Action(cells[1])}
	if err := readRecord(cells[2], &r.question.Record); err != nil {
		return row{}, err
	}
	return r, readCircumstances(cells[3], &r.question.Circumstances)
}

// readOfficer reads "KZ liaison", "KZ investigator of KZ/terror".
func readOfficer(s string) (comity.Officer, error) {
	words := strings.Fields(s)
	if len(words) != 2 && (len(words) != 4 || words[2] != "of") {
		return comity.Officer{}, fmt.Errorf("officer %q", s)
	}
	o := comity.Officer{State: comity.State(words[0]), Agency: comity.AgencyID(words[0] + "/cyber"),
		Role: comity.Role(strings.ToUpper(words[1])), Pseudonym: words[1]}
	if len(words) == 4 {
		o.Agency = comity.AgencyID(words[3])
	}
	if !o.State.Valid() || !o.Role.Valid() || !o.Agency.Valid() {
		return comity.Officer{}, fmt.Errorf("officer %q", s)
	}
	return o, nil
}

func readRecord(s string, r *Record) error {
	for i, word := range strings.Split(s, ",") {
		first, rest, _ := strings.Cut(strings.TrimSpace(word), " ")
		switch {
		case i == 0:
			r.State, r.Agency = comity.State(first), comity.AgencyID(first+"/cyber")
			r.Category, r.Marking = "RANSOMWARE", comity.DefaultMarking
			kind, to, _ := strings.Cut(rest, " to ")
			r.Kind, r.To, r.Dispatch = comity.Kind(kind), comity.State(to), comity.DispatchKind(strings.ToUpper(kind))
		case first == "of":
			r.Agency = comity.AgencyID(rest)
		case first == "category":
			r.Category = comity.Category(rest)
		case first == "routed":
			r.RoutedTo = comity.AgencyID(rest)
		case first == "red":
			r.Marking.TLP = comity.TLPRed
		case first == "strict":
			r.Marking.TLP = comity.TLPAmberStrict
		case first == "handling":
			r.Marking.Handling = comity.Handling(rest)
		default:
			flag := map[string]*bool{
				"claimed":   &r.Claimed,
				"nexus":     &r.Nexus,
				"reserved":  &r.Reserved,
				"closed":    &r.Closed,
				"original":  &r.Original,
				"owner":     &r.Owner,
				"assigned":  &r.Assigned,
				"reached":   &r.Reached,
				"withdrawn": &r.Withdrawn,
				"reader":    &r.Reader,
				"shown":     &r.Shown,
			}[first]
			if flag == nil {
				return fmt.Errorf("record: %q is not known", word)
			}
			*flag = true
		}
	}
	return nil
}

func readCircumstances(s string, c *Circumstances) error {
	for _, word := range strings.Split(s, ",") {
		word = strings.TrimSpace(word)
		first, rest, _ := strings.Cut(word, " ")
		value := true
		if first == "no" {
			first, rest, value = rest, "", false
		}
		switch first {
		case "", "-":
		case "ready":
			*c = Circumstances{Visible: true, Signed: true, Agreement: true, Mandate: true, Term: true, Caveats: true, Grantee: "AM",
				Grade: comity.GradeLead, Ceiling: true, FirstMandate: true, Another: true, Release: ReleaseFacts{true, true, true, true, true, true, true, true}}
		case "purpose":
			c.Purpose = comity.Purpose(rest)
		case "grantee":
			c.Grantee = comity.State(rest)
		case "becomes":
			c.Becomes = comity.Category(rest)
		case "use":
			c.Use = comity.Use(rest)
		case "pap":
			c.PAP = comity.PAP(rest)
		case "tlp":
			c.TLP = comity.TLP(rest)
		case "classified":
			c.Classification = comity.Classification(rest)
		case "grade":
			c.Grade = comity.Grade(rest)
		case "grant":
			kind, purpose, _ := strings.Cut(rest, " for ")
			c.Grant.Present, c.Grant.Live, c.Grant.Ended = true, kind == "live", kind == "ended"
			c.Grant.Purpose, c.Grant.Scope = comity.Purpose(purpose), comity.ScopeFull
			if kind != "live" && kind != "ended" && kind != "waiting" {
				return fmt.Errorf("circumstances: %q is not known", word)
			}
		default:
			flag := map[string]*bool{"visible": &c.Visible, "signed": &c.Signed, "agreement": &c.Agreement,
				"competent": &c.Competent, "offered": &c.Offered, "onward": &c.Onward, "resident": &c.Resident, "mandate": &c.Mandate, "term": &c.Term,
				"assistance": &c.Assistance, "assessed": &c.Assessed, "second": &c.SecondLiaison, "narrows": &c.Narrows, "caveats": &c.Caveats,
				"proposed": &c.Proposed, "second-officer": &c.Second, "held": &c.Held, "aged": &c.Aged, "preservation": &c.Preservation,
				"leaves-reserved": &c.LeavesReserved, "enters-reserved": &c.EntersReserved, "relabelled": &c.Relabelled,
				"granted": &c.Granted, "ceiling": &c.Ceiling, "emergency": &c.Emergency, "renewal": &c.Renewal, "own-proposal": &c.OwnProposal,
				"first-mandate": &c.FirstMandate, "h1": &c.H1, "h2": &c.H2, "another": &c.Another, "recorded": &c.Recorded, "keeps-assessed": &c.KeepsAssessed, "adverse": &c.Adverse, "overturns-own": &c.OverturnsOwn, "covered": &c.Grant.Present, "keeps-nexus": &c.KeepsNexus, "explained": &c.Explained,
				"named": &c.Grant.NamesExhibit, "grant-second": &c.Grant.SecondLiaison, "release": &c.Release.Present,
				"release-other": &c.Release.ByAnother, "release-state": &c.Release.SameState,
				"release-scope": &c.Release.CoversScope, "release-exhibits": &c.Release.CoversExhibits, "release-subjects": &c.Release.CoversSubjects,
				"release-term": &c.Release.CoversTerm, "release-purpose": &c.Release.SamePurpose}[first]
			if flag == nil {
				return fmt.Errorf("circumstances: %q is not known", word)
			}
			*flag = value
		}
	}
	return nil
}

// differs says how a decision differs from what the row wants, "" when it does not.
func (r row) differs(d Decision) string {
	answer := "absent"
	switch err := d.Err(); {
	case err == nil:
		answer = "permit"
	case comity.CodeOf(err) == comity.CodeDenied:
		answer = "deny"
	}
	if answer != r.answer || int(d.Article) != r.article || d.Policy != r.policy || d.Cure != r.cure || d.Reason == "" {
		return fmt.Sprintf("%s: %s | %s | %s | %s\nwant %s | %d %s | %s\ngot  %s | %d %s | %s\n     %s", r.at,
			r.text[0], r.text[1], r.text[2], r.text[3], r.answer, r.article, r.policy, r.cure,
			answer, int(d.Article), d.Policy, d.Cure, d.Reason)
	}
	return ""
}

func TestTables(t *testing.T) {
	p := load(t)
	for a, rows := range readTables(t) {
		var permits, denials int
		for _, r := range rows {
			if diff := r.differs(p.Decide(r.question)); diff != "" {
				t.Error(diff)
			}
			if r.article != int(a) {
				t.Errorf("%s: a row of Article %d in the table of Article %d", r.at, r.article, a)
			}
			if r.answer == "permit" {
				permits++
			} else {
				denials++
			}
		}
		if denials == 0 {
			t.Errorf("%s has no row that denies", a)
		}
		t.Logf("%s: %d permits, %d denials", a, permits, denials)
	}
}

func load(t testing.TB) *Policies {
	t.Helper()
	p, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return p
}
