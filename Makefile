# `make help` lists the targets. Everything but `race` builds without cgo.
SHELL := /bin/bash
export CGO_ENABLED ?= 0
GO ?= go
# Where tests look for the models; `make models` fills it.
MODELS ?= $(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME),$(HOME)/.cache)/stylesprint

.PHONY: run test slow kills soak check bench help build models fmt vet staticcheck race generated documented nested clean

run: ## Models, demo catalogue, evaluation, report, server and dashboard on 127.0.0.1:8000
	$(GO) run ./cmd/stylesprint demo

test: ## All tests; what the machine lacks is named at the end
	set -o pipefail; STYLESPRINT_MODELS="$$( [ -d '$(MODELS)/models' ] && echo '$(MODELS)' )" $(GO) test -json ./... | $(GO) run ./tools/testsummary

slow: ## 2,000 simulated comparisons of every kind: how often the decisions are wrong (half an hour)
	STYLESPRINT_SLOW=1 $(GO) test ./evaluate/compare -run 'TestFalseAlarms|TestKindsOfScores' -timeout 60m -v

kills: ## The server killed 20 times at 200 requests/s: rows equal answers (a minute)
	STYLESPRINT_SLOW=1 $(GO) test ./cmd/stylesprint -run TestServeSurvivesKills -count 1 -v

soak: ## Ten minutes at twice the local model's capacity: memory, waits and shares of four keys
	STYLESPRINT_SLOW=1 STYLESPRINT_MODELS='$(MODELS)' $(GO) test ./cmd/stylesprint -run TestSoak -timeout 30m -v

build: ## The static binary ./stylesprint
	$(GO) build -trimpath -ldflags "-s -w" -o stylesprint ./cmd/stylesprint

models: ## Fetch the embedded models into the cache
	$(GO) run ./cmd/stylesprint models pull

check: fmt vet staticcheck generated models test nested race documented ## What CI runs

fmt: ## Fail if a file is not formatted
	@files=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$files" ]; then echo "not formatted (run gofmt -w):"; echo "$$files"; exit 1; fi

vet:
	$(GO) vet ./...

staticcheck: ## Static analysis, the version pinned in go.mod
	$(GO) tool staticcheck ./...

generated: ## Fail if generated files are not current
	$(GO) generate ./...
	@git diff --exit-code -- '*_gen_amd64.s' '*_gen.go' '*_gen_amd64.go' || { echo "generated files were not current; commit what go generate made"; exit 1; }

race: ## The race detector over the concurrent rooms (needs gcc)
	@if command -v gcc >/dev/null; then STYLESPRINT_REQUIRE= CGO_ENABLED=1 $(GO) test -race -short ./access/... ./release/... ./watch/... ./prompt/... ./catalogue/... ./generate/... ./embedding/... ./evaluate/... ./gateway/... ./internal/... ./store/... ./job ./web/... ./engine/hub/... ./engine ./cmd/...; \
	else echo "skipped: the race detector needs gcc"; fi

nested: ## Tests of the nested module for langchaingo, whose dependencies are not the program's
	@cd generate/langchaingo && if $(GO) list -deps -test ./... >/dev/null 2>&1; then $(GO) vet ./... && $(GO) test ./...; \
	elif [ -n "$$STYLESPRINT_REQUIRE" ]; then echo "generate/langchaingo: its modules cannot be downloaded"; exit 1; \
	else echo "skipped: the modules of generate/langchaingo cannot be downloaded"; fi

documented: ## Run the commands that README and docs show
	$(GO) run ./tools/documented README.md docs/guides/*.md

bench: ## Figures of every part, one JSON object a line
	$(GO) run ./cmd/stylesprint bench all

clean: ## Remove what was built
	rm -rf stylesprint dist

help: ## This list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14
