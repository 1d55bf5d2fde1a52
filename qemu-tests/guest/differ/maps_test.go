// SPDX-License-Identifier: Apache-2.0

package differ

import (
	"fmt"
	"math/rand"
	"os"
	"sort"
	"strings"

	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"github.com/cilium/ebpf/asm"
)

// maps does the same random operations to each type of map.
func maps(r *run) {
	for _, m := range []struct {
		name             string
		typ, key, val, n uint32
	}{
		{"array", raw.Array, 4, 8, 8},
		{"odd array", raw.Array, 4, 5, 8},
		{"hash", raw.Hash, 4, 8, 8},
		{"odd hash", raw.Hash, 7, 3, 8},
		{"hash of one", raw.Hash, 4, 16, 1},
	} {
		fd := r.mapOf(m.typ, m.key, m.val, m.n)
		rnd := rand.New(rand.NewSource(int64(m.typ)))
		for i := 0; i < 250; i++ {
			key := make([]byte, m.key)
			key[0] = byte(rnd.Intn(12))
			val := make([]byte, m.val)
			rnd.Read(val)
			what := ""
			switch op := rnd.Intn(10); {
			case op < 4:
				flags := uint64(rnd.Intn(4))
				what = fmt.Sprintf("update %d flags %d: %s", key[0], flags, raw.ErrName(r.tgt.Update(fd, key, val, flags)))
			case op < 7:
				v, errno := r.tgt.Lookup(fd, key, int(m.val))
				what = fmt.Sprintf("lookup %d: %s %x", key[0], raw.ErrName(errno), v)
			case op < 8:
				what = fmt.Sprintf("delete %d: %s", key[0], raw.ErrName(r.tgt.Delete(fd, key)))
			case op < 9:
				v := raw.Alloc(int(m.val))
				_, errno := r.tgt.Do(raw.MapLookupDelete, raw.Elem(fd, raw.Ptr(key), raw.Addr(v), 0))
				what = fmt.Sprintf("take %d: %s %x", key[0], raw.ErrName(errno), v)
			default:
				what = "keys: " + strings.Join(r.keys(fd, int(m.key)), " ")
			}
			r.sayf("%s: %s", m.name, what)
		}
		r.sayf("%s: at last: %s", m.name, strings.Join(r.keys(fd, int(m.key)), " "))
	}
}

// keys walks the map; their order is the map's own.
func (r *run) keys(fd, size int) []string {
	var keys []string
	cur, next := uint64(0), raw.Alloc(size)
	for len(keys) < 100 {
		if _, errno := r.tgt.Do(raw.MapNextKey, raw.Elem(fd, cur, raw.Addr(next), 0)); errno != 0 {
			keys = append(keys, "~"+raw.ErrName(errno))
			break
		}
		keys = append(keys, fmt.Sprintf("%x", next))
		cur = raw.Ptr(next)
	}
	sort.Strings(keys)
	return keys
}

// cpus is the number of possible CPUs: what per-CPU values are an array of.
func (r *run) cpus() int {
	b, err := os.ReadFile("/sys/devices/system/cpu/possible")
	if err != nil {
		r.Fatal(err)
	}
	var first, last int
	if n, _ := fmt.Sscanf(strings.TrimSpace(string(b)), "%d-%d", &first, &last); n < 2 {
		return 1
	}
	return last + 1
}

