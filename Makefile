# Comity: what developers and operators run. Needs Go; PostgreSQL comes from
# the system's packages; Vault and MinIO are built from source when absent.

PKGS     ?= ./...
FUZZTIME ?= 20s
CASES    ?= 50000

LINT    = go tool -modfile=$(CURDIR)/deploy/tools/lint/go.mod golangci-lint
VULN    = go tool -modfile=$(CURDIR)/deploy/tools/vuln/go.mod govulncheck
MODULES = . bench
# One real Vault, MinIO and PostgreSQL for the command that follows.
STACK   = go run ./deploy/stack/testmain
COUNTED = $(STACK) -counts -- go test -json -count=1

.DEFAULT_GOAL := help
.PHONY: help test soak fuzz bench bench-transfer bench-articles bench-graphql bench-log check check-format check-vet check-lint \
	check-vulnerabilities check-schema check-tidy release-schema up down build clean postgres node wrk

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

test: postgres node ## all tests against real Vault, MinIO and PostgreSQL (PKGS=./... to choose)
	@$(COUNTED) -timeout=30m $(PKGS)

soak: postgres node ## the same with the long versions, for hours
	@COMITY_SOAK=1 $(COUNTED) -timeout=24h $(PKGS)

# Now and then go test fails by its own deadline as the time is over (golang/go#75804): without an
# input that fails, that is no failure.
fuzz: node ## every fuzz test for FUZZTIME (20s), and CASES (50000) requests compared with the reference implementation
	@echo "== ./graph TestDifferential"
	@go test -count=1 -timeout=60m -v -run='^TestDifferential$$' ./graph -cases=$(CASES)
	@found=$$(grep -rEo --include='*_test.go' --exclude-dir=bench '^func Fuzz[A-Za-z0-9_]*' . | sort); \
	[ -n "$$found" ] || { echo "found no fuzz tests"; exit 1; }; \
	for f in $$(echo "$$found" | sed 's/:func /:/'); do \
		pkg=$$(dirname "$${f%%:*}"); name=$${f##*:}; \
		echo "== $$pkg $$name"; \
		out=$$(go test -run='^$$' -fuzz="^$$name\$$" -fuzztime=$(FUZZTIME) -fuzzminimizetime=10x "$$pkg" 2>&1); status=$$?; \
		echo "$$out" | tail -n 30; [ $$status -eq 0 ] && continue; \
		if echo "$$out" | grep -qx ' *context deadline exceeded' && ! echo "$$out" | grep -q 'Failing input\|panic:'; then \
			echo "$$name: the time was over, nothing was found"; continue; \
		fi; \
		exit 1; \
	done

bench: bench-transfer bench-articles bench-graphql bench-log ## all side-by-side benchmarks; each ends with "RATIO name value goal ok|short"

bench-transfer: postgres ## evidence going up and down, beside curl on the same store
	@cd bench && go run ./transfer

bench-articles: postgres ## decisions beside OPA; lists at a million cases; row-level security; revocation
	@cd bench && go run ./articles

bench-graphql: postgres node wrk ## the API beside graphql-go, gqlgen, Mercurius, PostGraphile and a handler by hand (needs wrk and Node.js)
	@cd bench && go run ./graphql/exec && go run ./graphql

bench-log: postgres ## the record of acts: sequencing beside bare tlog, what a leaf costs an act, verification, proofs, the wait for a key
	@cd bench && go run ./log && go run ./log/verify && go run ./log/key

check: check-format check-vet check-lint check-vulnerabilities check-schema check-tidy ## all static checks

check-format:
	@bad=$$(gofmt -l .); [ -z "$$bad" ] || { echo "gofmt -w is needed for:"; echo "$$bad"; exit 1; }

check-vet:
	@for m in $(MODULES); do echo "go vet in $$m"; (cd $$m && go vet ./...) || exit 1; done

check-lint:
	@for m in $(MODULES); do echo "golangci-lint in $$m"; (cd $$m && $(LINT) run ./...) || exit 1; done

# The database of vulnerabilities is elsewhere on the network: not to reach it
# is said, but does not fail the check.
check-vulnerabilities:
	@for m in $(MODULES); do \
		echo "govulncheck in $$m"; out=$$(cd $$m && $(VULN) ./... 2>&1); status=$$?; \
		if [ $$status -ne 0 ] && echo "$$out" | grep -q 'fetching vulnerabilities'; then \
			echo "NOT CHECKED for known vulnerabilities: the database cannot be reached"; \
		else \
			echo "$$out"; [ $$status -eq 0 ] || exit $$status; \
		fi; \
	done

# As it is served, breaking no client of the released one, and well formed (Node.js is needed).
SCHEMA_TESTS = TestPrintedSchema|TestReleasedSchema|TestDeprecations|TestDescriptions|TestSchemaLint|TestClientSchema
check-schema:
	@out=$$(go test -count=1 -v -run='^($(SCHEMA_TESTS))$$' ./graph); status=$$?; \
	[ $$status -eq 0 ] && [ $$(echo "$$out" | grep -cE '^--- PASS: ($(SCHEMA_TESTS)) ') -eq 6 ] || { echo "$$out"; exit 1; }

release-schema: ## take the schema as it is for released: from now on, clients are held to it
	go test -count=1 -run='^TestReleasedSchema$$' ./graph -release

check-tidy:
	@for m in $(MODULES) deploy/tools/*/; do (cd $$m && go mod tidy -diff) || { echo "go mod tidy is needed in $$m"; exit 1; }; done

up: postgres ## start Vault, MinIO, PostgreSQL and Comity on this machine
	@go run ./cmd/comityd up

down: ## stop what "make up" started
	@go run ./cmd/comityd down

build: ## comityd and comity into bin/
	go build -trimpath -o bin/ ./cmd/...

clean: ## remove bin/
	rm -rf bin

# Debian's package would start a server of its own on installing: not wanted.
postgres:
	@if command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then exit 0; fi; \
	if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then \
		echo "PostgreSQL's server programs are needed (initdb, postgres, pg_dump). On Debian: sudo apt-get install postgresql" >&2; exit 1; \
	fi; \
	echo "installing PostgreSQL from the system's packages" >&2; \
	export DEBIAN_FRONTEND=noninteractive; \
	{ apt-get update -qq && apt-get install -y -qq postgresql-common && \
	  echo 'create_main_cluster = false' >> /etc/postgresql-common/createcluster.conf && \
	  apt-get install -y -qq postgresql; } >&2

# Reference implementation, clients, linters and generators of GraphQL are npm's.
node:
	@if command -v node >/dev/null && command -v npm >/dev/null; then exit 0; fi; \
	if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then \
		echo "Node.js with npm is needed for the tests. On Debian: sudo apt-get install nodejs npm" >&2; exit 1; \
	fi; \
	echo "installing Node.js from the system's packages" >&2; \
	export DEBIAN_FRONTEND=noninteractive; \
	{ apt-get update -qq && apt-get install -y -qq nodejs npm; } >&2

wrk:
	@if command -v wrk >/dev/null; then exit 0; fi; \
	if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then \
		echo "wrk is needed, which makes the load of bench-graphql. On Debian: sudo apt-get install wrk" >&2; exit 1; \
	fi; \
	echo "installing wrk from the system's packages" >&2; \
	export DEBIAN_FRONTEND=noninteractive; \
	{ apt-get update -qq && apt-get install -y -qq wrk; } >&2
