# make run    builds and shows the gateway at work, with simulated terminals and a simulated ERPNext
# make test   builds and runs all tests
# make deb    builds the Debian package; make test-packages tries it in a fresh Debian (as root)
# make lint   formatting and warnings; make bench, make build, make release, make clean: see CONTRIBUTING.md

SWIFT_FLAGS = --explicit-target-dependency-import-check error
# Tests at one time: most wait for sockets and disks, and two cores serve no more without time-outs.
TEST_WIDTH = 8

.PHONY: api-check static settings run build test lint bench release format clean setup setup-browser
.PHONY: screenshots docc deb test-packages

run: setup
	swift build $(SWIFT_FLAGS) --product attendance-gateway
	.build/debug/attendance-gateway demo

setup:
	@scripts/setup.sh

# Tests look at the console in Chromium.
setup-browser:
	@scripts/setup.sh --browser

build: setup
	swift build $(SWIFT_FLAGS)

test: setup-browser
	swift build $(SWIFT_FLAGS) --build-tests
	SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=$(TEST_WIDTH) scripts/test.sh $(TEST_FLAGS)

# The running gateway against its OpenAPI document, by a property-based tester from PyPI.
api-check: setup
	swift build $(SWIFT_FLAGS) --product attendance-gateway
	scripts/api-check.sh

# Warnings are errors in Package.swift, for our own targets.
lint:
	swift format lint --strict --recursive --parallel Package.swift Sources Tests Benchmarks/Package.swift Benchmarks/Sources
	packaging/check-unit.sh || [ $$? -eq 77 ]  # 77: no systemd on this machine
	packaging/container/check.sh --lint >/dev/null || [ $$? -eq 77 ]  # 77: no python3
	packaging/monitoring/check.sh >/dev/null || [ $$? -eq 77 ]  # 77: no promtool
	scripts/check-links.py || [ $$? -eq 127 ]  # 127: no Python

format:
	swift format --in-place --recursive --parallel Package.swift Sources Tests Benchmarks/Package.swift Benchmarks/Sources

# For machines without Swift: needs only libc, libstdc++, libgcc, libz and libsqlite3 (docs/deployment.md). A third of the
# size is gone with data and symbols that the program cannot use (docs/packages.md).
STATIC = $(CURDIR)/.build-static
static: setup
	@mkdir -p $(STATIC)
	symbol=$$(scripts/icu-data.py $(STATIC)/icu-data.o) && \
	swift build $(SWIFT_FLAGS) -c release --static-swift-stdlib --scratch-path $(STATIC) --product attendance-gateway \
		-Xlinker $(STATIC)/icu-data.o -Xlinker --wrap=$$symbol -Xlinker --no-export-dynamic

# .build-packages/attendance-gateway_VERSION_ARCHITECTURE.deb
deb: static
	scripts/deb.sh

# The package in a fresh Debian with its own systemd: as root, once `make deb` has made it.
test-packages:
	scripts/test-packages.sh

release: setup
	swift build $(SWIFT_FLAGS) -c release --product attendance-gateway

settings: build
	scripts/settings-reference.sh

# docs/images, in Chromium.
screenshots:
	scripts/screenshots.sh

# The modules by DocC, into .build/docc; a warning ends it.
docc: build
	scripts/docc.sh

bench: release
	swift build $(SWIFT_FLAGS) -c release --product journal-bench
	cd Benchmarks && swift run -c release bench --gateway ../.build/release/attendance-gateway $(BENCH_FLAGS)

clean:
	rm -rf .build .build-static .build-packages Benchmarks/.build
