# The contract: README, CI and people call these targets and nothing else.
SHELL := /bin/bash
.DEFAULT_GOAL := help

CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/store-platform
# One supervisor per clone, so that two clones don't replace each other's.
LOCAL := $(CACHE)/bin/local-$(shell pwd -P | cksum | cut -d' ' -f1)
TIERS_PROGRAM := $(CACHE)/bin/tiers-$(shell pwd -P | cksum | cut -d' ' -f1)
# The flags deploy/local builds with: others would compile everything once more.
BUILD := GOWORK=off CGO_ENABLED=0 go build -trimpath

.PHONY: help
help:: ## List the targets
	@grep -hE '^[a-z-]+::.*##' $(MAKEFILE_LIST) | sed -E 's/::.*## /\t/' | awk -F'\t' '{ printf "  make %-16s %s\n", $$1, $$2 }'

.PHONY: up
up:: build-local ## Run the platform with a Kubernetes of its own, until Ctrl-C
	@exec $(LOCAL) up

.PHONY: down
down:: build-local ## Remove everything that `make up` keeps under .local/
	@exec $(LOCAL) down

.PHONY: status
status:: build-local ## Say what runs, and where
	@exec $(LOCAL) status

.PHONY: images
images:: build-local ## Build the images of ENGINE (all without it), and load them into the `make up` that runs here
	@exec $(LOCAL) images $(ENGINE)

.PHONY: backup
backup:: ## Copy the log of the `make up` that runs here to backups/
	@exec scripts/backup.sh take

.PHONY: test
test:: build-tiers ## Run every tier; the last line counts passed, failed and skipped. FRESH=1 trusts no result of an earlier run
	@exec $(TIERS_PROGRAM)

.PHONY: test-static
test-static:: build-tiers ## Formatting, vet without the workspace, linter and import walls
	@exec $(TIERS_PROGRAM) static

.PHONY: test-unit
test-unit:: build-tiers ## Packages on their own
	@exec $(TIERS_PROGRAM) unit

.PHONY: test-bus
test-bus:: build-tiers ## A real broker, a real Postgres, real processes, with the race detector
	@exec $(TIERS_PROGRAM) bus

.PHONY: test-apiserver
test-apiserver:: build-tiers ## A real kube-apiserver and etcd, no node
	@exec $(TIERS_PROGRAM) apiserver

.PHONY: test-cluster
test-cluster:: build-tiers ## Real stores on a real cluster
	@exec $(TIERS_PROGRAM) cluster

.PHONY: test-compose
test-compose:: build-tiers ## docker-compose.yaml on a Docker daemon of its own, with that cluster for k3s (root)
	@exec $(TIERS_PROGRAM) compose

.PHONY: test-install
test-install:: build-tiers ## The chart on that cluster: install, a store to its order, upgrade, uninstall
	@exec $(TIERS_PROGRAM) install

.PHONY: test-long
test-long:: build-tiers ## The tiers that TIERS names (all and chaos without it), with what is too long for every change
	@exec $(TIERS_PROGRAM) --long $(TIERS)

.PHONY: chaos
chaos:: build-tiers ## Break the platform for MINUTES (3) as SEED says, and judge what is left
	@exec $(TIERS_PROGRAM) chaos

.PHONY: lint
lint:: build-tiers ## The linter alone, over every module
	@exec $(TIERS_PROGRAM) lint

.PHONY: bench
bench:: ## Print the table of ratios, or its ROWS (an hour, wants a quiet machine); with COLD=1 also cold starts
	@cd test && GOWORK=off exec go run -trimpath ./cmd/bench

.PHONY: build-local build-tiers
build-local:
	@cd deploy/local && $(BUILD) -o $(LOCAL) ./cmd/local

build-tiers:
	@cd test && $(BUILD) -o $(TIERS_PROGRAM) ./cmd/tiers
