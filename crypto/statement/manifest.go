package statement

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/internal/jws"
	"github.com/comity-platform/comity/internal/loopback"
)

// MaxManifestTerm is the longest that a manifest may be valid, so that a lost
// root or a forgotten issuer does not speak for a state for ever.
const MaxManifestTerm = 2 * 366 * 24 * time.Hour

// maxInteger is the greatest integer that canonical JSON holds without loss.
const maxInteger = 1 << 53

// Embedded is the custodian address of a state whose custodian runs in the
// exchange's own process.
const Embedded = "embedded"

// IssuerAlgorithms are the JWS algorithms that a manifest may let an issuer's
// tokens use: asymmetric ones only.
var IssuerAlgorithms = []jose.SignatureAlgorithm{jose.ES256, jose.ES384, jose.EdDSA, jose.PS256, jose.RS256}

// SignManifest signs a manifest with the state's root. A manifest with faults
// is refused with all of them.
func SignManifest(ctx context.Context, root Signer, m Manifest) (string, error) {
	if err := faults(m); err != nil {
		return "", err
	}
	compact, err := Sign(ctx, root, TypManifest, m)
	if err == nil && len(compact) > maxManifest {
		return "", fmt.Errorf("statement: the manifest of %s is longer than %d bytes", m.State, maxManifest)
	}
	return compact, err
}

// VerifyManifest verifies a manifest by a pinned root, checks it for faults and
// that now lies within its dates. It does not know earlier numbers: see [Directory].
func VerifyManifest(compact string, root jose.JSONWebKey, now time.Time) (Manifest, error) {
	m, err := readManifest(compact, root)
	if err != nil {
		return Manifest{}, err
	}
	return m, m.current(now)
}

func readManifest(compact string, root jose.JSONWebKey) (Manifest, error) {
	message, err := parse(compact, TypManifest, maxManifest)
	if err != nil {
		return Manifest{}, fmt.Errorf("statement: the manifest: %w", err)
	}
	payload, err := message.Verify(root)
	if err != nil {
		return Manifest{}, fmt.Errorf("statement: the manifest is not signed by the pinned root: %w", err)
	}
	var m Manifest
	if err := jws.Decode(payload, &m); err != nil {
		return Manifest{}, fmt.Errorf("statement: the manifest: %w", err)
	}
	return m, faults(m)
}

// current refuses a manifest outside its dates.
func (m Manifest) current(now time.Time) error {
	switch {
	case now.Add(Freshness).Before(m.IssuedAt):
		return fmt.Errorf("statement: the manifest of %s was issued in the future (%s); this computer's clock is off, or the signer's was",
			m.State, m.IssuedAt.UTC().Format(time.RFC3339))
	case !now.Before(m.Expires):
		return &comity.Error{Code: comity.CodeUnavailable,
			Message: fmt.Sprintf("the manifest of %s expired on %s", m.State, m.Expires.UTC().Format(time.RFC3339)),
			Cure:    "the state's authority publishes a new manifest"}
	}
	return nil
}

func faults(m Manifest) error {
	if errs := m.Check(); len(errs) > 0 {
		return fmt.Errorf("statement: the manifest of %q has faults: %w", m.State, errors.Join(errs...))
	}
	return nil
}

// Fault is one fault of a manifest, with where it stands as a JSON pointer (RFC 6901).
type Fault struct {
	Pointer string
	Message string
}

func (f Fault) Error() string { return f.Pointer + ": " + f.Message }

// checker gathers faults.
type checker struct{ faults []error }

func (c *checker) want(ok bool, pointer, format string, args ...any) {
	if !ok {
		c.faults = append(c.faults, Fault{pointer, fmt.Sprintf(format, args...)})
	}
}

