package importer

import (
	"regexp"
	"strings"
)

// mispSingle maps MISP attribute types of one value to the observable type and
// the property that the value is.
var mispSingle = map[string][2]string{
	"domain": {"domain-name", "value"}, "hostname": {"domain-name", "value"},
	"url": {"url", "value"}, "uri": {"url", "value"},
	"email": {"email-addr", "value"}, "email-src": {"email-addr", "value"}, "email-dst": {"email-addr", "value"},
	"email-reply-to": {"email-addr", "value"}, "whois-registrant-email": {"email-addr", "value"}, "dns-soa-email": {"email-addr", "value"},
	"email-subject": {"email-message", "subject"}, "email-message-id": {"email-message", "message_id"},
	"filename": {"file", "name"}, "email-attachment": {"file", "name"},
	"mutex": {"mutex", "name"}, "regkey": {"windows-registry-key", "key"},
	"AS": {"autonomous-system", "number"}, "mac-address": {"mac-addr", "value"}, "mac-eui-64": {"mac-addr", "value"},
	"btc": {"cryptocurrency-wallet", "address"}, "xmr": {"cryptocurrency-wallet", "address"}, "dash": {"cryptocurrency-wallet", "address"},
	"iban": {"bank-account", "iban"}, "bank-account-nr": {"bank-account", "account_number"}, "cc-number": {"payment-card", "card_number"},
	"phone-number": {"phone-number", "value"}, "prtn": {"phone-number", "value"},
	"user-agent": {"user-agent", "value"}, "http-user-agent": {"user-agent", "value"},
	"github-username": {"user-account", "account_login"}, "twitter-id": {"user-account", "account_login"},
	"jabber-id": {"user-account", "account_login"}, "cpe": {"software", "cpe"},
	"x509-fingerprint-md5":    {"x509-certificate", "hashes.MD5"},
	"x509-fingerprint-sha1":   {"x509-certificate", "hashes.SHA-1"},
	"x509-fingerprint-sha256": {"x509-certificate", "hashes.SHA-256"},
}

// mispNotes says what an observable type alone no longer tells.
var mispNotes = map[string]string{
	"btc": "Bitcoin address", "xmr": "Monero address", "dash": "Dash address", "github-username": "GitHub account",
	"twitter-id": "Twitter account", "jabber-id": "Jabber account", "email-src": "sender", "email-dst": "recipient",
	"email-reply-to": "reply-to address", "whois-registrant-email": "registrant of a domain", "email-attachment": "attachment of an e-mail",
}

// mispRules are attribute types whose value is a detection rule.
var mispRules = map[string]string{"yara": "yara-pattern", "snort": "snort-pattern", "sigma": "sigma-pattern"}

// mispTexts are attribute types that are lines for the log, with how those begin
// whose value needs a word before it.
var mispTexts = map[string]string{
	"comment": "", "text": "", "link": "Reference", "vulnerability": "Vulnerability", "campaign-name": "Campaign", "other": "",
}

// refang undoes the usual defanging, which analysts type by hand.
var refang = strings.NewReplacer("[.]", ".", "(.)", ".", "[dot]", ".", "[:]", ":", "[at]", "@", "[@]", "@")

var defangedScheme = regexp.MustCompile(`^(?i)h(xx|\*\*)p(s?)(\[:\]|:)`)

// mispParts gives type and properties of an attribute's observables; none when
// the type is no observable. Several, when a composite names several things.
func mispParts(typ, category, v string) []alternative {
	one := func(t string, pairs ...string) []alternative {
		f := map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			f[pairs[i]] = pairs[i+1]
		}
		return []alternative{{t, f}}
	}
	if m, ok := mispSingle[typ]; ok {
		switch m[0] {
		case "domain-name", "url", "email-addr":
			v = refang.Replace(defangedScheme.ReplaceAllString(v, "http$2:"))
		}
		return one(m[0], m[1], v)
	}
	if isHashType(typ) {
		return one("file", "hashes."+typ, v)
	}
	head, tail, _ := strings.Cut(v, "|")
	switch typ {
	case "ip-src", "ip-dst":
		return hostPart(ipVersion(v), v, "")
	case "ip-src|port", "ip-dst|port":
		return hostPart(ipVersion(head), head, tail)
	case "hostname|port":
		return hostPart("domain-name", head, tail)
	case "domain|ip":
		return append(hostPart("domain-name", head, ""), hostPart(ipVersion(tail), tail, "")...)
	case "regkey|value":
		return one("windows-registry-key", "key", head, "values.data", tail)
	case "malware-sample":
		return one("file", "name", head, "hashes.MD5", tail)
	case "attachment":
		return one("file", "name", v)
	case "other":
		switch {
		case strings.HasPrefix(v, "magnet:?"):
			return one("url", "value", v)
		case category == "Financial fraud" && len(v) >= 25 && walletSyntax.MatchString(v):
			return one("cryptocurrency-wallet", "address", v)
		}
	}
	if algorithm, ok := strings.CutPrefix(typ, "filename|"); ok && isHashType(algorithm) {
		cut := max(strings.LastIndex(v, "|"), 0) // a file's name may hold the sign, a hash may not
		return one("file", "name", v[:cut], "hashes."+algorithm, strings.TrimPrefix(v[cut:], "|"))
	}
	return nil
}

// hostPart is an address or a host's name, with the port as a note.
func hostPart(typ, v, port string) []alternative {
	return []alternative{{"network-traffic", map[string]string{"dst_ref.type": typ, "dst_ref.value": refang.Replace(v), "dst_port": port}}}
}

func ipVersion(v string) string {
	if strings.Contains(v, ":") && !strings.Contains(v, ".") {
		return "ipv6-addr"
	}
	return "ipv4-addr"
}

var mispHashes = regexp.MustCompile(`^(md5|sha1|sha224|sha256|sha384|sha512(/(224|256))?|sha3-(224|256|384|512)|ssdeep|tlsh|imphash|authentihash|vhash|pehash|impfuzzy|telfhash|cdhash)$`)

func isHashType(typ string) bool { return mispHashes.MatchString(typ) }
