# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
# Short names for what meson does. Everything about the build itself stands in meson.build.
BUILD ?= build
TREE ?= /usr/share/doc

# Where "make install" puts the programs; empty: where the build says, /usr/local at first.
PREFIX ?=

.PHONY: all quickstart check check-fast install uninstall dist site deps clean

all:
	@scripts/build.sh $(BUILD) $(if $(PREFIX),--prefix=$(PREFIX))

# Packs TREE into an image and an object store, mounts it, compares, unmounts.
quickstart:
	@scripts/deps.sh build
	@scripts/quickstart.sh --build $(BUILD) "$(TREE)"

# The whole suite, in several builds. Ends with "N passed, N failed, N skipped".
check:
	@echo "Three builds and all tests: about nine minutes on two cores. \"make check-fast\" takes one minute."
	@scripts/deps.sh -n build test
	@echo "Tests download kernels and packages of Debian, and the crate of cfsctl, once, to ~/.cache/composefs-tests."
	@scripts/deps.sh build test
	@scripts/check.py

# One build and the tests that need neither root nor network.
check-fast:
	@echo "One build and the tests unit, golden and style: about one minute on two cores."
	@scripts/deps.sh -n build
	@scripts/deps.sh build
	@scripts/check.py fast

# Below DESTDIR, if that is set.
install: all
	@meson install -C $(BUILD) --no-rebuild

# Removes what the last "make install" of this build folder has put somewhere.
uninstall:
	@ninja -C $(BUILD) uninstall

# A tarball of the last commit, with a checksum: BUILD/meson-dist. "make check" in it is the test of a release.
dist: all
	@meson dist -C $(BUILD) --no-tests

# The documents and manual pages as web pages: BUILD/site/index.html.
site: all
	@doc/site.py doc $(BUILD)/doc/man $(BUILD)/site

# Everything that any build or test of this project wants, clang included.
deps:
	@scripts/deps.sh build test ci

clean:
	rm -rf build build-sanitize build-clang build-threads
