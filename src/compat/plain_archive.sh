#!/bin/sh
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
# plain_archive.sh THIN ARCHIVE: copies an archive that names its objects into one that holds them, without the
# sections for optimisation at link time, which only one version of one compiler reads.
set -eu
rm -f -- "$2"
ar t "$1" | xargs ar crsD "$2"
objcopy --wildcard --remove-section='.gnu.lto_*' --remove-section='.gnu.debuglto_*' "$2"
