#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# probe.sh KDIR OUT: find out what the kernel that KDIR builds modules for
# offers, and write OUT/compat/config.h (BPFSHIM_HAVE_* as 0 or 1) and
# OUT/compat/flags.mk.  Extra arguments for make come in $MAKEARGS.
#
# A trivial file must compile first: a broken build directory must never be
# read as "no features".  Results are kept until the kernel, the compiler or
# the probes change.
set -u
LC_ALL=C
export LC_ALL

kdir=$1
out=$2
here=$(cd "$(dirname "$0")" && pwd)
make=${MAKE:-make}
work=$out/compat/probe
log=$out/compat/probe.log
cfg=$out/compat/config.h
# The outer make's options must not leak into the probes' own runs.
unset MAKEFLAGS MFLAGS MAKELEVEL M V W

die() {
	echo "bpfshim: $*" >&2
	exit 1
}

[ -f "$kdir/Makefile" ] || die "KDIR=$kdir is no kernel build directory (no Makefile there)"
[ -f "$kdir/Module.symvers" ] || die "$kdir/Module.symvers is missing: build the kernel's modules, or install its devel package"

mkdir -p "$work" || exit 1
cc=cc
for a in ${MAKEARGS:-}; do
	case $a in CC=*) cc=${a#CC=} ;; esac
done
rel=$(cat "$kdir/include/config/kernel.release" "$kdir/include/generated/utsrelease.h" 2>/dev/null)
key=$({
	echo "$kdir" "$rel" ${MAKEARGS:-}
	cksum <"$kdir/Module.symvers"
	[ -f "$kdir/.config" ] && cksum <"$kdir/.config"
	$cc --version 2>/dev/null
	gcc --version 2>/dev/null
	cat "$here"/probe.sh "$here"/exports.txt "$here"/probes/*.c | cksum
} | cksum)
if [ -f "$cfg" ] && [ "$(cat "$out/compat/key" 2>/dev/null)" = "$key" ]; then
	[ -z "${VERBOSE:-}" ] || cat "$log"
	exit 0
fi
rm -f "$out/compat/key" "$work"/*
: >"$log"

# run FLAGS NAME...: compile the named files of $work; their .o say which did.
run() {
	flags=$1
	shift
	{
		for n in "$@"; do echo "obj-m += $n.o"; done
		echo "ccflags-y := $flags"
	} >"$work/Kbuild"
	cp "$work/Kbuild" "$work/Makefile"
	# shellcheck disable=SC2086
	"$make" -k -j2 -C "$kdir" M="$work" ${MAKEARGS:-} modules >>"$log" 2>&1
}

# Old kernels choose a header by gcc's major version and end at the gcc of
# their day: lend them the one for the newest gcc they know.
gccinc=
if grep -q 'gcc_header' "$kdir/include/linux/compiler-gcc.h" 2>/dev/null; then
	v=$( (echo __GNUC__ | $cc -E -P - 2>/dev/null) | tail -n 1)
	if [ -n "$v" ] && [ ! -f "$kdir/include/linux/compiler-gcc$v.h" ]; then
		for o in 9 8 7 6 5 4; do
			[ -f "$kdir/include/linux/compiler-gcc$o.h" ] || continue
			mkdir -p "$out/compat/gcc/linux"
			echo "#include <linux/compiler-gcc$o.h>" >"$out/compat/gcc/linux/compiler-gcc$v.h"
			gccinc="-I$out/compat/gcc"
			break
		done
	fi
fi

cat >"$work/sanity.c" <<'END'
#include <linux/module.h>
#include <linux/kernel.h>
int bpfshim_sanity(void);
int bpfshim_sanity(void) { return 0; }
MODULE_LICENSE("GPL");
END
echo "== sanity" >>"$log"
run "$gccinc" sanity
if [ ! -f "$work/sanity.o" ]; then
	cat "$log" >&2
	die "a trivial file does not compile against $kdir (output above)"
fi

# Warnings that the kernel's own headers raise with a newer compiler would
# make every probe fail under -Werror: find which, and turn those off.
cat >"$work/hdrs.c" <<'END'
#include <linux/module.h>
#include <linux/fs.h>
#include <linux/kprobes.h>
#include <linux/perf_event.h>
#include <linux/tracepoint.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
static int __init hdrs_init(void) { return 0; }
static void __exit hdrs_exit(void) { }
module_init(hdrs_init);
module_exit(hdrs_exit);
MODULE_LICENSE("GPL");
END
off=
for pass in 1 2 3 4 5 6 7 8; do
	rm -f "$work/hdrs.o"
	mark=$(wc -l <"$log")
	echo "== headers under -Werror, pass $pass" >>"$log"
	run "-Werror $off $gccinc" hdrs
	[ ! -f "$work/hdrs.o" ] || break
	new=$(tail -n +"$((mark + 1))" "$log" | sed -n 's/.*\[-Werror=\([a-z0-9+-]*\)=*\].*/-Wno-\1/p' | sort -u)
	[ -n "$new" ] || break
	before=$off
	for w in $new; do
		case " $off " in *" $w "*) ;; *) off="$off $w" ;; esac
	done
	[ "$off" != "$before" ] || break
done
if [ ! -f "$work/hdrs.o" ]; then
	cat "$log" >&2
	die "the kernel's own headers do not compile under -Werror (output above)"
fi

names=
for f in "$here"/probes/*.c; do
	n=$(basename "$f" .c)
	names="$names $n"
	cp "$f" "$work/$n.c"
	printf '#include <linux/module.h>\nMODULE_LICENSE("GPL");\n' >>"$work/$n.c"
done
echo "== probes" >>"$log"
# shellcheck disable=SC2086
run "-Werror $off $gccinc -Wno-unused -Wno-missing-prototypes -Wno-missing-declarations" $names

{
	echo "/* Written by compat/probe.sh for $(echo "$rel" | sed -n 1p). */"
	echo "#ifndef BPFSHIM_CONFIG_H"
	echo "#define BPFSHIM_CONFIG_H"
	for n in $names; do
		u=$(echo "$n" | tr a-z A-Z)
		if [ -f "$work/$n.o" ]; then y=1; else y=0; fi
		echo "#define BPFSHIM_HAVE_$u $y"
	done
	while read -r s rest; do
		case $s in ''|\#*) continue ;; esac
		u=$(echo "$s" | tr a-z A-Z)
		if awk -v s="$s" '$2 == s { f = 1 } END { exit !f }' "$kdir/Module.symvers"; then y=1; else y=0; fi
		echo "#define BPFSHIM_HAVE_EXPORT_$u $y"
	done <"$here/exports.txt"
	echo "#endif"
} >"$cfg.tmp"

for n in $names; do
	if grep -q '^/\* required' "$here/probes/$n.c" && [ ! -f "$work/$n.o" ]; then
		cat "$log" >&2
		die "required probe $n does not compile against $kdir (output above)"
	fi
done
while read -r s rest; do
	[ "$rest" = required ] || continue
	awk -v s="$s" '$2 == s { f = 1 } END { exit !f }' "$kdir/Module.symvers" ||
		die "the kernel of $kdir does not export $s, which the module needs"
done <"$here/exports.txt"

echo "BPFSHIM_WFLAGS := $off $gccinc" >"$out/compat/flags.mk"
cmp -s "$cfg.tmp" "$cfg" || cp "$cfg.tmp" "$cfg"
rm -f "$cfg.tmp" "$work"/*.ko "$work"/*.mod* "$work"/.*.cmd
echo "$key" >"$out/compat/key"
[ -z "${VERBOSE:-}" ] || { cat "$log"; cat "$cfg"; }
exit 0
