// SPDX-License-Identifier: Apache-2.0

package loader

import (
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/cilium/ebpf/btf"
)

// RawKernelBTF is the type information that programs are relocated against, as
// the module is given it.
func RawKernelBTF() ([]byte, error) {
	kernelBTF.Lock()
	path := kernelBTF.path
	kernelBTF.Unlock()
	if path == "" {
		var err error
		if _, path, err = FindKernelBTF(); err != nil {
			return nil, err
		}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := rawBTF(f, path)
	if err == nil {
		err = mendBTF(raw)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return raw, nil
}

func rawBTF(f *os.File, path string) ([]byte, error) {
	unpacked, isELF, err := unpack(f, path)
	if err != nil {
		return nil, err
	}
	if !isELF {
		return io.ReadAll(unpacked)
	}
	e, err := elf.NewFile(f)
	if err != nil {
		return nil, err
	}
	sec := e.Section(".BTF")
	if sec == nil {
		return nil, btf.ErrNotFound
	}
	return sec.Data()
}

// Kinds of types whose records are longer than the head, by what follows it.
const (
	kindInt      = 1
	kindArray    = 3
	kindStruct   = 4
	kindUnion    = 5
	kindEnum     = 6
	kindProto    = 13
	kindVar      = 14
	kindDatasec  = 15
	kindDeclTag  = 17
	kindEnum64   = 19
	btfHeaderLen = 24
	btfHeadLen   = 12
)

var errBTF = errors.New("damaged BTF")

// mendBTF repairs, in place, what pahole makes of structures that hold arrays
// of variable length (gcc's, in the kernel's crypto code): debug information
// knows no size of theirs, and 0 is less than where their members are, so that
// BTF_LOAD would refuse all of a CentOS 7 kernel's types.
func mendBTF(raw []byte) error {
	if len(raw) < btfHeaderLen || binary.NativeEndian.Uint16(raw) != 0xeb9f {
		return errBTF
	}
	word := binary.NativeEndian.Uint32
	start := uint64(word(raw[4:])) + uint64(word(raw[8:]))
	end := start + uint64(word(raw[12:]))
	if end > uint64(len(raw)) {
		return errBTF
	}
	types := raw[start:end]
	for len(types) >= btfHeadLen {
		info := word(types[4:])
		kind, n := info>>24&0x1f, info&0xffff
		more := uint32(0)
		switch kind {
		case kindInt, kindVar, kindDeclTag:
			more = 4
		case kindArray:
			more = 12
		case kindStruct, kindUnion, kindDatasec, kindEnum64:
			more = 12 * n
		case kindEnum, kindProto:
			more = 8 * n
		}
		if uint32(len(types)-btfHeadLen) < more {
			return errBTF
		}
		if kind == kindStruct {
			size := word(types[8:])
			for i := range n {
				bits := word(types[btfHeadLen+12*i+8:])
				if info>>31 != 0 {
					bits &= 0xffffff // the rest is a bit field's length
				}
				size = max(size, (bits+7)/8)
			}
			binary.NativeEndian.PutUint32(types[8:], size)
		}
		types = types[btfHeadLen+more:]
	}
	return nil
}