// Check gives every fault of the manifest at once, each a [Fault].
func (m Manifest) Check() []error {
	c := &checker{}
	c.want(m.Union != "", "/union", "names no union")
	c.want(m.State.Valid(), "/state", "%q is not an ISO 3166-1 alpha-2 code", m.State)
	c.want(m.Name != "", "/name", "is empty")
	c.want(m.Number >= 1 && m.Number <= maxInteger, "/number", "manifests are numbered from 1 to 2^53")
	c.want(!m.IssuedAt.IsZero(), "/issuedAt", "is missing")
	c.want(m.Expires.After(m.IssuedAt), "/expires", "is not after issuedAt")
	c.want(m.Expires.Sub(m.IssuedAt) <= MaxManifestTerm, "/expires", "is more than two years after issuedAt")
	listed := m.checkAgencies(c)
	c.want(listed[m.ContactPoint], "/contactPoint", "%q is not one of the agencies", m.ContactPoint)
	c.want(comity.CheckContact(m.Contact) == nil, "/contact", "is not one line of at most %d bytes that shows as it is", comity.MaxContact)
	m.checkIssuers(c, listed)
	m.checkKeys(c)
	if m.Custodian != Embedded {
		checkURL(c, "/custodian", m.Custodian)
	}
	checkURL(c, "/store", m.Store)
	ids := map[string]bool{}
	for i, a := range m.Agreements {
		at := fmt.Sprintf("/agreements/%d", i)
		c.want(!ids[a.ID], at+"/id", "%q stands twice", a.ID)
		ids[a.ID] = true
		a.check(c, at)
		c.want(slices.Contains(a.Parties, m.State), at+"/parties", "%s is not a party", m.State)
	}
	checkMeasures(c, "/offers", m.Offers)
	m.Log.check(c, "/log", m.Union, string(m.State))
	c.want(isHash(m.Policies), "/policies", "is not a SHA-256 in hex: that of the policy set which the state accepts")
	return c.faults
}

func (m Manifest) checkAgencies(c *checker) map[comity.AgencyID]bool {
	listed := map[comity.AgencyID]bool{}
	c.want(len(m.Agencies) > 0, "/agencies", "there is none")
	for i, a := range m.Agencies {
		at := fmt.Sprintf("/agencies/%d", i)
		c.want(a.ID.Valid() && a.ID.State() == m.State, at+"/id", "%q is not an agency of %s, as in \"%s/cyber\"", a.ID, m.State, m.State)
		c.want(!listed[a.ID], at+"/id", "%q stands twice", a.ID)
		listed[a.ID] = true
		c.want(a.Name != "", at+"/name", "is empty")
		c.want(len(a.Competences) > 0, at+"/competences", "there is none")
		for j, k := range a.Competences {
			here := fmt.Sprintf("%s/competences/%d", at, j)
			c.want(k == comity.Cybercrime || k == comity.CounterTerrorism, here, "%q is no competence", k)
			c.want(!slices.Contains(a.Competences[:j], k), here, "%q stands twice", k)
		}
	}
	return listed
}

func (m Manifest) checkIssuers(c *checker, listed map[comity.AgencyID]bool) {
	urls := map[string]bool{}
	c.want(len(m.Issuers) > 0, "/issuers", "there is none")
	for i, is := range m.Issuers {
		at := fmt.Sprintf("/issuers/%d", i)
		checkURL(c, at+"/url", is.URL)
		c.want(!urls[is.URL], at+"/url", "%q stands twice", is.URL)
		urls[is.URL] = true
		c.want(len(is.Algorithms) > 0, at+"/algorithms", "there is none")
		for j, a := range is.Algorithms {
			c.want(slices.Contains(IssuerAlgorithms, jose.SignatureAlgorithm(a)), fmt.Sprintf("%s/algorithms/%d", at, j),
				"%q is not one of %v", a, IssuerAlgorithms)
		}
		c.want(len(is.Agencies) > 0, at+"/agencies", "it speaks for none")
		seen := map[comity.AgencyID]bool{}
		for j, s := range is.Agencies {
			here := fmt.Sprintf("%s/agencies/%d", at, j)
			c.want(listed[s.Agency], here+"/agency", "%q is not one of the state's agencies", s.Agency)
			c.want(!seen[s.Agency], here+"/agency", "%q stands twice", s.Agency)
			seen[s.Agency] = true
			c.want(len(s.Roles) > 0, here+"/roles", "there is none")
			for k, r := range s.Roles {
				c.want(r.Valid(), fmt.Sprintf("%s/roles/%d", here, k), "%q is no role", r)
				c.want(!slices.Contains(s.Roles[:k], r), fmt.Sprintf("%s/roles/%d", here, k), "%q stands twice", r)
			}
		}
	}
}

