# Every target includes the set-up it needs; what is already set up is not done again.
#
#   make up      install and start everything in the foreground, home in ./.home
#   make demo    walk the whole story headless and check every step
#   make test    lint and test
#   make soak    the fault tests at full repetitions; results go to bench/RESULTS.md
#   make lint    ruff, mypy, import contracts
#   make bench   measure side by side with rsyslog and syslog-ng, and with cfssl
#   make fuzz    throw spoilt input at every reader, a minute each; ARGS="--seconds 600" for longer
#
#   make peers   unpack rsyslog, syslog-ng, PostgreSQL, SoftHSM2 into .peers (test and bench do it)
#   make format  put the sources into shape
#   make lock    pin the dependencies anew (needs uv)

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules
# Hundreds of short processes are started here: what one has compiled, the next ones load.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input -q
ARGS ?=
SOAK ?= 50

.PHONY: help up demo test soak lint bench fuzz peers format lock debian debian-build

help:
	@sed -n 's/^#   //p' Makefile

# --- set-up: a stamp stands for each finished step --------------------------------------------

$(VENV)/.made: tools/make-venv.sh
	@bash tools/make-venv.sh $(PYTHON) $(VENV)
	@touch $@

$(VENV)/.runtime: requirements.lock $(VENV)/.made
	@echo "sealwire: installing dependencies into $(VENV)"
	@$(PIP) install --require-hashes -r requirements.lock
	@touch $@

# The package itself, from this work tree: the build tool is in the lock, nothing is fetched.
$(VENV)/.package: pyproject.toml $(VENV)/.runtime
	@$(PIP) install --no-deps --no-index --no-build-isolation -e .
	@# Also where nothing may be compiled later: to compile it at each start takes a second.
	@$(BIN)/python -m compileall -q src/sealwire
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.package | debian-build
	@echo "sealwire: installing development tools into $(VENV)"
	@$(PIP) install --require-hashes --no-build-isolation -r requirements-dev.lock
	@touch $@

# Before the development tools: one of them is built here.
debian-build:
	@bash tools/debian/install.sh tools/debian/build.list

debian:
	@bash tools/debian/install.sh tools/debian/test.list

.peers/.ready: tools/debian/unpack-peers.sh $(addprefix tools/debian/,rsyslog.list syslog-ng.list postgresql.list softhsm2.list)
	@bash tools/debian/unpack-peers.sh .peers
	@touch $@

peers: .peers/.ready

bench/out/tlsload: bench/tlsload.c | debian
	@mkdir -p $(@D)
	gcc -std=c17 -O2 -Wall -Wextra -Werror -o $@ $< -lssl -lcrypto -lpthread

# --- run --------------------------------------------------------------------------------------

up: $(VENV)/.package
	@exec $(BIN)/sealwire up --home ./.home $(ARGS)

demo: $(VENV)/.package
	@exec $(BIN)/sealwire demo $(ARGS)

# --- check ------------------------------------------------------------------------------------

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Two at a time, a file each: most flow tests wait for real peers more than they compute. The long
# ones come first, as they are collected, or one of the two would end with a row of them alone.
test: lint .peers/.ready bench/out/tlsload | debian
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

soak: $(VENV)/.dev .peers/.ready bench/out/tlsload | debian
	SEALWIRE_SOAK=$(SOAK) $(BIN)/pytest tests -m soak --soak-report=bench/RESULTS.md $(ARGS)

# Only measured beside: the tests do without it.
.peers/.cfssl: tools/debian/unpack-peers.sh tools/debian/cfssl.list
	@bash tools/debian/unpack-peers.sh .peers cfssl
	@touch $@

bench: $(VENV)/.dev .peers/.ready .peers/.cfssl bench/out/tlsload | debian
	$(BIN)/python -m bench.ingest $(ARGS)
	$(BIN)/python -m bench.storm $(filter --record,$(ARGS))
	$(BIN)/python -m bench.sustain $(filter --record,$(ARGS))
	$(BIN)/python -m bench.search $(filter --record,$(ARGS))
	$(BIN)/python -m bench.idle
	$(BIN)/python -m bench.slowloris $(filter --record,$(ARGS))
	$(BIN)/python -m bench.issue
	$(BIN)/python -m bench.crl

# Kept between runs in bench/out/fuzz: what was found interesting, and what was found wrong.
fuzz: $(VENV)/.dev .peers/.ready | debian
	@mkdir -p bench/out
	$(BIN)/python -m bench.fuzz $(ARGS)

# --- keep -------------------------------------------------------------------------------------

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

LOCK := uv pip compile -q --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --group build
lock:
	$(LOCK) pyproject.toml -o requirements.lock
	$(LOCK) pyproject.toml --extra dev -c requirements.lock -o requirements-dev.lock
