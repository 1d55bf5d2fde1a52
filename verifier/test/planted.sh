#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Plants one bug after the other in copies of the core and has the fuzzer look
# for it, without the corpus.  Fails when one is not found in LIMIT seconds of
# one CPU, or when a plant no longer fits the source.
#   planted.sh OUT [NAME...]
set -u
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
out=$1
shift
LIMIT=${LIMIT:-600}
only=" $* "
missed=0
total=0

# plant NAME FILE WHAT SED-SCRIPT
plant() {
	name=$1 file=$2 what=$3 script=$4
	[ "$only" = "  " ] || case $only in *" $name "*) ;; *) return ;; esac
	total=$((total + 1))
	dir=$out/$name
	rm -rf "$dir"
	mkdir -p "$dir/driver"
	cp -r "$top/verifier" "$top/ioctl" "$dir"
	cp -r "$top/driver/exec" "$dir/driver"
	sed -i "$script" "$dir/verifier/$file"
	if cmp -s "$dir/verifier/$file" "$top/verifier/$file"; then
		echo "planted: $name: no longer fits $file"
		missed=$((missed + 1))
		return
	fi
	if ! make -s -C "$dir/verifier/test" OUT="$dir/build" fuzz-bin >"$dir/make.log" 2>&1; then
		echo "planted: $name: does not build, see $dir/make.log"
		missed=$((missed + 1))
		return
	fi
	nice "$dir/build/fuzz" -t "$LIMIT" -s "${SEED:-77}" >"$dir/log" 2>&1
	status=$?
	when=$(sed -n 's/^seed [0-9]*, after \([0-9.]* s of CPU, [0-9]* programs\).*/\1/p' "$dir/log" | head -1)
	why=$(sed -n 's/^UNSOUND: //p' "$dir/log" | head -1)
	if [ $status -eq 0 ] || [ -z "$when" ]; then
		echo "planted: $name ($what): NOT FOUND in $LIMIT s of CPU"
		missed=$((missed + 1))
	else
		echo "planted: $name ($what): found after $when: $why"
	fi
	rm -rf "$dir/build"
}

plant shift num.c "a shift's upper bound is too low" \
	'/^static void shift_right/,/^}/ s/^\td->umax >>= by;/\td->umax = d->umax >> by >> 1;/'
plant trunc32 alu.c "a 32-bit move keeps the upper half" \
	'/^static int move(/,/^}/ s/^\tbpfshim_num_zext32(&dst->n);//'
plant alu32 num.c "32-bit results keep 64-bit bounds" \
	'/^void bpfshim_num_alu/,/^}/ s/^\t\tbpfshim_num_whole_from_low(dst);//'
plant map_bound mem.c "one byte past a region is let through" \
	's/(u64)off + (u64)size <= limit/(u64)off + (u64)size <= limit + 1/'
plant precise_ptr alu.c "numbers added to pointers are not marked precise" \
	'/^static int two_operands/,/^}/ s/err = bpfshim_v_precise(env, in->[a-z]*_reg);/err = 0;/'
plant precise_jump jump.c "numbers that decide a branch are not marked precise" \
	'/^static int known_way/,/^}/ s/bpfshim_v_precise(env, in->[a-z]*_reg)/0/'
plant precise_link precise.c "precision does not reach equal numbers" \
	's/^\t\twant_links(b, h);/\t\t;/'
plant stale_null jump.c "a NULL check clears pointers of other lookups too" \
	'/^static bool null_reg/,/^}/ s/ || r->id != c->id//'
plant stale_packet helper.c "packet pointers outlive the packet" \
	's/if (!err && changes_packet(call.id))/if (0)/'
plant stale_record helper.c "a record may be used after it was submitted" \
	'/^int bpfshim_v_ref_release/,/^}/ s/return bpfshim_v_each_reg.*/return 0;/'
plant live prune.c "a register that is read later is not compared" \
	'/^static bool frame_covers/,/^}/ s/so->read.reg\[no\] & 0x3ff/so->read.reg[no] \& 0x3bf/'
plant jmp32 num_branch.c "what a 32-bit comparison teaches is taken for 64 bits" \
	'/^bool bpfshim_num_assume/,/^}/ s/), w32, truth)/), false, truth)/; s/op, w32, truth);/op, false, truth);/'
plant spill stack.c "part of a spilled number is overwritten unseen" \
	'/^static void spoil/,/^}/ s/\*byte = VB_MISC;/;/'

plant mask spec.c "a pointer's window is one byte too narrow" \
	's/^\taux->alu_limit = limit;/\taux->alu_limit = limit ? limit - 1 : 0;/'
plant mask_paths spec.c "an instruction that adds numbers and moves pointers is masked" \
	'/^int bpfshim_v_spec_number/,/^}/ s/^\tif (!masks(env, in))/\tif (1)/'

[ $missed -eq 0 ] || { echo "planted: $missed of $total not found"; exit 1; }
echo "planted: all $total found"
