// SPDX-License-Identifier: Apache-2.0

package raw

import (
	"bytes"
	"encoding/binary"

	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// Types is BTF of these names and the words of these types' records.
func Types(strs string, types ...uint32) []byte {
	b := []byte{0x9f, 0xeb, 1, 0}
	size := uint32(4 * len(types))
	for _, v := range append([]uint32{24, 0, size, size, uint32(len(strs))}, types...) {
		b = binary.NativeEndian.AppendUint32(b, v)
	}
	return append(b, strs...)
}

// BTF is the smallest BTF: one type, int.
func BTF() []byte { return Types("\x00int\x00", 1, 1<<24, 4, 1<<24|32) }

// CallbackTypes are two functions: [4] the program, [6] a static one that is
// called back.
func CallbackTypes() []byte {
	return Types("\x00int\x00main\x00each\x00a\x00b\x00",
		1, 1<<24, 4, 1<<24|32, // [1] int
		0, 2<<24, 0, // [2] void *
		0, 13<<24|1, 1, 15, 2, // [3] int (void *a)
		5, 12<<24|1, 3, // [4] main, global
		0, 13<<24|2, 1, 15, 2, 17, 2, // [5] int (void *a, void *b)
		10, 12<<24, 5) // [6] each, static
}

// LoadBTF loads BTF.
func (t *Target) LoadBTF(blob []byte) (int, unix.Errno) {
	return t.Do(BTFLoad, NewAttr().U64(0, Ptr(blob)).U32(16, uint32(len(blob))))
}

// LoadCallback loads a program of two functions, the second called back, which
// wants BTF. a has what is set beyond its instructions and types: 0 the type, 40
// the kernel's version, 44 flags. The text is the verifier's.
func (t *Target) LoadCallback(a *Attr, callback string, insns asm.Instructions) (int, unix.Errno, string, error) {
	var text bytes.Buffer
	if err := insns.Marshal(&text, binary.LittleEndian); err != nil {
		return -1, 0, "", err
	}
	types, errno := t.LoadBTF(CallbackTypes())
	if errno != 0 {
		return -1, errno, "", nil
	}
	defer unix.Close(types)
	var infos []byte
	for it := insns.Iterate(); it.Next(); {
		typ := uint32(0)
		if it.Offset == 0 {
			typ = 4
		} else if it.Ins.Symbol() == callback {
			typ = 6
		}
		if typ != 0 {
			infos = binary.NativeEndian.AppendUint32(infos, uint32(it.Offset))
			infos = binary.NativeEndian.AppendUint32(infos, typ)
		}
	}
	log := Alloc(1 << 16)
	fd, errno := t.load(a.U32(4, uint32(text.Len()/8)).U64(8, Ptr(text.Bytes())).U64(16, CStr("GPL")).
		U32(24, 1).U32(28, uint32(len(log))).U64(32, Addr(log)).
		U32(72, uint32(types)).U32(76, 8).U64(80, Ptr(infos)).U32(88, uint32(len(infos)/8)))
	return fd, errno, unix.ByteSliceToString(log), nil
}
