// SPDX-License-Identifier: Apache-2.0

package image

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"github.com/cilium/ebpf/asm"
)

const page = 4096

// reader reads kernel memory: a program that copies a page into a map, run by
// PROG_TEST_RUN.
type reader struct {
	tgt       *raw.Target
	prog, fd  int
	value     []byte
	key       []byte
	tablesAt  uint64 // where physical memory is mapped
	rootTable uint64
}

func newReader(t *testing.T, tgt *raw.Target) *reader {
	t.Helper()
	r := &reader{tgt: tgt, value: raw.Alloc(page), key: raw.Alloc(4)}
	var errno error
	fd, e := tgt.Do(raw.MapCreate, raw.Map(raw.Array, 4, page, 1, 0))
	if e != 0 {
		t.Fatal(raw.ErrName(e))
	}
	r.fd = fd
	insns := asm.Instructions{
		asm.LoadMem(asm.R3, asm.R1, 0, asm.DWord),
		asm.LoadMapValue(asm.R1, fd, 0),
		asm.Mov.Imm(asm.R2, page),
		asm.FnProbeReadKernel.Call(),
		asm.Return(),
	}
	var log string
	if r.prog, e, log, errno = tgt.Load(raw.RawTracepoint, insns); errno != nil || e != 0 {
		t.Fatalf("%v %s\n%s", errno, raw.ErrName(e), log)
	}
	syms := symbols(t, "init_top_pgt", "init_level4_pgt", "swapper_pg_dir", "page_offset_base")
	for _, name := range []string{"init_top_pgt", "init_level4_pgt", "swapper_pg_dir"} {
		if r.rootTable == 0 {
			r.rootTable = syms[name]
		}
	}
	if r.rootTable == 0 {
		t.Fatal("no symbol for the kernel's page tables")
	}
	r.tablesAt = 0xffff880000000000
	if at := syms["page_offset_base"]; at != 0 {
		r.tablesAt = binary.LittleEndian.Uint64(r.at(t, at))
	}
	return r
}

// at returns the bytes from addr to the end of its page or further; they are
// valid until the next call.
func (r *reader) at(t *testing.T, addr uint64) []byte {
	t.Helper()
	ret, errno := r.tgt.Run(r.prog, addr)
	if errno != 0 || ret != 0 {
		t.Fatalf("kernel memory at %#x: %s, result %d", addr, raw.ErrName(errno), int32(ret))
	}
	if _, errno := r.tgt.Do(raw.MapLookup, raw.Elem(r.fd, raw.Addr(r.key), raw.Addr(r.value), 0)); errno != 0 {
		t.Fatal(raw.ErrName(errno))
	}
	return r.value
}

func symbols(t *testing.T, names ...string) map[string]uint64 {
	t.Helper()
	f, err := os.Open("/proc/kallsyms")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	found := map[string]uint64{}
	for sc := bufio.NewScanner(f); sc.Scan(); {
		w := strings.Fields(sc.Text())
		for _, n := range names {
			if len(w) >= 3 && w[2] == n {
				found[n], _ = strconv.ParseUint(w[0], 16, 64)
			}
		}
	}
	return found
}

// Bits of page table entries.
const (
	present  = 1 << 0
	writable = 1 << 1
	large    = 1 << 7
	noExec   = 1 << 63
	frame    = 0x000ffffffffff000
)

// mapping is one leaf of the kernel's half of the page tables.
type mapping struct {
	addr, size uint64
	phys       uint64
	w, x       bool
}

func (m mapping) String() string {
	return fmt.Sprintf("%#x+%#x (physical %#x) writable=%v executable=%v", m.addr, m.size, m.phys, m.w, m.x)
}

// walk visits every page that is mapped from addr on.
func (r *reader) walk(t *testing.T, visit func(mapping)) {
	r.table(t, r.rootTable, 3, 0, true, true, visit)
}

func (r *reader) table(t *testing.T, at uint64, level int, base uint64, w, x bool, visit func(mapping)) {
	entries := make([]byte, page)
	copy(entries, r.at(t, at))
	first := 0
	if level == 3 {
		first = 256 // the upper half
	}
	for i := first; i < 512; i++ {
		e := binary.LittleEndian.Uint64(entries[8*i:])
		if e&present == 0 {
			continue
		}
		shift := uint(12 + 9*level)
		addr := base | uint64(i)<<shift
		if level == 3 {
			addr |= 0xffff << 48
		}
		ew, ex := w && e&writable != 0, x && e&noExec == 0
		if level == 0 || (level < 3 && e&large != 0) {
			size := uint64(1) << shift
			visit(mapping{addr, size, e & frame &^ (size - 1), ew, ex})
			continue
		}
		r.table(t, r.tablesAt+e&frame, level-1, addr, ew, ex, visit)
	}
}
