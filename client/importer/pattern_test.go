package importer

import (
	"strings"
	"testing"
)

func TestPatternObservables(t *testing.T) {
	md5 := strings.Repeat("ab", 16)
	for pattern, want := range map[string]string{
		"[ipv4-addr:value = '192.0.2.1']":                                          "ipv4-addr 192.0.2.1",
		"[ipv4-addr:value == '192.0.2.1/32']":                                      "ipv4-addr 192.0.2.1",
		"[ipv4-addr:value ISSUBSET '192.0.2.0/24']":                                "ipv4-addr 192.0.2.0/24",
		"[ipv6-addr:value = '2001:DB8::0:1']":                                      "ipv6-addr 2001:db8::1",
		"[domain-name:value = 'EVIL.example.']":                                    "domain-name evil.example",
		"[ url:value='http://evil.example/a%20b?c=\\'d\\'' ]":                      "url http://evil.example/a%20b?c='d'",
		"[domain-name:value IN ('a.example', 'b.example')]":                        "domain-name a.example|domain-name b.example",
		"[domain-name:value = 'a.example' OR ipv4-addr:value = '192.0.2.1']":       "domain-name a.example|ipv4-addr 192.0.2.1",
		"[domain-name:value = 'a.example'] OR ([mutex:name = 'm'])":                "domain-name a.example|mutex m",
		"[file:hashes.'MD5' = '" + md5 + "']":                                      "file " + md5,
		"[file:hashes.md5 = '" + strings.ToUpper(md5) + "' AND file:name = 'a b']": "file a b",
		"[(file:name = 'x') AND (file:hashes.MD5 = '" + md5 + "')]":                "file x",
		"[windows-registry-key:key = 'HKLM\\\\Software\\\\Run']":                   `windows-registry-key HKEY_LOCAL_MACHINE\Software\Run`,
		"[network-traffic:dst_ref.type = 'domain-name' AND network-traffic:dst_ref.value = 'c2.example' AND network-traffic:dst_port = 443]": "domain-name c2.example",
		"[network-traffic:src_ref.value = '192.0.2.1' AND network-traffic:dst_ref.value = '2001:db8::1' AND network-traffic:dst_port = 22]":  "network-traffic 192.0.2.1 -> 2001:db8::1 port 22",
		"[autonomous-system:number = 64500]":                                              "autonomous-system AS64500",
		"[x509-certificate:issuer = 'CN=A' AND x509-certificate:serial_number = '01:02']": "x509-certificate 01:02",
		"[cryptocurrency-wallet:value = '0x19539A179DDF8A02B772557D5036BDD0AC0B0FA7']":    "cryptocurrency-wallet 0x19539a179ddf8a02b772557d5036bdd0ac0b0fa7",
		"/* why */ [mutex:name = 'm' // because\n]":                                       "mutex m",
		// Richer than a list of things: kept as it is.
		"[domain-name:value LIKE '%.example']":                                            "=",
		"[domain-name:value MATCHES '^a']":                                                "=",
		"[domain-name:value != 'a.example']":                                              "=",
		"[domain-name:value NOT = 'a.example']":                                           "=",
		"[domain-name:value NOT IN ('a.example')]":                                        "=",
		"[domain-name:value IN ()]":                                                       "=",
		"[EXISTS domain-name:value]":                                                      "=",
		"[file:size > 5]":                                                                 "=",
		"[file:size = 5]":                                                                 "=",
		"[file:name = 'a' AND file:name = 'b']":                                           "=",
		"[file:name = 'a' AND mutex:name = 'b']":                                          "=",
		"[file:name = 'a' AND (file:hashes.MD5 = 'x' OR file:hashes.MD5 = 'y')]":          "=",
		"[file:extensions.'windows-pebinary-ext'.sections[*].entropy > 7.0]":              "=",
		"[mutex:name = 'a'] AND [mutex:name = 'b']":                                       "=",
		"[mutex:name = 'a'] FOLLOWEDBY [mutex:name = 'b'] WITHIN 5.5 SECONDS":             "=",
		"([mutex:name = 'a'] OR [mutex:name = 'b']) REPEATS 5 TIMES":                      "=",
		"[mutex:name = 'a'] START t'2026-11-01T00:00:00Z' STOP t'2026-11-02T00:00:00.5Z'": "=",
		"[network-traffic:dst_port = 443]":                                                "=",
		"[user-account:account_type = 'unix']":                                            "=",
		"[x-vendor-thing:value = 'a']":                                                    "=",
		"[file:name = h'6162']":                                                           "=",
		"[file:name = b'YWI=']":                                                           "=",
		"[user-account:is_privileged = true]":                                             "=",
		"[ipv4-addr:resolves_to_refs[0].value ISSUPERSET '192.0.2.0/24']":                 "=",
	} {
		list, err := patternObservables(pattern)
		if err != nil {
			t.Errorf("%s: %v", pattern, err)
			continue
		}
		var got []string
		for _, o := range list {
			got = append(got, o.Type+" "+o.Value)
			if !o.Indicator || o.Pattern != clean(pattern) {
				t.Errorf("%s: not an indicator", pattern)
			}
		}
		if want == "=" {
			want = "stix-pattern " + pattern
		}
		if strings.Join(got, "|") != want {
			t.Errorf("%s: got %s, want %s", pattern, strings.Join(got, "|"), want)
		}
	}
}

