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
	const base = 0xffffffffa0001000
	src := sources{
		{Addr: base, Text: "int i = 0;"}, {Addr: base + 5, Text: "\treturn 1 << n;"},
		{Addr: base + 6, Text: "  "}, {Addr: base + 18, Text: "}"},
	}
	f := dumpedFunc{Insns: disassemble(loader.MachineCode{Addr: base, Code: []byte{
		0xf3, 0x0f, 0x1e, 0xfa, // endbr64
		0x31, 0xc0,
		0xc4, 0xe2, 0xf1, 0xf7, 0xc7, // shlx rax, rdi, rcx
		0xc4, 0x42, 0x02, 0xf7, 0xf1, // sarx r14d, r9d, r15d
		0xeb, 0xfe, // to itself
		0xc3,
		0x06, // nothing in 64-bit mode
	}}, &src)}
	f.print(&b, "%6x:\t%s\n")
	assert.Equal(t, `; int i = 0;
     0:	endbr64
     4:	xor %eax,%eax
; return 1 << n;
     6:	shlx %rcx,%rdi,%rax
     b:	sarx %r15d,%r9d,%r14d
    10:	jmp 0xffffffffa0001010
; }
    12:	retq
    13:	.byte 0x06
`, b.String())
	assert.Empty(t, src)
}
