// SPDX-License-Identifier: Apache-2.0

package maps

import (
	"encoding/binary"
	"fmt"
	"math/rand"

	"github.com/bpfshim/bpfshim/qemu-tests/guest/oracle"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

var prefixKinds = []kind{{"prefixes", raw.LPMTrie, 8, 8, 16}, {"long prefixes", raw.LPMTrie, 260, 8, 16}}

// prefixProg is lruProg for keys of 8 bytes.
func prefixProg(fd int) asm.Instructions {
	insns := lruProg(fd)
	for i, in := range insns {
		if in.OpCode.Class() == asm.StXClass && in.Offset == -8 {
			insns[i] = asm.StoreMem(asm.RFP, -8, asm.R7, asm.DWord)
		}
	}
	return insns
}

// prefixRandom uses few prefixes, long and short, of few addresses: they meet.
func prefixRandom(r *oracle.Run) {
	for _, room := range []uint32{1, 6, 40} {
		fd := r.Map(raw.Map(raw.LPMTrie, 8, 8, room, raw.NoPrealloc))
		p := r.Prog(prefixProg(fd))
		rnd := rand.New(rand.NewSource(int64(room)))
		key, val := raw.Alloc(8), raw.Alloc(8)
		for i := 0; i < 900; i++ {
			length := []uint32{0, 1, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 1 << 31}[rnd.Intn(13)]
			addr := []uint32{0, 0x0a000001, 0x0a000002, 0x0a010002, 0x8a000001, 0x0a000101}[rnd.Intn(6)]
			binary.LittleEndian.PutUint32(key, length)
			binary.BigEndian.PutUint32(key[4:], addr)
			binary.LittleEndian.PutUint64(val, uint64(i))
			word := binary.LittleEndian.Uint64(key)
			up := []uint64{0, 0, 0, 0, raw.UpdateNoexist, raw.UpdateExist, 3, 4}[rnd.Intn(8)]
			what := ""
			switch op := rnd.Intn(12); {
			case op < 3:
				what = fmt.Sprintf("update by %d: %s", up, raw.ErrName(r.Tgt.Update(fd, key, val, up)))
			case op < 4:
				what = fmt.Sprintf("delete: %s", raw.ErrName(r.Tgt.Delete(fd, key)))
			case op < 6:
				v, errno := r.Tgt.Lookup(fd, key, 8)
				what = fmt.Sprintf("lookup: %s %x", raw.ErrName(errno), v)
			case op < 8:
				what = fmt.Sprintf("program updates by %d: %d", up, r.Go(p, 1, word, uint64(i), up))
			case op < 9:
				what = fmt.Sprintf("program deletes: %d", r.Go(p, 2, word, 0, 0))
			case op < 10:
				what = fmt.Sprintf("program looks up: %d", r.Go(p, 0, word, 0, 0))
			case op < 11:
				next := raw.Alloc(8)
				_, errno := r.Tgt.Do(raw.MapNextKey, raw.Elem(fd, raw.Addr(key), raw.Addr(next), 0))
				what = fmt.Sprintf("next: %s %x", raw.ErrName(errno), next)
			default:
				what = fmt.Sprintf("in order: %v", walkOrder(r, fd, 8))
			}
			r.Sayf("room %d, %d/%08x: %s", room, length, addr, what)
		}
		unix.Close(fd)
	}
}

// walkOrder walks a map.
func walkOrder(r *oracle.Run, fd, size int) (keys []string) {
	var next []byte
	for len(keys) < 1000 {
		var errno unix.Errno
		if next, errno = r.Tgt.NextKey(fd, next, size); errno != 0 {
			break
		}
		keys = append(keys, fmt.Sprintf("%x", next))
	}
	return keys
}
