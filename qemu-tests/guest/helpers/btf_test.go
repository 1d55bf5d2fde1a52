// SPDX-License-Identifier: Apache-2.0

package helpers

import (
	"encoding/binary"
	"fmt"
	"math/rand"
	"strings"
	"testing"

	"github.com/bpfshim/bpfshim/qemu-tests/guest"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/oracle"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
)

// Flags of snprintf_btf.
const (
	compact = 1
	noName  = 2
	ptrRaw  = 4
	zero    = 8
)

// dataSize is as much as the largest type that is shown.
const dataSize = 16 << 10

// printer shows what is in a map as a type of the kernel's.
type printer struct {
	r         *oracle.Run
	data, out int
	prog      int // of data
	wild      int // of any address
	size      uint32
}

func newPrinter(r *oracle.Run, size uint32) *printer {
	p := &printer{r: r, size: size}
	p.data = r.Map(raw.Map(raw.Array, 4, dataSize, 1, 0))
	p.out = r.Map(raw.Map(raw.Array, 4, size, 1, 0))
	// Arguments: type, flags, room, address.
	print := func(address asm.Instruction) int {
		return r.Prog(join(asm.Instructions{
			arg(asm.R6, 0), arg(asm.R7, 1), arg(asm.R8, 2), arg(asm.R9, 3),
			address, asm.StoreMem(asm.RFP, -24, asm.R2, asm.DWord), asm.StoreMem(asm.RFP, -16, asm.R6, asm.DWord),
		}, element(p.out), asm.Instructions{
			asm.Mov.Reg(asm.R1, asm.R0), asm.Mov.Reg(asm.R2, asm.R8), asm.Mov.Imm(asm.R0, 1000),
			asm.JLT.Imm(asm.R2, 1, "end"), asm.JGT.Imm(asm.R2, int32(size), "end"),
			asm.Mov.Reg(asm.R3, asm.RFP), asm.Add.Imm(asm.R3, -24), asm.Mov.Imm(asm.R4, 16), asm.Mov.Reg(asm.R5, asm.R7),
			asm.FnSnprintfBtf.Call(), asm.Return().WithSymbol("end"),
		}))
	}
	p.prog = print(asm.LoadMapValue(asm.R2, p.data, 0))
	p.wild = print(asm.Mov.Reg(asm.R2, asm.R9))
	return p
}

func (p *printer) put(b []byte) {
	v := make([]byte, dataSize)
	copy(v, b)
	if errno := p.r.Tgt.Update(p.data, k32(0), v, 0); errno != 0 {
		p.r.Fatal(raw.ErrName(errno))
	}
}

// show returns the result and the text, the rest of the room as it was.
func (p *printer) show(id uint32, flags uint64, room uint32) (int32, string) {
	return p.at(p.prog, id, flags, room, 0)
}

func (p *printer) at(prog int, id uint32, flags uint64, room uint32, address uint64) (int32, string) {
	before := make([]byte, p.size)
	for i := range before {
		before[i] = '~'
	}
	if errno := p.r.Tgt.Update(p.out, k32(0), before, 0); errno != 0 {
		p.r.Fatal(raw.ErrName(errno))
	}
	ret := p.r.Go(prog, uint64(id), flags, uint64(room), address)
	after, errno := p.r.Tgt.Lookup(p.out, k32(0), int(p.size))
	if errno != 0 {
		p.r.Fatal(raw.ErrName(errno))
	}
	return ret, strings.TrimRight(string(after), "~")
}

// contents are what is shown: bytes of all kinds, and zeroes with a few bits.
func contents() map[string][]byte {
	rng := rand.New(rand.NewSource(61))
	random, sparse, text := make([]byte, dataSize), make([]byte, dataSize), make([]byte, dataSize)
	for i := range random {
		random[i] = byte(rng.Intn(256))
		if rng.Intn(40) == 0 {
			sparse[i] = byte(rng.Intn(256))
		}
		text[i] = "Linux 6.1\x00\n\xe4"[i%12]
	}
	return map[string][]byte{"zero": make([]byte, dataSize), "random": random, "sparse": sparse, "text": text}
}

var contentNames = []string{"zero", "random", "sparse", "text"}

// common are types that look alike in 3.10 and 6.1.
var common = []struct {
	name string
	typ  btf.Type
}{
	{"in6_addr", &btf.Struct{}}, {"tcphdr", &btf.Struct{}}, {"qstr", &btf.Struct{}}, {"new_utsname", &btf.Struct{}},
	{"rb_node", &btf.Struct{}}, {"list_head", &btf.Struct{}}, {"ethhdr", &btf.Struct{}}, {"iovec", &btf.Struct{}},
	{"pt_regs", &btf.Struct{}}, {"winsize", &btf.Struct{}}, {"hrtimer_restart", &btf.Enum{}},
	{"kuid_t", &btf.Typedef{}}, {"pid_t", &btf.Typedef{}}, {"u8", &btf.Typedef{}}, {"int", &btf.Int{}}, {"char", &btf.Int{}},
	{"_Bool", &btf.Int{}}, {"sigset_t", &btf.Typedef{}},
}

