// SPDX-License-Identifier: Apache-2.0

package raw

import (
	"bytes"
	"encoding/binary"
	"errors"

	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// Load loads a program made of cilium/ebpf's instructions, and returns its fd
// and the verifier's log. What overflows the log is loaded again without one.
func (t *Target) Load(typ uint32, insns asm.Instructions) (int, unix.Errno, string, error) {
	var b bytes.Buffer
	if err := insns.Marshal(&b, binary.LittleEndian); err != nil {
		return -1, 0, "", err
	}
	if b.Len()%8 != 0 {
		return -1, 0, "", errors.New("half an instruction")
	}
	log := Alloc(1 << 20)
	a := NewAttr().U32(0, typ).U32(4, uint32(b.Len()/8)).U64(8, Ptr(b.Bytes())).U64(16, CStr("GPL")).
		U32(24, 1).U32(28, uint32(len(log))).U64(32, Addr(log))
	fd, errno := t.load(a)
	if errno == unix.ENOSPC {
		fd, errno = t.load(a.U32(24, 0).U32(28, 0).U64(32, 0))
	}
	return fd, errno, unix.ByteSliceToString(log), nil
}

// load tries again what a signal has ended, Go's own included.
func (t *Target) load(a *Attr) (int, unix.Errno) {
	for try := 0; ; try++ {
		fd, errno := t.Do(ProgLoad, a)
		if errno != unix.EAGAIN || try == 20 {
			return fd, errno
		}
	}
}
