# SPDX-License-Identifier: BSD-3-Clause
#
# "make help" lists the targets. All output goes to build/.

# The version is in the source, not in a tag: every clone must build the same bytes,
# even one without tags. It is the version of the next release.
VERSION ?= $(shell sed -n 's/^var version, revision = "\(.*\)", ""$$/\1/p' cmd/scpatch/internal/cli/options.go)
# "COMMIT TIME", from git, or in a tree without git as git archive wrote it.
COMMIT = $(if $(wildcard .git),$(shell git log -1 --format='%H %ct' 2>/dev/null),$(shell sed -n 's/^commit \([0-9a-f]* [0-9]*\)$$/\1/p' .revision))
DIRTY = $(and $(wildcard .git),$(shell git status --porcelain --untracked-files=no 2>/dev/null))
REVISION ?= $(firstword $(COMMIT))$(if $(DIRTY),-dirty)

GO ?= go
PREFIX ?= /usr/local
DESTDIR ?=
BINDIR ?= $(PREFIX)/bin
MANDIR ?= $(PREFIX)/share/man
INCLUDEDIR ?= $(PREFIX)/include

B := build
# A count, not a time: when time is up, go test sometimes fails a sound target
# with "context deadline exceeded".
FUZZTIME ?= 500000x
FULL_FUZZTIME ?= 5000000x
MUTANTS ?= 100000
KILLS ?= 1000
BENCHTIME ?= 1s
# A pattern of test names for "make unit" and "make race".
RUN ?=
# These take long to make, so they may be in other directories.
CORPUS ?= $(B)/corpus
KERNEL ?= $(B)/kernel
# The kernels of "make kernel-test": inline, far, object or pcrel (kbuild/build-vmlinux.sh),
# of Linux 7.2, 6.12 or 6.1.
KIND ?= inline
SERIES ?= 6.12
# As Kbuild has it: -19 for clang-19 and its tools, 1 for clang. Empty for gcc.
LLVM ?=
# The compiler of the modules of the tests, if not that of the kernel: clang-19.
CC_MODULES ?=
export LLVM CC_MODULES
KERNEL_BOOT ?= $(B)/kernel-$(KIND)$(if $(filter-out 6.12,$(SERIES)),-$(SERIES))$(if $(LLVM),-llvm$(subst /,-,$(LLVM)))
# Some of boot-test.sh's machines; empty for all.
MACHINES ?=
TREE ?=

CORPUS_PACKAGES ?= libc6-dev libgcc-12-dev libstdc++-12-dev libssl-dev
# "make corpus-full" passes one object of this many to the other tools.
CORPUS_PEERS ?= 1
# The packages have at least this many objects.
CORPUS_MIN ?= 5000

GOLANGCI := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0

# The binary is static. Only the race detector needs cgo.
export CGO_ENABLED := 0
# The package of the variables that are set at link time.
CLI := github.com/scpatch/scpatch/cmd/scpatch/internal/cli
# The bytes depend on the commit and on the version of Go, not on place or time.
BUILDFLAGS = -trimpath -buildvcs=false -ldflags "-X $(CLI).version=$(VERSION) -X $(CLI).revision=$(REVISION) $(LDFLAGS)"
LDFLAGS ?=
# No time limit: a slow machine takes longer.
GOTEST := $(GO) run ./.ci/gotest -timeout 0
# Packages that ./... does not match.
CI_TOOLS := ./.ci/gotest ./.ci/bench ./.ci/mutation ./.ci/vuln
# A missing peer (linker, emulator, disassembler) fails a test instead of skipping it.
REQUIRE := SCPATCH_REQUIRE_TOOLS=1

.DEFAULT_GOAL := all
.NOTPARALLEL:
.DELETE_ON_ERROR:

##@ Build
.PHONY: all build install install-headers uninstall clean dist deb deb-test reproducible
all: build ## Build build/scpatch
build:
	@mkdir -p $(B)
	$(GO) build $(BUILDFLAGS) -o $(B)/scpatch ./cmd/scpatch