// typesAsText is snprintf_btf.
func typesAsText(r *oracle.Run) {
	p := newPrinter(r, 8192)
	all := contents()
	for _, c := range common {
		id := typeID(r, c.name, c.typ)
		if id == 0 {
			r.Fatalf("no type %s", c.name)
		}
		for _, what := range contentNames {
			p.put(all[what])
			for _, flags := range []uint64{ptrRaw, ptrRaw | compact, ptrRaw | zero, ptrRaw | noName, ptrRaw | compact | noName | zero} {
				ret, text := p.show(id, flags, 8192)
				r.Sayf("%s of %s, flags %d: %d %q", c.name, what, flags, ret, text)
			}
		}
		for _, room := range []uint32{1, 2, 17, 40} {
			ret, text := p.show(id, ptrRaw, room)
			r.Sayf("%s in %d bytes: %d %q", c.name, room, ret, text)
		}
	}
	id := typeID(r, "list_head", &btf.Struct{})
	p.put(nil)
	for _, f := range []uint64{16, 1 << 63} {
		ret, _ := p.show(id, f, 64)
		r.Sayf("flags %#x: %d", f, ret)
	}
	for _, n := range []uint32{0, 1 << 30, 1 << 31} {
		ret, _ := p.show(n, 0, 64)
		r.Sayf("type %#x: %d", n, ret)
	}
	for _, a := range []uint64{0, 0x1000, 1 << 63, ^uint64(0) - 4095} {
		ret, text := p.at(p.wild, id, ptrRaw, 64, a)
		r.Sayf("address %#x: %d %q", a, ret, text)
	}
	// Pointers that are not wanted raw: only that there are some.
	p.put(all["random"])
	ret, text := p.show(id, 0, 256)
	r.Sayf("not raw: %d %d %v", ret, strings.Count(text, "0x"), strings.Contains(text, fmt.Sprintf("%#016x", binary.NativeEndian.Uint64(all["random"]))))
}

// TestTypesAsNative shows what the kernel knows, natively and by the driver.
func TestTypesAsNative(t *testing.T) {
	if !guest.HasOracle() {
		t.Skip("the kernel's own bpf(2) is not 6.1's")
	}
	tgt, err := raw.Open()
	if err != nil {
		t.Fatal(err)
	}
	giveTypes(t)
	var all []btf.Type
	for typ, err := range types(t).All() {
		if err != nil {
			t.Fatal(err)
		}
		if size, err := btf.Sizeof(typ); err != nil || size > dataSize {
			continue
		}
		switch typ.(type) {
		case *btf.Struct, *btf.Union, *btf.Enum, *btf.Typedef, *btf.Int, *btf.Array, *btf.Pointer, *btf.Const:
			all = append(all, typ)
		}
	}
	rng := rand.New(rand.NewSource(1))
	rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	n := 1500
	if guest.Quick() {
		n = 300
	}
	data := contents()
	type answer struct {
		ret  int32
		text string
	}
	ask := func(tgt *raw.Target) []answer {
		var out []answer
		oracle.Perform(t, tgt, func(r *oracle.Run) {
			p := newPrinter(r, 64<<10)
			for i, typ := range all[:min(n, len(all))] {
				if i%100 == 0 {
					p.put(data[contentNames[i/100%len(contentNames)]])
				}
				id, err := types(t).TypeID(typ)
				if err != nil {
					t.Fatal(err)
				}
				ret, text := p.show(uint32(id), ptrRaw|uint64(i%16), 64<<10)
				out = append(out, answer{ret, text})
			}
		})
		return out
	}
	native, driver := ask(raw.Native()), ask(tgt)
	bad := 0
	for i := range native {
		if native[i] == driver[i] {
			continue
		}
		if bad++; bad < 6 {
			at := 0
			for at < len(native[i].text) && at < len(driver[i].text) && native[i].text[at] == driver[i].text[at] {
				at++
			}
			cut := func(s string) string { return s[max(0, at-60):min(len(s), at+60)] }
			t.Errorf("%v, flags %d: 6.1 says %d ...%q, the driver %d ...%q", all[i], ptrRaw|i%16, native[i].ret, cut(native[i].text),
				driver[i].ret, cut(driver[i].text))
		}
	}
	t.Logf("%d types, %d differ", len(native), bad)
}

