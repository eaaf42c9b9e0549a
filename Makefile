# The words that people and CI use. Python 3.11 or newer and make are enough; all else comes into .venv, pinned.

.NOTPARALLEL:
.DEFAULT_GOAL := help

BIN := .venv/bin
STAMP := .venv/installed-$(shell cat requirements/dev.txt pyproject.toml | cksum | tr -c '0-9\n' '-')
PYTEST := $(BIN)/pytest -q --numprocesses 2 --dist loadgroup

.PHONY: help
help: ## What can be made
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 14

.PHONY: venv
venv: $(STAMP) ## .venv with exactly what requirements/dev.txt names

.venv/bin/python:
	@for python in $(PYTHON) python3.13 python3.12 python3.11 python3; do \
	  if "$$python" -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    echo "==> .venv with $$("$$python" --version)"; exec "$$python" -m venv .venv; \
	  fi; \
	done; \
	echo "funcgate needs Python 3.11 or newer with its venv module, and finds none as python3.13, python3.12," \
	  "python3.11 or python3. Install one, or name one: make PYTHON=/path/to/python $(MAKECMDGOALS)" >&2; exit 1

$(STAMP): .venv/bin/python
	@echo "==> the pinned tools into .venv (about two minutes the first time)"
	@rm -f .venv/installed-*
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
	  -r requirements/dev.txt
	@$(BIN)/python -m pip check --quiet --disable-pip-version-check
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

.PHONY: static
static: venv ## Formatting, lint, types, import rules, Dockerfile
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile

.PHONY: check
check: static ## All of that, and the unit and contract tests; some minutes
	$(PYTEST) tests/unit tests/contract $(COVER)

.PHONY: integration
integration: venv ## Tests with a real Kubernetes API; the first run builds it, which takes some minutes
	$(PYTEST) tests/integration $(COVER_MORE)

.PHONY: test
test: COVER := --cov --cov-report= --cov-fail-under=0
test: COVER_MORE := --cov --cov-append --cov-report=term
test: ONCE := 1
test: check demo integration ## Everything that CI runs; the core's branch coverage must be complete

.PHONY: demo
demo: venv ## All of it running on this machine until Ctrl-C; with ONCE=1 until it is proven
	PYTHONPATH=operator:tests $(BIN)/python -m demo $(if $(ONCE),--once)

.PHONY: bench
bench: venv ## Measurements as ratios against their limits; SCENARIO=… runs one
	PYTHONPATH=operator:tests $(BIN)/python -m bench $(SCENARIO)

.PHONY: pictures
pictures: venv ## docs/images anew: the dashboard, drawn from what a real Prometheus saw of a real run
	PYTHONPATH=operator:tests $(BIN)/python -m monitoring

.PHONY: screen
screen: venv ## docs/images/demo.svg anew: what the demo shows, from a real run
	PYTHONPATH=operator:tests $(BIN)/python -m screen

.PHONY: site
site: venv ## The documentation as a site, in build/site
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --site-dir build/site

.PHONY: commands
commands: venv ## The help in docs/reference/commands.md anew
	PYTHONPATH=operator:tests $(BIN)/python -m commands_page

.PHONY: docs
docs: commands pictures screen site ## All of the documentation that is made, anew: the commands' help, pictures, the site

.PHONY: format
format: venv ## Formatting and import order, done
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
  --custom-compile-command "make requirements"
.PHONY: requirements
requirements: venv ## requirements/*.txt anew from *.in; UPGRADE=1 takes newer versions
	cd requirements && for each in runtime build dev; do \
	  $(COMPILE:.venv/%=../.venv/%) $(if $(UPGRADE),--upgrade) $$each.in -o $$each.txt || exit 1; \
	done

.PHONY: chart
chart: ## The Helm chart's copies of schema, alerts and dashboard anew
	cp crds/functionapibindings.yaml deploy/monitoring/prometheusrule.yaml deploy/monitoring/dashboard.json \
	  deploy/chart/files/

VERSION := $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' operator/funcgate/__init__.py)
IMAGE := funcgate:$(VERSION)

.PHONY: image
image: ## The container image; BASE=python:3.13-slim-trixie@sha256:… pins what it stands on, IMAGE=… names it
	docker build $(if $(BASE),--build-arg BASE=$(BASE)) -t $(IMAGE) .

# The version is read from the sources otherwise, which the generator does not do.
.PHONY: sbom
sbom: venv ## What the image installs from Python's index, as CycloneDX, in build/
	@mkdir -p build
	sed 's/^dynamic = .*/version = "$(VERSION)"/' pyproject.toml > build/sbom.toml
	$(BIN)/cyclonedx-py requirements --pyproject build/sbom.toml --output-reproducible \
	  -o build/funcgate-$(VERSION).cdx.json requirements/runtime.txt

.PHONY: clean
clean: ## Without .venv and all that was built
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache operator/*.egg-info