# The installed files, "file:name".
SHARE = $(PREFIX)/share
# Where zsh looks for completions of local software; Debian's packages use vendor-completions.
ZSHDIR ?= $(SHARE)/zsh/site-functions
DOCDIR ?= $(SHARE)/doc/scpatch
# Every document that one of these links to must be here; a test follows the links.
DOCUMENTS = README.md CONTRIBUTING.md SECURITY.md kbuild/README.md $(wildcard docs/*.md docs/*.svg docs/*.png docs/schema/*)
HEADERS = $(foreach h,$(wildcard include/*.h),$(h):$(INCLUDEDIR)/scpatch/$(notdir $h))
INSTALLED = $(B)/scpatch:$(BINDIR)/scpatch docs/scpatch.1:$(MANDIR)/man1/scpatch.1 $(HEADERS) \
	$(foreach f,scpatch-compile scpatch.mk,share/$f:$(SHARE)/scpatch/$f) \
	share/ScpatchConfig.cmake:$(SHARE)/cmake/Scpatch/ScpatchConfig.cmake \
	$(B)/scpatch.pc:$(SHARE)/pkgconfig/scpatch.pc \
	$(foreach f,$(DOCUMENTS),$f:$(DOCDIR)/$f) \
	completions/scpatch.bash:$(SHARE)/bash-completion/completions/scpatch \
	completions/_scpatch:$(ZSHDIR)/_scpatch \
	completions/scpatch.fish:$(SHARE)/fish/vendor_completions.d/scpatch.fish

# install-files FILES, for use in a recipe.
define install-files
set -e; for f in $1; do \
	if [ -x "$${f%%:*}" ]; then mode=755; else mode=644; fi; \
	install -D -m $$mode "$${f%%:*}" '$(DESTDIR)'"$${f#*:}"; \
done
endef

install: build ## Install what is built, the headers, fragments for builds, and the documents (PREFIX, DESTDIR)
	@sed 's/@VERSION@/$(VERSION)/' share/scpatch.pc.in >$(B)/scpatch.pc
	@$(call install-files,$(INSTALLED))

install-headers:
	@$(call install-files,$(HEADERS))

uninstall: ## Remove what install has installed, and the directories that belong to scpatch
	@for f in $(INSTALLED); do rm -f '$(DESTDIR)'"$${f#*:}"; done
	@for d in $(DOCDIR)/docs/schema $(DOCDIR)/docs $(DOCDIR)/kbuild $(DOCDIR) $(SHARE)/scpatch $(SHARE)/cmake/Scpatch $(INCLUDEDIR)/scpatch; do \
		if [ -d '$(DESTDIR)'"$$d" ]; then rmdir '$(DESTDIR)'"$$d"; fi; \
	done

demo: build ## Patch a real object and show its sites before and after
	@mkdir -p $(B)/demo
	cp testdata/obj/gcc-p8-O2-sites.o $(B)/demo/sites.o
	$(B)/scpatch --quiet --diff $(B)/demo/sites.o | head -n 22
	$(B)/scpatch list testdata/obj/gcc-p8-O2-sites.o | head -n 12

dist: ## Write build/scpatch-VERSION.tar.gz, of the last commit
	@mkdir -p $(B)
	git -c tar.umask=0022 archive --format=tar --prefix=scpatch-$(VERSION)/ -o $(B)/scpatch-$(VERSION).tar HEAD
	gzip -9nf $(B)/scpatch-$(VERSION).tar

deb: ## Make a Debian package of the last commit's time, build/scpatch_*.deb
	@mkdir -p $(B)
	rm -f $(B)/scpatch_*.deb
	SOURCE_DATE_EPOCH='$(lastword $(COMMIT))' REVISION='$(REVISION)' GO='$(GO)' packaging/deb.sh $(B) $(VERSION)

deb-test: deb ## Run lintian, and try the package in a minimal Debian, of this release and of 13: install, use, remove
	@.ci/setup-tools package
	lintian --fail-on error,warning $(B)/scpatch_*.deb
	packaging/deb-test.sh $(B)/scpatch_*.deb testdata/obj/gcc-p8-O2-sites.o
	packaging/deb-test.sh $(B)/scpatch_*.deb testdata/obj/gcc-p8-O2-sites.o trixie

reproducible: build ## Build binary, tarball and package in two clones with empty caches, and compare them
	packaging/reproducible.sh $(B)/reproducible

clean: ## Remove what was built, but not the corpus, the kernel and the suites' roots
	rm -rf $(B)/scpatch $(B)/scpatch[-_.]* $(B)/demo $(B)/testdata $(B)/bench $(B)/ci $(B)/reproducible $(B)/pictures

distclean: clean ## Remove build/ altogether
	rm -rf $(B)

##@ Test
.PHONY: say-test demo distclean tools vet fmt-check unit race test test-full soundness soundness-random soundness-short browser-test bazel-test musl-test libsodium-test screenshot e2e test-suites matrix mutants mutation mutation-sample kills fuzz lint vuln
test: say-test tools vet fmt-check unit race testdata-check ## Set up what is missing and run the everyday suite (6 minutes)
	@echo 'make test: all passed'

say-test:
	@echo 'make test: installs the tools that are missing, vets, runs the tests of all packages,'
	@echo 'then those of the command under the race detector, and builds testdata again. That'
	@echo 'takes about 6 minutes on two idle cores. A line appears when a package is done.'

tools: ## Install what the tests need (as root), or say what is missing
	@.ci/setup-tools test

vet: ## Run go vet over everything
	$(GO) vet ./... $(CI_TOOLS)

fmt-check: ## Check that gofmt would change nothing
	@files=$$(gofmt -l $$($(GO) list -f '{{.Dir}}' ./...) .ci); \
	[ -z "$$files" ] || { printf 'gofmt would change:\n%s\n' "$$files"; exit 1; }

# With -short, tests that take long or need input of their own are skipped, and
# name the target that runs them.
unit: build ## Run the tests of all packages, or those of RUN=PATTERN, without the long ones (minutes)
	$(REQUIRE) $(GOTEST) -short $(if $(RUN),-run '$(RUN)') ./... ./.ci/mutation

# Only the command starts goroutines; it calls all other packages from them. The
# end-to-end tests are left out: the programs that they start are not instrumented.
race: ## Run the tests of the command, or those of RUN=PATTERN, under the race detector (1 minute)
	$(REQUIRE) CGO_ENABLED=1 $(GOTEST) -race -short -skip '^TestE2E' $(if $(RUN),-run '$(RUN)') ./cmd/scpatch/...

e2e: tools build ## Run the end-to-end tests only (cross compilers, both linkers, qemu)
	$(REQUIRE) $(GOTEST) -count=1 -run E2E ./cmd/scpatch/e2e

SOUNDNESS := ^(TestRunLibraries|TestRunImages|TestImageLikeObjects|TestE2ECounts|TestE2ERestoreCounts|TestE2EStartCosts|TestLinkerFacts|TestWork)$$
soundness: build tools ## Test the proof on whole libraries and images, instructions per call, the linkers, and how work grows
	$(REQUIRE) $(GOTEST) -count=1 -v -run '$(SOUNDNESS)' ./sites/cfg ./cmd/scpatch/e2e

# Thousands run in an hour. A failure is left in build/random/GRAPH/NUMBER.
PROGRAMS ?= 10000
FIRST ?= 0
# The number of words spoiled in each.
SPOILS ?= 3
soundness-random: tools ## Make PROGRAMS random programs from number FIRST on, patch, link, run, verify and spoil them (10000)
	@.ci/setup-tools random
	$(REQUIRE) SCPATCH_PROGRAMS=$(PROGRAMS) SCPATCH_FIRST=$(FIRST) SCPATCH_SPOILS=$(SPOILS) $(GOTEST) -count=1 -v -run '^TestE2ERandomCalls$$' ./cmd/scpatch/e2e

# The part of it that every change has to pass.
soundness-short: build tools
	$(REQUIRE) $(GOTEST) -count=1 -run '^(TestRunLibraries|TestLinkerFacts)$$' ./sites/cfg ./cmd/scpatch/e2e

browser-test: build ## Test the site map in headless Chromium; pictures of it go to build/pictures
	@.ci/setup-tools browser
	@mkdir -p $(B)/pictures
	$(REQUIRE) SCPATCH_PICTURES='$(abspath $(B)/pictures)' $(GOTEST) -count=1 -v -run '^TestBrowser' ./cmd/scpatch/internal/report

# The last version whose binary is on the npm registry, for x86-64.
BAZEL := bazel-linux_x64@2.1.0
bazel-test: build ## Build with the rule of docs/builds.md in Bazel's sandbox, with bazel-remote as its cache
	@.ci/setup-tools bazel
	@[ -d $(B)/bazel/node_modules ] || npm install --silent --no-audit --no-fund --no-save --prefix $(B)/bazel @bazel/$(BAZEL)
	@[ -x $(B)/bazel/bazel-remote ] || echo 'building bazel-remote, which takes minutes'
	@$(GO) -C .ci/bazel-remote build -o '$(abspath $(B)/bazel/bazel-remote)' github.com/buchgr/bazel-remote/v2
	SCPATCH_BAZEL='$(abspath $(B)/bazel/node_modules/@bazel/bazel-linux_x64)' SCPATCH_BAZEL_REMOTE='$(abspath $(B)/bazel)' $(REQUIRE) $(GOTEST) -count=1 -v -run '^TestBazel$$' ./cmd/scpatch/e2e

musl-test: ## Build programs of static_call.h with Debian's musl for ppc64le, and run them
	@.ci/setup-tools test corpus
	@.ci/fetch-corpus $(B)/musl musl musl-dev musl-tools
	@mkdir -p $(B)/musl/root
	@cp -a $(B)/musl/musl/. $(B)/musl/musl-dev/. $(B)/musl/musl-tools/. $(B)/musl/root/
	SCPATCH_MUSL='$(abspath $(B)/musl/root)' $(REQUIRE) $(GOTEST) -count=1 -v -run '^TestMusl$$' ./cmd/scpatch/e2e

libsodium-test: build ## Convert Debian's libsodium to static calls, run its tests, and count instructions
	@.ci/setup-tools test corpus libsodium
	@.ci/fetch-corpus $(B)/source src:libsodium
	SCPATCH_LIBSODIUM='$(abspath $(B)/source/libsodium)' $(REQUIRE) $(GOTEST) -count=1 -v -run '^TestLibsodium$$' ./cmd/scpatch/e2e

screenshot: $(KERNEL)/vmlinux.o ## Make docs/sitemap.png, the site map of that kernel object
	@.ci/setup-tools browser
	$(REQUIRE) SCPATCH_SCREENSHOT='$(abspath docs/sitemap.png)' SCPATCH_KERNEL='$(abspath $(KERNEL))' \
		$(GO) test -count=1 -run '^TestWriteScreenshot' ./cmd/scpatch/internal/report

test-full: test reproducible deb-test soundness browser-test bazel-test musl-test libsodium-test corpus-check kernel-check ## The everyday suite and the long forms: corpus, kernels, fuzzing
	@$(MAKE) --no-print-directory kernel-test
	@$(MAKE) --no-print-directory kernel-test KIND=far MACHINES=power9-4
	@$(MAKE) --no-print-directory kernel-test KIND=object MACHINES=power9-4
	@$(MAKE) --no-print-directory kernel-test KIND=pcrel
	@$(MAKE) --no-print-directory kernel-test SERIES=6.1
	@$(MAKE) --no-print-directory kernel-test SERIES=7.2
	@$(MAKE) --no-print-directory kernel-test SERIES=7.2 LLVM=-19 MACHINES=power9-4
	@$(MAKE) --no-print-directory tutorial-kernel
	$(REQUIRE) SCPATCH_FULL=1 $(GOTEST) -count=1 -v -run E2E ./cmd/scpatch/e2e
	@$(MAKE) --no-print-directory mutants kills
	@$(MAKE) --no-print-directory fuzz FUZZTIME=$(FULL_FUZZTIME)

# One of these, or all.
SUITE ?= bookworm trixie sid
test-suites: ## Do what README.md says in a fresh root of each Debian release SUITE (bookworm trixie sid)
	@.ci/setup-tools suites
	@for s in $(SUITE); do .ci/test-suite $$s || exit 1; done

# Cells of testdata/e2e/cells.txt for each compiler and processor, and random programs.
MATRIX ?= 100
# Releases whose tools join those of this machine.
MATRIX_SUITES ?= trixie sid
matrix: tools ## Build programs with each compiler, processor and linker here and in MATRIX_SUITES (hours; MATRIX=3: a part, from FIRST on)
	@.ci/setup-tools matrix
	@[ -z '$(MATRIX_SUITES)' ] || .ci/setup-tools suites
	@status=0; \
	$(REQUIRE) SCPATCH_MATRIX=$(MATRIX) SCPATCH_FIRST=$(FIRST) $(GOTEST) -count=1 -v -run '^TestE2EToolMatrix$$' ./cmd/scpatch/e2e || status=1; \
	for s in $(MATRIX_SUITES); do .ci/test-suite --new $$s make matrix MATRIX=$(MATRIX) FIRST=$(FIRST) MATRIX_SUITES= || status=1; done; \
	exit $$status

mutants: ## Give scpatch MUTANTS changed objects (100000)
	SCPATCH_MUTANTS=$(MUTANTS) $(GOTEST) -count=1 -v -run '^TestMutants$$' ./cmd/scpatch/e2e

# Each package is tested by its own tests, without those that take long. The pattern
# leaves out tests that run none of the code.
MUTATED := ppc64 reloc elfrw sites/internal/index sites/errkind sites/layout sites/stub sites/tocsave sites/cfg sites/image sites/verify sites
MUTATION = $(GO) run ./.ci/mutation -skip '^TestFormsRun$$'
mutation: tools ## Change the operators of MUTATED one by one: do their tests notice? (hours)
	$(MUTATION) -workers 2 $(MUTATED)

# One mutant of 150, the SAMPLE-th.
SAMPLE ?= 0
mutation-sample: tools ## The same for a small part of them (SAMPLE selects which)
	$(MUTATION) -every 150 -offset $(SAMPLE) $(MUTATED)

kills: ## Kill scpatch KILLS times in the middle of a batch (1000)
	SCPATCH_KILLS=$(KILLS) $(GOTEST) -count=1 -v -run '^TestKilled$$' ./cmd/scpatch/e2e

# Without a limit, minimizing one interesting input takes up the whole time.
fuzz: ## Run every fuzz target for FUZZTIME inputs (500000x)
	@for p in $$($(GO) list ./...); do \
		for f in $$($(GO) test -list '^Fuzz' $$p | grep '^Fuzz'); do \
			echo "$$p $$f"; \
			$(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 20x $$p || exit 1; \
		done; \
	done

lint: vuln ## Run golangci-lint (the first time it is compiled: minutes), and vuln
	$(GO) run $(GOLANGCI) run ./...

# The database is in a module, so the module proxy is enough. A vulnerability in this machine's Go
# is shown; one in a module of go.mod is an error.
vuln: ## Look for known vulnerabilities in the code that scpatch calls
	@rm -rf $(B)/vuln && mkdir -p $(B)/vuln
	@osv=$$($(GO) mod download -json golang.org/x/vulndb@latest | sed -n 's/^.*"Dir": "\(.*\)".*/\1/p') && $(GO) run ./.ci/vuln "$$osv/data/osv" $(B)/vuln
	@$(GO) run $(GOVULNCHECK) -db 'file://$(abspath $(B)/vuln)' ./... >$(B)/vuln/found; status=$$?; cat $(B)/vuln/found; \
	[ $$status = 0 ] || { grep -q 'Found in: .*@go1' $(B)/vuln/found && ! grep 'Found in: ' $(B)/vuln/found | grep -v '@go1'; }

##@ Real input
.PHONY: testdata testdata-check corpus corpus-check corpus-full kernel-object kernel-modules kernel-check kernel-model kernel-test kernel-patches kernel-checkpatch kernel-bisect kernel-series kernel-cost kernel-preempt tutorial-kernel
testdata: tools ## Build the objects in testdata/obj again
	$(MAKE) -C testdata objects

# With a toolchain other than the pinned one, a difference proves nothing. CI has the pinned one.
testdata-check: tools ## Check that the objects in testdata/obj are what the pinned toolchain makes
	@if [ -n "$$CI" ] || $(MAKE) --no-print-directory -s -C testdata versions >/dev/null 2>&1; then \
		$(MAKE) --no-print-directory -C testdata check OUT='$(CURDIR)/$(B)/testdata'; \
	else \
		echo 'testdata-check: skipped, the toolchain is not the pinned one (make -C testdata versions)'; \
	fi

corpus: ## Fetch the ppc64el packages of CORPUS_PACKAGES into build/corpus
	@.ci/setup-tools corpus
	@.ci/fetch-corpus $(CORPUS) $(CORPUS_PACKAGES)

# 20,827 objects, 2 GB. CORPUS_PEERS limits what goes to the other tools.
CORPUS_ALL := libc6-dev libgcc-12-dev libstdc++-12-dev libgfortran-12-dev libgo-12-dev gnat-12 libgphobos-12-dev \
	zlib1g-dev libssl-dev llvm-14-dev libclang-14-dev libmlir-14-dev libclang-rt-14-dev libstd-rust-dev ghc \
	fp-units-rtl-3.2.2 ocaml golang-1.19-go binutils-dev linux-image-powerpc64le
corpus-full: ## The same for 20 packages; readelf, eu-elflint and the linkers see each edited object (an hour)
	@.ci/setup-tools corpus test
	@.ci/fetch-corpus $(CORPUS) $(CORPUS_ALL)
	$(REQUIRE) SCPATCH_CORPUS='$(abspath $(CORPUS))' SCPATCH_CORPUS_MIN=20000 SCPATCH_CORPUS_PEERS=$(CORPUS_PEERS) \
		$(GOTEST) -count=1 -v -run '^TestCorpus$$' ./cmd/scpatch/e2e

corpus-check: corpus ## Write every object of the corpus back byte for byte, plan it, and edit some
	$(REQUIRE) SCPATCH_CORPUS='$(abspath $(CORPUS))' SCPATCH_CORPUS_MIN=$(CORPUS_MIN) SCPATCH_CORPUS_PEERS=200 \
		$(GOTEST) -count=1 -v -run '^TestCorpus' ./cmd/scpatch/e2e
	SCPATCH_CORPUS='$(abspath $(CORPUS))' $(GOTEST) -count=1 -run '^Test(RemoveEvery|Inverse|ObjectMix)' ./elfrw

kernel-object: ## Build vmlinux.o from Debian's linux-source-6.12 (minutes)
	@.ci/setup-tools test kernel linux-6.12
	kbuild/build-vmlinux.sh $(KERNEL)

kernel-modules: ## The same, and ten modules
	@.ci/setup-tools test kernel linux-6.12
	kbuild/build-vmlinux.sh $(KERNEL) modules

# For the series whose source this release of Debian does not have.
FETCH_SOURCE = $(if $(filter 7.2,$(SERIES)),@.ci/fetch-source build/linux-7.2 sid linux-source-7.2)

kernel-model: ## Apply the series SERIES to Debian's source, and check its code by kbuild/model
	@.ci/setup-tools kernel linux-$(SERIES)
	$(FETCH_SOURCE)
	kbuild/build-vmlinux.sh $(B)/source-$(SERIES) source $(SERIES)
	kbuild/model/run.sh $(B)/source-$(SERIES)/src

kernel-test: build ## Build a kernel (KIND, SERIES, LLVM) with scpatch in its build, and boot it in qemu
	@.ci/setup-tools test kernel linux-$(SERIES) boot
	$(FETCH_SOURCE)
	kbuild/build-vmlinux.sh $(KERNEL_BOOT) $(KIND) $(SERIES)
	kbuild/model/run.sh $(KERNEL_BOOT)/src 2
	kbuild/boot-test.sh $(KERNEL_BOOT) $(MACHINES)

# git am if the tree is a git tree; otherwise patch, which makes no commits.
kernel-patches: ## Apply the series SERIES (7.2, 6.12 or 6.1) to the kernel tree TREE
	@[ -f '$(TREE)/Kconfig' ] || { echo 'make kernel-patches TREE=DIRECTORY: no kernel tree in "$(TREE)"' >&2; exit 2; }
	@if [ -e '$(TREE)/.git' ]; then \
		git -C '$(TREE)' am $(CURDIR)/kbuild/patches/$(SERIES)/*.patch; \
	else \
		cat kbuild/patches/$(SERIES)/*.patch | patch -d '$(TREE)' -p1 -F0 --no-backup-if-mismatch; \
	fi

kernel-checkpatch: ## Run the kernel's checkpatch.pl --strict over the series SERIES
	@.ci/setup-tools kernel linux-$(SERIES)
	$(FETCH_SOURCE)
	for s in $(SERIES) $(notdir $(wildcard kbuild/patches/$(SERIES)-preempt)); do kbuild/checkpatch.sh $$s || exit 1; done

kernel-bisect: build ## Compile after each patch of the series SERIES, for ppc64le, 32-bit powerpc and x86-64 (half an hour)
	@.ci/setup-tools test kernel linux-$(SERIES)
	$(FETCH_SOURCE)
	kbuild/bisect.sh $(SERIES) $(B)/bisect-$(SERIES)

kernel-series: ## Write the series SERIES, signed BY 'NAME <ADDRESS>', on the kernel tree TREE, to build/series-SERIES
	@kbuild/series.sh '$(SERIES)' '$(TREE)' '$(BY)' '$(B)/series-$(SERIES)'

tutorial-kernel: ## Run the commands of docs/tutorial-kernel.md, from the source package to the boot
	@.ci/setup-tools test kernel linux-6.12 boot
	$(REQUIRE) SCPATCH_TUTORIAL_KERNEL=1 $(GOTEST) -count=1 -v -run '^TestTutorialKernel$$' ./cmd/scpatch/e2e

COST_KERNELS := pointer outline runtime direct
kernel-cost: build ## Count instructions per static call in four kernels, and what scpatch adds to a build
	@.ci/setup-tools test kernel linux-6.12 boot
	for k in $(COST_KERNELS); do kbuild/build-vmlinux.sh $(B)/kernel-$$k $$k || exit 1; done
	kbuild/cost.sh $(COST_KERNELS:%=$(B)/kernel-%)
	kbuild/share.sh $(B)/kernel-outline $(B)/kernel-runtime

PREEMPT := keys calls
kernel-preempt: build ## Choose the preemption model of Linux 7.2 by static keys and by static calls: boot, and count instructions
	@.ci/setup-tools test kernel linux-7.2 boot
	@.ci/fetch-source build/linux-7.2 sid linux-source-7.2
	for k in $(PREEMPT); do \
		kbuild/build-vmlinux.sh $(B)/kernel-preempt-$$k preempt-$$k 7.2 && \
		$(B)/scpatch verify $(B)/kernel-preempt-$$k/vmlinux && \
		kbuild/boot-test.sh $(B)/kernel-preempt-$$k $(MACHINES) || exit 1; \
	done
	kbuild/build-vmlinux.sh $(B)/kernel-inline-7.2 inline 7.2
	for m in full lazy; do \
		echo "preempt=$$m"; \
		BOOT_PARAMETERS=preempt=$$m kbuild/cost.sh $(B)/kernel-inline-7.2 $(PREEMPT:%=$(B)/kernel-preempt-%) || exit 1; \
	done

kernel-check: build kernel-modules ## Run scpatch over that kernel object and those modules
	$(REQUIRE) SCPATCH_KERNEL='$(abspath $(KERNEL))' $(GOTEST) -count=1 -v -run '^TestKernel' ./cmd/scpatch/e2e
	@.ci/kernel-check $(B)/scpatch $(KERNEL)/vmlinux.o

##@ Speed
.PHONY: bench bench-short bench-go bench-plot bench-inputs
BENCH := $(B)/bench
BENCH_INPUTS = $(addprefix $(BENCH)/,million.o sections.o llvm.o merged.o modules callers) $(KERNEL)/vmlinux.o
# A round over these takes minutes.
BENCH_HUGE = $(addprefix $(BENCH)/,llvm.o merged.o modules callers)
BENCH_ROUNDS ?= 9
BENCH_TOOL = SCPATCH='$(abspath $(B)/scpatch)' OBJTOOL='$(or $(OBJTOOL),$(abspath $(wildcard $(KERNEL)/obj/tools/objtool/objtool)))' \
	$(BENCH)/bench

bench: bench-go bench-tool bench-inputs ## Run the Go benchmarks, and scpatch and its peers over large inputs (the first time an hour)
	@$(BENCH_TOOL) -n $(BENCH_ROUNDS) $(filter-out $(BENCH_HUGE),$(BENCH_INPUTS))
	@$(BENCH_TOOL) -n 3 $(BENCH_HUGE)

bench-short: bench-go bench-tool $(BENCH)/million.o $(BENCH)/sections.o ## The same over inputs that are made quickly, and vmlinux.o if it exists
	@$(BENCH_TOOL) -n 3 $(BENCH)/million.o $(BENCH)/sections.o $(wildcard $(KERNEL)/vmlinux.o)

bench-plot: bench-tool ## Plot how the CPU time grows with relocations and sites: docs/scaling.svg
	SCPATCH_LARGE='$(abspath $(BENCH)/scale)' SCPATCH_SCALE=1 $(GO) test -count=1 -run '^TestWriteLarge' ./cmd/scpatch/e2e
	@$(BENCH_TOOL) -n $(BENCH_ROUNDS) -plot docs/scaling.svg $(BENCH)/scale/scale-*.o

bench-go:
	$(GO) test -count=1 -run '^$$' -bench . -benchmem -benchtime $(BENCHTIME) ./cmd/scpatch/e2e

.PHONY: bench-tool
bench-tool: build
	@.ci/setup-tools test
	@mkdir -p $(BENCH)
	@$(GO) build -o $(BENCH)/bench ./.ci/bench

bench-inputs: $(BENCH_INPUTS)

$(BENCH)/million.o: cmd/scpatch/e2e/million_test.go
	SCPATCH_LARGE='$(abspath $(@D))' $(GO) test -count=1 -run '^TestWriteLarge' ./cmd/scpatch/e2e

$(BENCH)/sections.o:
	.ci/bench-input sections $@

$(BENCH)/llvm.o:
	@.ci/setup-tools corpus test
	.ci/bench-input llvm $@ $(CORPUS)

$(BENCH)/merged.o: $(KERNEL)/vmlinux.o
	@.ci/setup-tools corpus test
	.ci/bench-input merged $@ $(CORPUS) $(KERNEL)/vmlinux.o

$(BENCH)/modules:
	@.ci/setup-tools corpus
	.ci/bench-input modules $@ $(CORPUS)

$(BENCH)/callers: $(KERNEL)/modules/list
	.ci/bench-input callers $@ $(KERNEL)/modules

$(KERNEL)/vmlinux.o $(KERNEL)/modules/list:
	@.ci/setup-tools test kernel linux-6.12
	kbuild/build-vmlinux.sh $(KERNEL) modules

##@ Help
.PHONY: help
help: ## Print this list
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z0-9-]+:.*## / { printf "  %-17s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
