#!/bin/bash
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
# dracut: put composefs-prepare-root, its unit, configuration and keys into the initrd.
# shellcheck disable=SC2154  # dracut sets initdir, moddir and systemdsystemunitdir

check() {
	require_binaries /usr/lib/composefs/composefs-prepare-root || return 1
	return 255 # only where it is asked for: dracut --add composefs
}

depends() {
	echo systemd-initrd
}

installkernel() {
	instmods erofs overlay loop
}

install() {
	local unit=composefs-prepare-root.service file

	inst_multiple /usr/lib/composefs/composefs-prepare-root modprobe
	inst_simple "${moddir}/$unit" "$systemdsystemunitdir/$unit"
	mkdir -p "${initdir}$systemdsystemunitdir/initrd-root-fs.target.requires"
	ln -sf "../$unit" "${initdir}$systemdsystemunitdir/initrd-root-fs.target.requires/$unit"
	for file in /usr/lib/composefs/prepare-root.conf /usr/lib/composefs/setup-root-conf.toml \
		/etc/composefs/prepare-root.{conf,required} /usr/lib/composefs/{keys,revoked}.d/* \
		/etc/composefs/{keys,revoked}.d/*; do
		if [ -f "$file" ]; then
			inst_simple "$file"
		fi
	done
}
