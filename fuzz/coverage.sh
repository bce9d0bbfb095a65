#!/bin/sh
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
# Line coverage of the reader and of the dump parser by the fuzz targets alone, whose kept corpora are
# replayed: fuzz/coverage.sh BUILD-FOLDER, which is made when it is not there.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
build=${1:?usage: fuzz/coverage.sh BUILD-FOLDER}
[ -d "$build" ] || meson setup "$build" "$top" -Db_coverage=true -Doptimization=0 >/dev/null
cd "$build"
find . -name '*.gcda' -delete
meson test fuzz_canonical fuzz_dump fuzz_image fuzz_xattr >/dev/null

# NAME FILE...: the files of one room, and their sum.
sum() {
	name=$1
	shift
	gcov -n "$@" 2>/dev/null | awk -v name="$name" '
		/^File .*\.c/ { file = $2; gsub(/.*\/|\x27/, "", file) }
		/^Lines executed:/ && file != "" {
			sub(/.*:/, "", $2)
			n = $4
			hit += n * $2 / 100
			all += n
			printf "  %-18s %6.2f%% of %d lines\n", file, $2, n
			file = ""
		}
		END { printf "%-20s %6.2f%% of %d lines\n", name, 100 * hit / all, all }'
}

erofs=src/erofs/libcfs-erofs.a.p
sum reader "$erofs"/image*.gcda "$erofs"/walk.*gcda "$erofs"/load.*gcda "$erofs"/primary.*gcda \
	"$erofs"/check.*gcda "$erofs"/canonical.*gcda
sum parser src/dump/*.p/*.gcda
