package importer

import (
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxValue   = 8 << 10  // longest value of an observable, in bytes
	maxPattern = 64 << 10 // longest detection pattern, in bytes
)

var (
	walletSyntax  = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9:._-]{12,126})[A-Za-z0-9]$`)
	hexSyntax     = regexp.MustCompile(`^0[xX][0-9a-fA-F]{40}$`)
	accountSyntax = regexp.MustCompile(`^[A-Z0-9/.-]{4,40}$`)
	cardSyntax    = regexp.MustCompile(`^[0-9]{12,19}$`)
	phoneSyntax   = regexp.MustCompile(`^\+?[0-9]{3,20}$`)
	separators    = strings.NewReplacer(" ", "", "-", "", "(", "", ")", "", ".", "", "/", "", "\u00a0", "")
)

// registryHives: STIX 2.1 (section 6.17) asks for the hive's full name.
var registryHives = map[string]string{
	"HKLM": "HKEY_LOCAL_MACHINE", "HKCU": "HKEY_CURRENT_USER", "HKCR": "HKEY_CLASSES_ROOT", "HKU": "HKEY_USERS",
	"HKCC": "HKEY_CURRENT_CONFIG",
}

// canonical checks a value of an observable type and gives its one spelling, so
// that two documents about the same thing agree.
func canonical(typ, v string) (string, error) {
	v = strings.TrimSpace(v)
	if v == "" {
		return "", fmt.Errorf("the %s has no value", typ)
	}
	if len(v) > maxValue || strings.ContainsFunc(v, unicode.IsControl) {
		return "", fmt.Errorf("the %s is too long or has control characters", typ)
	}
	bad := fmt.Errorf("%s is no %s", quote(v), typ)
	switch typ {
	case "ipv4-addr", "ipv6-addr":
		got, ip, err := address(v)
		if err != nil || got != typ {
			return "", bad
		}
		return ip, nil
	case "domain-name":
		v = strings.ToLower(strings.TrimSuffix(v, "."))
		if !isHost(v) {
			return "", bad
		}
	case "url":
		v = strings.ReplaceAll(v, " ", "%20") // as browsers read it; RFC 3986 knows no space
		if strings.ContainsFunc(v, unicode.IsSpace) || !strings.ContainsAny(v, ".:") {
			return "", bad
		}
	case "email-addr":
		at := strings.LastIndex(v, "@")
		if at < 1 || strings.ContainsFunc(v, unicode.IsSpace) || !isHost(strings.ToLower(v[at+1:])) {
			return "", bad
		}
		v = v[:at] + strings.ToLower(v[at:])
	case "mac-addr":
		mac, err := net.ParseMAC(v)
		if err != nil {
			return "", bad
		}
		v = mac.String()
	case "autonomous-system":
		n, err := strconv.ParseUint(strings.TrimSpace(strings.TrimPrefix(strings.ToUpper(v), "AS")), 10, 32)
		if err != nil {
			return "", bad
		}
		v = "AS" + strconv.FormatUint(n, 10)
	case "cryptocurrency-wallet":
		if !walletSyntax.MatchString(v) {
			return "", bad
		}
		// Both notations are defined without regard to case (EIP 55, BIP 173).
		if l := strings.ToLower(v); hexSyntax.MatchString(v) || strings.HasPrefix(l, "bc1") && v == strings.ToUpper(v) {
			v = l
		}
	case "bank-account":
		if v = strings.ToUpper(strings.ReplaceAll(v, " ", "")); !accountSyntax.MatchString(v) {
			return "", bad
		}
	case "payment-card":
		if v = separators.Replace(v); !cardSyntax.MatchString(v) {
			return "", fmt.Errorf("the value is no %s", typ) // a card's number belongs in no message
		}
	case "phone-number":
		if v = separators.Replace(v); !phoneSyntax.MatchString(v) {
			return "", bad
		}
	case "windows-registry-key":
		hive, rest, _ := strings.Cut(v, `\`)
		if full := registryHives[strings.ToUpper(hive)]; full != "" && rest != "" {
			v = full + `\` + rest
		}
	}
	return v, nil
}

// address reads an IP address or a CIDR block of either version.
func address(v string) (typ, canonical string, err error) {
	ip, err := netip.ParseAddr(v)
	if strings.Contains(v, "/") {
		var block netip.Prefix
		if block, err = netip.ParsePrefix(v); err == nil {
			ip = block.Addr()
			if !block.IsSingleIP() {
				v = block.String()
			} else {
				v = ip.String()
			}
		}
	} else if err == nil {
		v = ip.String()
	}
	switch {
	case err != nil || ip.Zone() != "":
		return "", "", fmt.Errorf("%s is no IP address", quote(v))
	case ip.Is4():
		return "ipv4-addr", v, nil
	default:
		return "ipv6-addr", v, nil
	}
}

// isHost is RFC 1123's syntax, with the underscore that service names have and
// the letters of internationalised names.
func isHost(v string) bool {
	if v == "" || len(v) > 253 {
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

// hashAlgorithms gives the STIX name and the length in hex digits (0: not hex) of
// an algorithm, by its name without signs, strongest first in hashStrength.
var hashAlgorithms = map[string]struct {
	name   string
	digits int
}{
	"MD5": {"MD5", 32}, "SHA1": {"SHA-1", 40}, "SHA224": {"SHA-224", 56}, "SHA256": {"SHA-256", 64},
	"SHA384": {"SHA-384", 96}, "SHA512": {"SHA-512", 128}, "SHA512224": {"SHA-512/224", 56}, "SHA512256": {"SHA-512/256", 64},
	"SHA3224": {"SHA3-224", 56}, "SHA3256": {"SHA3-256", 64}, "SHA3384": {"SHA3-384", 96}, "SHA3512": {"SHA3-512", 128},
	"SSDEEP": {"SSDEEP", 0}, "TLSH": {"TLSH", 0},
}

// hashStrength orders the algorithms that identify a file, strongest first. The
// fuzzy ones are not among them: two files may share such a value.
var hashStrength = []string{
	"SHA3-512", "SHA-512", "SHA3-384", "SHA-384", "SHA3-256", "SHA-256", "SHA-512/256", "SHA3-224", "SHA-224", "SHA-512/224",
	"SHA-1", "MD5",
}

// readHash gives a hash's STIX algorithm name and canonical value.
func readHash(algorithm, v string) (name, value string, err error) {
	key := strings.ToUpper(strings.NewReplacer("-", "", "_", "", "/", "").Replace(algorithm))
	a, known := hashAlgorithms[key]
	if !known {
		a.name = clean(algorithm) // custom names are allowed (STIX 2.1, section 2.7)
	}
	v = strings.TrimSpace(v)
	if a.digits != 0 {
		if raw, err := hex.DecodeString(v); err != nil || len(raw)*2 != a.digits {
			return "", "", fmt.Errorf("%s is no %s hash", quote(v), a.name)
		}
		return a.name, strings.ToLower(v), nil
	}
	if v == "" || a.name == "" || len(v) > maxValue || strings.ContainsFunc(v, unicode.IsControl) {
		return "", "", fmt.Errorf("a hash has no readable value")
	}
	return a.name, v, nil
}

func strongestHash(hashes map[string]string) string {
	for _, name := range hashStrength {
		if v := hashes[name]; v != "" {
			return v
		}
	}
	least := ""
	for name := range hashes {
		if least == "" || name < least {
			least = name
		}
	}
	return hashes[least]
}
