#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages that building and testing need, those that are
# missing only: it costs nothing when all are there. As root, or by sudo.
# Arguments: more packages.
set -eu

# gcc-12 builds for Debian's kernel; libelf1 is needed by its objtool;
# libbpf-dev has the headers of BPF programs; pahole and bpftool are for BTF,
# kmod and binutils for looking at modules.
packages="make gcc gcc-12 libc6-dev linux-libc-dev binutils
	clang llvm libelf-dev libelf1 libbpf-dev bpftool pahole kmod
	qemu-system-x86 busybox-static $*"

if ! command -v apt-get >/dev/null; then
	echo "deps: no apt-get here: install by hand what is missing of:" $packages >&2
	exit 0
fi

missing=
for p in $packages; do
	dpkg-query -W -f '${db:Status-Abbrev}' "$p" 2>/dev/null | grep -q '^ii' || missing="$missing $p"
done
[ -n "$missing" ] || exit 0

sudo=
[ "$(id -u)" = 0 ] || sudo="sudo -n"
export DEBIAN_FRONTEND=noninteractive
install() {
	$sudo env DEBIAN_FRONTEND=noninteractive \
		apt-get -q install -y --no-install-recommends $missing
}
echo "deps: installing$missing"
# The lists may be older than the archive, or not there at all.
install || { $sudo apt-get -q update && install; }
