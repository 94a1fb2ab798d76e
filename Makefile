# Everything is done by Go; `make help` tells what there is.
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
BENCHSTAT   := golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da
BENCHED     := ./broker ./dealer ./transport ./transport/link ./internal/codec ./internal/router ./internal/wamp/... ./internal/bench
BENCHTIME   := 100ms
BENCHCOUNT  := 6
BASELINE    := internal/bench/testdata/baseline.txt
FUZZTIME    := 10s
CUTS        := 5
SEED        := 1
RELEASE     := CGO_ENABLED=0 go build -trimpath -ldflags '-s -w'
PROCESSORS  := amd64 arm64

.PHONY: build run test check race fuzz bench conformance processes partition-test sim evaluate evaluate-full long image ci clean help

build: ## bin/kleeblatt and bin/kleeblatt-chaos
	$(RELEASE) -o bin/ ./cmd/...

run: build ## three joined nodes on 127.0.0.1:8080, 8081, 8082, until Ctrl-C
	@exec bin/kleeblatt demo

test: ## all tests that need nothing but Go
	CGO_ENABLED=0 go test ./...

check: ## formatting, vet, staticcheck, then test (the house rules are among the tests)
	@files=$$(gofmt -l .) && if [ -n "$$files" ]; then echo "gofmt -w $$files"; exit 1; fi
	go vet ./...
	go run $(STATICCHECK) ./...
	@$(MAKE) --no-print-directory test

race: ## all tests with the race detector (needs a C compiler)
	CGO_ENABLED=1 go test -race ./...

fuzz: ## every fuzz target for FUZZTIME
	@bash .ci/fuzz $(FUZZTIME)

bench: ## all benchmarks into bin/bench.txt, beside the baseline (minutes; what it says of time holds on the baseline's machine)
	@mkdir -p bin
	go test -run '^$$' -bench . -benchmem -benchtime $(BENCHTIME) -count $(BENCHCOUNT) -p 1 $(BENCHED) >bin/bench.txt || { cat bin/bench.txt; exit 1; }
	go run $(BENCHSTAT) $(BASELINE) bin/bench.txt

conformance: ## test every row of the conformance checklist, and list what came of it in internal/conformance/conformance.md
	@mkdir -p bin; status=0; \
	go test -json -count=1 ./internal/conformance ./transport ./internal/router ./internal/auth -skip '^TestTable$$' > bin/conformance.json || status=1; \
	go test -count=1 ./internal/conformance -run '^TestTable$$' -args -results ../../bin/conformance.json && exit $$status

processes: ## tests that start, stop and kill real nodes
	KLEEBLATT_PROCESSES=1 go test -count=1 ./cmd/kleeblatt ./chaos/systems

partition-test: build ## CUTS faults (SEED) between real nodes in network namespaces; needs root, iproute2, nftables
	bin/kleeblatt-chaos partition --cuts $(CUTS) --seed $(SEED)

sim: build ## three minutes of simulated clusters with faults; must end with 0 violations
	bin/kleeblatt-chaos sim --for 3m --stats --enough

evaluate: build ## short runs of the matrix that compares gossip, Raft and peers (15 min), and their report: bin/evaluate/report.html
	bin/kleeblatt-chaos evaluate --out bin/evaluate

evaluate-full: build ## all of it in full length with repeats (hours); goes on where it was broken off
	bin/kleeblatt-chaos evaluate --full --out bin/evaluate-full

long: ## many nodes and many hours of membership in virtual time: minutes of a processor
	KLEEBLATT_LONG=1 go test -count=1 -timeout 30m ./gossip/swim

image: build ## bin/kleeblatt.oci.tar: a container's image for PROCESSORS, made without a container engine
	for p in $(PROCESSORS); do GOOS=linux GOARCH=$$p $(RELEASE) -o bin/linux-$$p/ ./cmd/kleeblatt || exit 1; done
	bin/kleeblatt-chaos image $(PROCESSORS:%=--binary bin/linux-%/kleeblatt) --out bin/kleeblatt.oci.tar

ci: ## all that a change has to pass
	CI=true bash .ci/run

clean: ## what was built
	rm -rf bin

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 16
