// SPDX-License-Identifier: Apache-2.0

package model

import (
	"encoding/binary"
	"math/rand"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

const lockWords = 31

// lockBTF is struct val { struct bpf_spin_lock lock; int words[31]; } and int.
func lockBTF() []byte {
	strs := "\x00int\x00bpf_spin_lock\x00val\x00lock\x00words\x00"
	at := func(s string) uint32 {
		for i := 1; i < len(strs); i++ {
			if strs[i-1] == 0 && len(strs) > i+len(s) && strs[i:i+len(s)+1] == s+"\x00" {
				return uint32(i)
			}
		}
		panic(s)
	}
	types := []uint32{
		at("int"), 1 << 24, 4, 1<<24 | 32, // 1
		at("bpf_spin_lock"), 4<<24 | 1, 4, at("val"), 1, 0, // 2
		0, 3 << 24, 0, 1, 1, lockWords, // 3: int[31]
		at("val"), 4<<24 | 2, 4 + 4*lockWords, at("lock"), 2, 0, at("words"), 3, 32, // 4
	}
	return raw.Types(strs, types...)
}

// lockProg, a classifier as tracing programs may take no lock, writes cb[1] to
// every word of element cb[0] under the lock, and says whether all words were
// the same before: 0, or 1; -2 for no such element.
func lockProg(fd int) asm.Instructions {
	p := asm.Instructions{
		asm.LoadMem(asm.R6, asm.R1, 48, asm.Word), asm.LoadMem(asm.R7, asm.R1, 52, asm.Word),
		asm.StoreMem(asm.RFP, -4, asm.R6, asm.Word),
		asm.LoadMapPtr(asm.R1, fd), asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -4), asm.FnMapLookupElem.Call(),
		asm.JNE.Imm(asm.R0, 0, "found"), asm.Mov.Imm(asm.R0, -2), asm.Return(),
		asm.Mov.Reg(asm.R6, asm.R0).WithSymbol("found"), asm.Mov.Reg(asm.R1, asm.R6), asm.Mov.Imm(asm.R8, 0), asm.FnSpinLock.Call(),
		asm.LoadMem(asm.R9, asm.R6, 4, asm.Word),
	}
	for i := range lockWords {
		off := int16(4 + 4*i)
		p = append(p, asm.LoadMem(asm.R1, asm.R6, off, asm.Word), asm.Xor.Reg(asm.R1, asm.R9), asm.Or.Reg(asm.R8, asm.R1),
			asm.StoreMem(asm.R6, off, asm.R7, asm.Word))
	}
	return append(p, asm.Mov.Reg(asm.R1, asm.R6), asm.FnSpinUnlock.Call(),
		asm.Mov.Imm(asm.R0, 0), asm.JEq.Imm(asm.R8, 0, "end"), asm.Mov.Imm(asm.R0, 1), asm.Return().WithSymbol("end"))
}

// TestLocks: under the lock of a value, and BPF_F_LOCK, no value is torn.
func TestLocks(t *testing.T) {
	const flagLock = 4
	each(t, func(t *testing.T, tgt *raw.Target) {
		btf := lockBTF()
		b, errno := tgt.Do(raw.BTFLoad, raw.NewAttr().U64(0, raw.Ptr(btf)).U32(16, uint32(len(btf))))
		if errno != 0 {
			t.Fatalf("BTF: %s", raw.ErrName(errno))
		}
		defer unix.Close(b)
		for _, k := range []struct {
			name       string
			typ, flags uint32
		}{{"array", raw.Array, 0}, {"hash", raw.Hash, 0}, {"hash without preallocation", raw.Hash, raw.NoPrealloc}} {
			t.Run(k.name, func(t *testing.T) {
				const elems, size = 3, 4 + 4*lockWords
				a := raw.Map(k.typ, 4, size, elems, k.flags).U32(48, uint32(b)).U32(52, 1).U32(56, 4)
				fd := newMap(t, tgt, a)
				defer unix.Close(fd)
				prog := load(t, tgt, schedCLS, lockProg(fd))
				defer unix.Close(prog)
				u := newUser(tgt)
				clear(u.v)
				for i := range elems {
					u.key(uint64(i))
					if errno := u.do(raw.MapUpdate, fd, 0); errno != 0 {
						t.Fatal(raw.ErrName(errno))
					}
				}
				var torn, whole atomic.Int64
				parallel(2*max(runtime.NumCPU(), 2), func(i int) {
					u, run := newUser(tgt), newPackets(tgt, prog)
					rnd := rand.New(rand.NewSource(int64(i)))
					for range rounds() {
						key, val := uint64(rnd.Intn(elems)), uint32(rnd.Int31())
						switch rnd.Intn(3) {
						case 0:
							ret, errno := run.run(uint32(key), val)
							if errno != 0 || int32(ret) == -2 {
								t.Errorf("run: %s %d", raw.ErrName(errno), int32(ret))
								return
							}
							torn.Add(int64(ret))
						case 1:
							u.key(key)
							for w := range lockWords + 1 {
								binary.LittleEndian.PutUint32(u.v[4*w:], val)
							}
							if errno := u.do(raw.MapUpdate, fd, raw.UpdateExist|flagLock); errno != 0 {
								t.Errorf("update: %s", raw.ErrName(errno))
								return
							}
						default:
							u.key(key)
							if errno := u.do(raw.MapLookup, fd, flagLock); errno != 0 {
								t.Errorf("lookup: %s", raw.ErrName(errno))
								return
							}
							for w := range lockWords {
								if binary.LittleEndian.Uint32(u.v[4+4*w:]) != binary.LittleEndian.Uint32(u.v[4:]) {
									torn.Add(1)
									break
								}
							}
							if lock := binary.LittleEndian.Uint32(u.v); lock != 0 {
								t.Errorf("user space sees the lock: %#x", lock)
							}
						}
						whole.Add(1)
					}
				})
				t.Logf("%d operations", whole.Load())
				if torn.Load() != 0 {
					t.Errorf("%d of %d values were torn", torn.Load(), whole.Load())
				}
			})
		}
	})
}

const schedCLS = 3

// packets runs a classifier on a packet whose context's cb has two words.
type packets struct {
	tgt  *raw.Target
	attr *raw.Attr
	ctx  []byte
}

func newPackets(tgt *raw.Target, prog int) *packets {
	const size = 64
	p := &packets{tgt, raw.NewAttr(), raw.Alloc(192)}
	p.attr.U32(0, uint32(prog)).U32(8, size).U64(16, raw.Addr(raw.Alloc(size))).U32(40, 192).U64(48, raw.Addr(p.ctx))
	return p
}

func (p *packets) run(a, b uint32) (uint32, unix.Errno) {
	binary.LittleEndian.PutUint32(p.ctx[48:], a)
	binary.LittleEndian.PutUint32(p.ctx[52:], b)
	_, errno := p.tgt.Do(raw.ProgTestRun, p.attr)
	return p.attr.Get32(4), errno
}