func (m Manifest) checkKeys(c *checker) {
	kids := map[string]bool{}
	c.want(len(m.StatementKeys) > 0, "/statementKeys", "there is none")
	for i, raw := range m.StatementKeys {
		at := fmt.Sprintf("/statementKeys/%d", i)
		key, err := ParsePublicKey(raw)
		if err != nil {
			c.want(false, at, "%s", err)
			continue
		}
		c.want(key.KeyID != "", at+"/kid", "is missing")
		c.want(key.Algorithm != "", at+"/alg", "is missing")
		c.want(!kids[key.KeyID], at+"/kid", "%q stands twice", key.KeyID)
		kids[key.KeyID] = true
	}
}

// StatementKey gives the state's statement key with that kid.
func (m Manifest) StatementKey(kid string) (jose.JSONWebKey, error) {
	for _, raw := range m.StatementKeys {
		if key, err := ParsePublicKey(raw); err == nil && key.KeyID == kid && kid != "" {
			return key, nil
		}
	}
	return jose.JSONWebKey{}, fmt.Errorf("the manifest of %s (number %d) has no statement key %.80q", m.State, m.Number, kid)
}

// Agency gives the state's agency with that id.
func (m Manifest) Agency(id comity.AgencyID) (Agency, bool) {
	i := slices.IndexFunc(m.Agencies, func(a Agency) bool { return a.ID == id })
	if i < 0 {
		return Agency{}, false
	}
	return m.Agencies[i], true
}

// checkURL wants an absolute https URL without user, query or fragment; http
// only to this machine itself.
func checkURL(c *checker, pointer, s string) {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		c.want(false, pointer, "%q is not an https URL", s)
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		c.want(false, pointer, "%q has a user, a query or a fragment", u.Redacted())
	default:
		c.want(u.Scheme == "https" || loopback.Host(u.Hostname()), pointer, "%q is not https", s)
	}
}

func (a Agreement) check(c *checker, at string) {
	c.want(a.ID != "", at+"/id", "is empty")
	c.want(a.Title != "", at+"/title", "is empty")
	c.want(len(a.Parties) >= 2, at+"/parties", "an agreement is between two states at least")
	for i, s := range a.Parties {
		c.want(s.Valid(), fmt.Sprintf("%s/parties/%d", at, i), "%q is not an ISO 3166-1 alpha-2 code", s)
		c.want(!slices.Contains(a.Parties[:i], s), fmt.Sprintf("%s/parties/%d", at, i), "%q stands twice", s)
	}
	c.want(len(a.Categories) > 0, at+"/categories", "there is none")
	for i, k := range a.Categories {
		c.want(k != "", fmt.Sprintf("%s/categories/%d", at, i), "is empty")
		c.want(!slices.Contains(a.Categories[:i], k), fmt.Sprintf("%s/categories/%d", at, i), "%q stands twice", k)
	}
	c.want(len(a.Measures) > 0, at+"/measures", "there is none")
	for i, k := range a.Measures {
		c.want(slices.Contains(measures, k), fmt.Sprintf("%s/measures/%d", at, i), "%q is no kind of request", k)
		c.want(!slices.Contains(a.Measures[:i], k), fmt.Sprintf("%s/measures/%d", at, i), "%q stands twice", k)
	}
	c.want(!a.InForce.IsZero(), at+"/inForce", "is missing")
	c.want(a.Until.IsZero() || a.Until.After(a.InForce), at+"/until", "is not after inForce")
	c.want(!a.Team || !a.Until.IsZero(), at+"/until", "is missing: a joint team is set up for a limited time")
	for u, hours := range a.Clocks {
		here := at + "/clocks/" + escapePointer(string(u))
		c.want(u == comity.UrgencyUrgent || u == comity.UrgencyPrompt || u == comity.UrgencyRoutine, here, "%q is no urgency", u)
		c.want(hours >= 1 && hours <= 366*24, here, "is not from an hour to a year")
	}
	c.want(a.NoticeDays >= 0 && a.NoticeDays <= maxNotice, at+"/noticeDays", "is not from 0 to %d days", maxNotice)
	c.want(a.OnDenunciation == "" || a.OnDenunciation == DenunciationEnds || a.OnDenunciation == DenunciationRunOut, at+"/onDenunciation",
		"%q is neither %s nor %s", a.OnDenunciation, DenunciationEnds, DenunciationRunOut)
	checkMeasures(c, at+"/reciprocal", a.Reciprocal)
	for i, k := range a.Reciprocal {
		c.want(k == MeasureUrgent || slices.Contains(a.Measures, comity.RequestKind(k)), fmt.Sprintf("%s/reciprocal/%d", at, i), "%q is no measure of the agreement", k)
	}
	c.want(a.Denounced.IsZero() || a.Denounced.After(a.Ratified), at+"/denounced", "is not after ratified")
}