// perCPUVariables reads the kernel's own.
func perCPUVariables(r *oracle.Run) {
	number := typeID(r, "cpu_number", &btf.Var{})
	queues := typeID(r, "runqueues", &btf.Var{})
	task := typeID(r, "current_task", &btf.Var{})
	if number == 0 || queues == 0 || task == 0 {
		r.Fatalf("cpu_number is %d, runqueues %d, current_task %d", number, queues, task)
	}
	read := func(id uint32, size asm.Size) int {
		return r.Prog(asm.Instructions{
			arg(asm.R2, 0), variable(asm.R1, id), asm.FnPerCpuPtr.Call(),
			asm.JNE.Imm(asm.R0, 0, "there"), asm.Mov.Imm(asm.R0, -1), asm.Return(),
			asm.LoadMem(asm.R0, asm.R0, 0, size).WithSymbol("there"), asm.Return(),
		})
	}
	p := read(number, asm.Word)
	for _, cpu := range []uint64{0, 1, 1 << 32, 1<<32 - 1, 100000} {
		r.Sayf("cpu_number of %#x: %d", cpu, r.Go(p, cpu))
	}
	r.Sayf("cpu_number here: %d", r.Go(r.Prog(asm.Instructions{
		variable(asm.R1, number), asm.FnThisCpuPtr.Call(), asm.LoadMem(asm.R0, asm.R0, 0, asm.Word), asm.Return(),
	})))
	r.Sayf("current_task here is the task: %d", r.Go(r.Prog(asm.Instructions{
		variable(asm.R1, task), asm.FnThisCpuPtr.Call(), asm.LoadMem(asm.R6, asm.R0, 0, asm.DWord),
		asm.FnGetCurrentTask.Call(), asm.Sub.Reg(asm.R0, asm.R6), asm.Return(),
	})))
	// A field of a structure, where this kernel has it.
	off := uint32(0)
	var rq *btf.Struct
	if err := types(r).TypeByName("rq", &rq); err != nil {
		r.Fatal(err)
	}
	for _, m := range rq.Members {
		if m.Name == "cpu" {
			off = m.Offset.Bytes()
		}
	}
	p = r.Prog(asm.Instructions{
		arg(asm.R2, 0), variable(asm.R1, queues), asm.FnPerCpuPtr.Call(), asm.JEq.Imm(asm.R0, 0, "end"),
		asm.LoadMem(asm.R0, asm.R0, int16(off), asm.Word), asm.Return().WithSymbol("end"),
	})
	for _, cpu := range []uint64{0, 1} {
		r.Sayf("runqueues of %d: cpu %d", cpu, r.Go(p, cpu))
	}
	for _, c := range []struct {
		name  string
		insns asm.Instructions
	}{
		{"no variable", asm.Instructions{variable(asm.R1, typeID(r, "rq", &btf.Struct{})), asm.Mov.Imm(asm.R0, 0), asm.Return()}},
		{"no type", asm.Instructions{variable(asm.R1, 0), asm.Mov.Imm(asm.R0, 0), asm.Return()}},
		{"beyond all types", asm.Instructions{variable(asm.R1, 1<<30), asm.Mov.Imm(asm.R0, 0), asm.Return()}},
		{"read without a CPU", asm.Instructions{variable(asm.R1, number), asm.LoadMem(asm.R0, asm.R1, 0, asm.Word), asm.Return()}},
		{"maybe none", asm.Instructions{variable(asm.R1, number), asm.Mov.Imm(asm.R2, 0), asm.FnPerCpuPtr.Call(),
			asm.LoadMem(asm.R0, asm.R0, 0, asm.Word), asm.Return()}},
		{"written", asm.Instructions{variable(asm.R1, number), asm.FnThisCpuPtr.Call(), st(asm.R0, 0, 1, asm.Word), asm.Mov.Imm(asm.R0, 0), asm.Return()}},
		{"beyond its end", asm.Instructions{variable(asm.R1, number), asm.FnThisCpuPtr.Call(), asm.LoadMem(asm.R0, asm.R0, 4, asm.Word), asm.Return()}},
		{"a structure written", asm.Instructions{variable(asm.R1, queues), asm.FnThisCpuPtr.Call(), st(asm.R0, 0, 1, asm.Word), asm.Mov.Imm(asm.R0, 0), asm.Return()}},
		{"moved", asm.Instructions{variable(asm.R1, queues), asm.Add.Imm(asm.R1, 8), asm.FnThisCpuPtr.Call(), asm.Mov.Imm(asm.R0, 0), asm.Return()}},
		{"no pointer", asm.Instructions{asm.Mov.Imm(asm.R1, 8), asm.FnThisCpuPtr.Call(), asm.Mov.Imm(asm.R0, 0), asm.Return()}},
		{"the task", asm.Instructions{asm.FnGetCurrentTaskBtf.Call(), asm.Mov.Reg(asm.R1, asm.R0), asm.FnThisCpuPtr.Call(), asm.Mov.Imm(asm.R0, 0), asm.Return()}},
	} {
		errno, log := attempt(r, raw.RawTracepoint, 0, c.insns)
		r.Sayf("%s: %s", c.name, raw.ErrName(errno))
		r.Logf("%s: %s", c.name, log)
	}
}