func percpu(r *run) {
	n := r.cpus()
	for _, m := range []struct {
		name     string
		typ, val uint32
	}{{"array", raw.PerCPUArray, 8}, {"odd array", raw.PerCPUArray, 5}, {"hash", raw.PerCPUHash, 8}, {"odd hash", raw.PerCPUHash, 12}} {
		fd := r.mapOf(m.typ, 4, m.val, 4)
		slot := int(m.val+7) / 8 * 8
		v := make([]byte, slot*n)
		for cpu := 0; cpu < n; cpu++ {
			for i := 0; i < int(m.val); i++ {
				v[cpu*slot+i] = byte(16*cpu + i + 1)
			}
		}
		r.sayf("%s: update: %s", m.name, raw.ErrName(r.tgt.Update(fd, k32(1), v, 0)))
		got, errno := r.tgt.Lookup(fd, k32(1), slot*n)
		r.sayf("%s: lookup: %s, the same: %v", m.name, raw.ErrName(errno), string(got) == string(v))
		got, errno = r.tgt.Lookup(fd, k32(2), slot*n)
		r.sayf("%s: lookup of what was never set: %s, zero: %v", m.name, raw.ErrName(errno), string(got) == string(make([]byte, slot*n)))
		r.sayf("%s: exist: %s, noexist: %s", m.name, raw.ErrName(r.tgt.Update(fd, k32(1), v, raw.UpdateExist)), raw.ErrName(r.tgt.Update(fd, k32(1), v, raw.UpdateNoexist)))
		r.sayf("%s: delete: %s", m.name, raw.ErrName(r.tgt.Delete(fd, k32(1))))
		// A program sees its own CPU's value only: this is CPU 0.
		r.tgt.Update(fd, k32(1), v, 0)
		v0 := r.once(asm.Instructions{
			st(asm.RFP, -4, 1, asm.Word), asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -4), asm.LoadMapPtr(asm.R1, fd),
			asm.FnMapLookupElem.Call(), asm.JEq.Imm(asm.R0, 0, "end"),
			asm.LoadMem(asm.R1, asm.R0, 0, asm.Byte), st(asm.R0, 0, 0x77, asm.Byte), asm.Mov.Reg(asm.R0, asm.R1),
			asm.Return().WithSymbol("end"),
		})
		got, _ = r.tgt.Lookup(fd, k32(1), slot*n)
		r.sayf("%s: the program saw %#x and left %#x; others changed: %v", m.name, v0, got[0], string(got[slot:]) != string(v[slot:]))
	}
}

// programMaps calls the map helpers from a program, with arguments that the
// verifier lets through and the map refuses.
func programMaps(r *run) {
	for _, m := range []struct {
		name string
		typ  uint32
	}{{"array", raw.Array}, {"hash", raw.Hash}, {"percpu array", raw.PerCPUArray}, {"percpu hash", raw.PerCPUHash}} {
		fd := r.mapOf(m.typ, 4, 8, 2)
		key := asm.Instructions{asm.LoadMem(asm.R3, asm.R1, 0, asm.DWord), asm.LoadMem(asm.R4, asm.R1, 8, asm.DWord), asm.StoreMem(asm.RFP, -4, asm.R3, asm.Word)}
		args := asm.Instructions{asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -4), asm.LoadMapPtr(asm.R1, fd)}
		join := func(parts ...asm.Instructions) []asm.Instruction {
			var out []asm.Instruction
			for _, p := range parts {
				out = append(out, p...)
			}
			return out
		}
		update := r.prog(join(key, asm.Instructions{st(asm.RFP, -16, 0x1234, asm.DWord), asm.Mov.Reg(asm.R3, asm.RFP), asm.Add.Imm(asm.R3, -16)}, args,
			asm.Instructions{asm.FnMapUpdateElem.Call(), asm.Return()})...)
		lookup := r.prog(join(key, args, asm.Instructions{asm.FnMapLookupElem.Call(), asm.JEq.Imm(asm.R0, 0, "end"),
			asm.LoadMem(asm.R0, asm.R0, 0, asm.DWord), asm.Return().WithSymbol("end")})...)
		remove := r.prog(join(key, args, asm.Instructions{asm.FnMapDeleteElem.Call(), asm.Return()})...)
		for _, k := range []uint64{0, 1, 2, 7, 0xffffffff} {
			for _, flags := range []uint64{0, 1, 2, 3, 4, 8, 1 << 63} {
				v, errno := r.tgt.Run(update, k, flags)
				r.sayf("%s: update %#x flags %#x: %d %s", m.name, k, flags, int32(v), raw.ErrName(errno))
			}
			v, errno := r.tgt.Run(lookup, k, 0)
			r.sayf("%s: lookup %#x: %#x %s", m.name, k, v, raw.ErrName(errno))
		}
		for _, k := range []uint64{0, 1, 2, 7} {
			v, errno := r.tgt.Run(remove, k, 0)
			r.sayf("%s: delete %#x: %d %s", m.name, k, int32(v), raw.ErrName(errno))
		}
	}
}