// maxNotice bounds a notice period, in days.
const maxNotice = 5 * 366

// checkMeasures wants measures that there are, each once.
func checkMeasures(c *checker, at string, all []Measure) {
	for i, k := range all {
		here := fmt.Sprintf("%s/%d", at, i)
		c.want(k == MeasureUrgent || slices.Contains(measures, comity.RequestKind(k)), here, "%q is no measure", k)
		c.want(!slices.Contains(all[:i], k), here, "%q stands twice", k)
	}
}

var measures = []comity.RequestKind{comity.RequestInformation, comity.RequestAccess, comity.RequestMeasure, comity.RequestPreservation}

func escapePointer(s string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(s) }

// Hash is the hex SHA-256 of the canonical JSON of the agreement's text, with
// its lists in order and its dates in UTC, so that two states that mean the same
// text carry the same hash, whenever each ratified or denounced it. It is "" for
// an agreement whose dates JSON cannot hold.
func (a Agreement) Hash() string {
	a.Ratified, a.Denounced = time.Time{}, time.Time{}
	if len(a.Reciprocal) > 0 {
		a.Reciprocal = ordered(a.Reciprocal)
	}
	a.Parties = ordered(a.Parties)
	a.Categories = ordered(a.Categories)
	a.Measures = ordered(a.Measures)
	a.InForce, a.Until = a.InForce.UTC(), a.Until.UTC()
	h, _, err := BodyHash(a)
	if err != nil {
		return ""
	}
	return h
}

func ordered[T cmp.Ordered](s []T) []T {
	s = slices.Clone(s)
	slices.Sort(s)
	return s
}

// covers reports whether the agreement is between x and y and about a category
// and, unless it is "", a kind of request.
func (a Agreement) covers(x, y comity.State, c comity.Category, k comity.RequestKind) bool {
	return slices.Contains(a.Parties, x) && slices.Contains(a.Parties, y) && slices.Contains(a.Categories, c) &&
		(k == "" || slices.Contains(a.Measures, k))
}

// binds reports whether the agreement, as one state carries it, is in force for
// that state at an instant: for what is new, or for a grant that runs.
func (a Agreement) binds(at time.Time, running bool) bool {
	if at.Before(a.InForce) || at.Before(a.Ratified) || !a.Until.IsZero() && !at.Before(a.Until) {
		return false
	}
	ends := a.DenouncedFrom()
	return ends.IsZero() || at.Before(ends) || running && a.OnDenunciation == DenunciationRunOut
}

// DenouncedFrom is when the state's denunciation takes effect: the agreement's
// notice period after it was declared. It is zero where there is none.
func (a Agreement) DenouncedFrom() time.Time {
	if a.Denounced.IsZero() {
		return time.Time{}
	}
	return a.Denounced.Add(time.Duration(a.NoticeDays) * 24 * time.Hour)
}

// Lacking gives the measures that a request of a kind and urgency uses, that the
// agreement lets a state use only while offering them (Article 15), and that the
// state's manifest does not offer.
func (a Agreement) Lacking(m Manifest, k comity.RequestKind, u comity.Urgency) (lacking []Measure) {
	used := []Measure{Measure(k)}
	if u == comity.UrgencyUrgent {
		used = append(used, MeasureUrgent)
	}
	for _, measure := range used {
		if slices.Contains(a.Reciprocal, measure) && !slices.Contains(m.Offers, measure) {
			lacking = append(lacking, measure)
		}
	}
	return lacking
}

// RawJWK gives a public key as a manifest lists it among its statement keys.
func RawJWK(s Signer) (json.RawMessage, error) {
	key := s.Public()
	key.KeyID, key.Algorithm, key.Use = s.KeyID(), string(s.Algorithm()), "sig"
	b, err := Canonical(key)
	if err != nil {
		return nil, err
	}
	if _, err := ParsePublicKey(b); err != nil {
		return nil, fmt.Errorf("statement: %w", err)
	}
	return b, nil
}
