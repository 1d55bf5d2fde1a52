// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/bpfshim/bpfshim/loader"
)

func TestDisassemble(t *testing.T) {
	var b bytes.Buffer
	var at []uint64
	disassemble(&b, loader.MachineCode{Addr: 0xffffffffa0001000, Code: []byte{
		0xf3, 0x0f, 0x1e, 0xfa, // endbr64
		0x31, 0xc0,
		0xc4, 0xe2, 0xf1, 0xf7, 0xc7, // shlx rax, rdi, rcx
		0xc4, 0x42, 0x02, 0xf7, 0xf1, // sarx r14d, r9d, r15d
		0xeb, 0xfe, // to itself
		0xc3,
		0x06, // nothing in 64-bit mode
	}}, func(pc uint64) { at = append(at, pc-0xffffffffa0001000) })
	assert.Equal(t, `     0:	endbr64
     4:	xor %eax,%eax
     6:	shlx %rcx,%rdi,%rax
     b:	sarx %r15d,%r9d,%r14d
    10:	jmp 0xffffffffa0001010
    12:	retq
    13:	.byte 0x06
`, b.String())
	assert.Equal(t, []uint64{0, 4, 6, 11, 16, 18, 19}, at)
}