func TestPatternBroken(t *testing.T) {
	for _, pattern := range []string{
		"", " ", "ipv4-addr:value = '192.0.2.1'", "[]", "[ipv4-addr:value]", "[ipv4-addr = 'x']", "[:value = 'x']", "[ipv4-addr: = 'x']",
		"[ipv4-addr:value = ]", "[ipv4-addr:value = '192.0.2.1'", "[ipv4-addr:value = '192.0.2.1]", "[ipv4-addr:value = '192.0.2.1']]",
		"[ipv4-addr:value = '192.0.2.1'] [mutex:name = 'm']", "[ipv4-addr:value = '192.0.2.1'] or [mutex:name = 'm']",
		"[ipv4-addr:value = \"192.0.2.1\"]", "[ipv4-addr:value = 'a\\b']", "[ipv4-addr:value = 'a\\", "[ipv4-addr:value LIKE 5]",
		"[ipv4-addr:value '=' 'x']", "[ipv4-addr:value IN 'x']", "[ipv4-addr:value IN ('x' 'y')]", "[ipv4-addr:value IN ('x',)]",
		"[a:b[x] = 1]", "[a:b[1.5] = 1]", "[a:b[1 = 1]", "[a:b. = 1]", "[a:b = h'6']", "[a:b = b'!']", "[a:b = t'yesterday']",
		"[a:b = t'2026-11-01T00:00:00+05:00']", "[a:b = 1] WITHIN SECONDS", "[a:b = 1] WITHIN 5", "[a:b = 1] REPEATS 0 TIMES",
		"[a:b = 1] REPEATS 1.5 TIMES", "[a:b = 1] START '2026' STOP '2027'", "[a:b = 1] START t'2026-11-01T00:00:00Z'", "([a:b = 1]",
		"[(a:b = 1]", "[a:b = 1 AND]", "[a:b = 1] OR", "/* open", "[a:b ! 1]", "[a:b = 1]\x00", "[a:b = é]",
		"[" + strings.Repeat("(", 1000) + "a:b = 1" + strings.Repeat(")", 1000) + "]",
		strings.Repeat("(", 1000) + "[a:b = 1]" + strings.Repeat(")", 1000),
		strings.Repeat("(", 100_000), "[" + strings.Repeat("(", 60_000), "[mutex:name = '" + strings.Repeat("a", maxPattern) + "']",
		// The grammar is right, the value is not.
		"[ipv4-addr:value = '2001:db8::1']", "[domain-name:value = 'http://a.example/']", "[file:hashes.MD5 = 'xyz']", "[email-addr:value = 'me']",
		"[mutex:name = '']", "[mac-addr:value = '00:11']", "[autonomous-system:number = 'x']", "[ipv4-addr:value ISSUBSET '192.0.2.0/33']",
	} {
		if list, err := patternObservables(pattern); err == nil {
			t.Errorf("%.80q was read: %+v", pattern, list)
		}
	}
}

func TestPatternWithManyAlternatives(t *testing.T) {
	list, err := patternObservables("[mutex:name IN ('a'" + strings.Repeat(",'b'", maxAlternatives) + ")]")
	if err != nil || len(list) != 1 || list[0].Type != "stix-pattern" {
		t.Errorf("%d observables, %v", len(list), err)
	}
}

func TestCanonical(t *testing.T) {
	for in, want := range map[string]string{
		"mac-addr 00-11-22-AA-BB-CC": "00:11:22:aa:bb:cc", "autonomous-system as 64500": "AS64500",
		"bank-account kz86 125k zt50 0410 0100": "KZ86125KZT5004100100", "payment-card 4111 1111-1111 1111": "4111111111111111",
		"phone-number +7 (727) 250-00-00": "+77272500000", "email-addr Me@Mail.Example": "Me@mail.example",
		"domain-name Пример.Example": "пример.example", "domain-name _dmarc.a.example": "_dmarc.a.example",
		"cryptocurrency-wallet BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4": "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
		"cryptocurrency-wallet 1BoatSLRHtKNngkdXEeobR76b53LETtpyT":         "1BoatSLRHtKNngkdXEeobR76b53LETtpyT",
		"url magnet:?dn=a b": "magnet:?dn=a%20b",
		"mac-addr x":         "", "domain-name -a.example": "", "domain-name a..b": "", "domain-name *.example": "", "email-addr a b@c.example": "",
		"url evil": "", "url http://a\tb": "", "cryptocurrency-wallet short": "", "bank-account é": "", "payment-card 12": "", "phone-number call me": "",
		"autonomous-system 4294967296": "", "ipv4-addr 192.0.02.1": "", "ipv6-addr fe80::1%eth0": "", "file ": "",
		"mutex " + strings.Repeat("a", maxValue+1): "", "domain-name " + strings.Repeat("a", 64) + ".example": "",
	} {
		typ, v, _ := strings.Cut(in, " ")
		got, err := canonical(typ, v)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%.60s: got %q, %v", in, got, err)
		}
		if typ == "payment-card" && err != nil && strings.Contains(err.Error(), "12") {
			t.Error("a card's number is in the message")
		}
	}
}
