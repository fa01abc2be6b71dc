package comity

import (
	"encoding/hex"
	"fmt"
	"maps"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// observableTypes are the types of observables: STIX 2.1's cyber-observables
// and the extensions in use beside them. Those whose value has a form that can
// be told have a check.
var observableTypes = map[string]func(string) bool{
	"artifact": nil, "autonomous-system": isSystem, "directory": nil, "domain-name": isHost, "email-addr": isMailbox, "email-message": nil,
	"file": nil, "ipv4-addr": isIPv4, "ipv6-addr": isIPv6, "mac-addr": isMAC, "mutex": nil, "network-traffic": nil, "process": nil,
	"software": nil, "url": isURL, "user-account": nil, "windows-registry-key": nil, "x509-certificate": nil,
	"bank-account": nil, "cryptocurrency-wallet": nil, "payment-card": nil, "phone-number": nil, "user-agent": nil,
}

// patternType is the type of a detection pattern, as in "yara-pattern".
var patternType = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,60}-pattern$`)

// hashDigits are the lengths of hashes in hex digits by their STIX name; of
// fuzzy hashes and of algorithms of an own name nothing is known.
var hashDigits = map[string]int{"MD5": 32, "SHA-1": 40, "SHA-224": 56, "SHA-256": 64, "SHA-384": 96, "SHA-512": 128,
	"SHA-512/224": 56, "SHA-512/256": 64, "SHA3-224": 56, "SHA3-256": 64, "SHA3-384": 96, "SHA3-512": 128}

// Check says what of an observable is not of its type: a type that is none, a
// value that is no such thing, a hash of another length. Values are never altered.
func (t ObservableText) Check() error {
	check, known := observableTypes[t.Type]
	switch {
	case !known && !patternType.MatchString(t.Type):
		return Invalid("type", fmt.Sprintf("%.40q is no type of observable", t.Type)).
			CuredBy("the types are " + strings.Join(slices.Sorted(maps.Keys(observableTypes)), ", ") + ", and of detection patterns stix-pattern, yara-pattern and so on")
	case check != nil && !check(t.Value):
		return Invalid("value", fmt.Sprintf("%.80q is no %s", t.Value, t.Type))
	}
	for _, algorithm := range slices.Sorted(maps.Keys(t.Hashes)) {
		if err := checkHash(algorithm, t.Hashes[algorithm]); err != nil {
			return err
		}
	}
	return nil
}

func checkHash(algorithm, value string) error {
	plain := func(s string) string {
		return strings.ToUpper(strings.NewReplacer("-", "", "_", "", "/", "").Replace(s))
	}
	for name, digits := range hashDigits {
		switch {
		case plain(algorithm) != plain(name):
		case algorithm != name:
			return Invalid("hashes", fmt.Sprintf("the algorithm %.40q is written %s", algorithm, name))
		default:
			if _, err := hex.DecodeString(value); err != nil || len(value) != digits {
				return Invalid("hashes", fmt.Sprintf("a %s hash is %d hex digits", name, digits))
			}
			return nil
		}
	}
	if strings.TrimSpace(algorithm) == "" || strings.TrimSpace(value) == "" {
		return Invalid("hashes", "a hash has an algorithm and a value")
	}
	return nil
}

// isIPv4 takes an address or a CIDR block.
func isIPv4(v string) bool { ip, ok := address(v); return ok && ip.Is4() }

func isIPv6(v string) bool { ip, ok := address(v); return ok && ip.Is6() && ip.Zone() == "" }

func address(v string) (netip.Addr, bool) {
	if strings.Contains(v, "/") {
		block, err := netip.ParsePrefix(v)
		return block.Addr(), err == nil
	}
	ip, err := netip.ParseAddr(v)
	return ip, err == nil
}

func isMAC(v string) bool { _, err := net.ParseMAC(v); return err == nil }

func isMailbox(v string) bool {
	a, err := mail.ParseAddress(v)
	return err == nil && a.Name == "" && !strings.ContainsAny(v, "<>")
}

// isURL takes what RFC 3986 does, also without a scheme, as documents have it.
func isURL(v string) bool {
	_, err := url.Parse(v)
	return err == nil && !strings.ContainsFunc(v, unicode.IsSpace) && strings.ContainsAny(v, ".:")
}

func isSystem(v string) bool {
	_, err := strconv.ParseUint(strings.TrimPrefix(v, "AS"), 10, 32)
	return err == nil
}

// isHost is RFC 1123's syntax, with the underscore that service names have and
// the letters of internationalised names.
func isHost(v string) bool {
	if v = strings.TrimSuffix(v, "."); v == "" || len(v) > 253 {
		return false
	}
	for label := range strings.SplitSeq(v, ".") {
		if label == "" || utf8.RuneCountInString(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, r := range label {
			if r != '-' && r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) {
				return false
			}
		}
	}
	return true
}
