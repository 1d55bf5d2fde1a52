// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/binary"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/bpfshim/bpfshim/loader"
	"github.com/bpfshim/bpfshim/loader/hostverify"
)

// graph is one program as --visualize draws it.
type graph struct {
	Verdict   verdict
	Functions []*function
	Log       string
}

// function is a function's own graph: calls do not leave it.
type function struct {
	Name   string
	Start  int
	Blocks []*block
}

// block is a run of instructions without a jump into or out of its middle.
// Instructions are numbered by slots, as the verifier's log does.
type block struct {
	ID    int
	Insns []*insn
	To    []edge
	// Enter are states that the verifier took up here from a branch that it
	// had put aside; Pruned counts arrivals that a known state covered.
	Enter  []entry
	Pruned int
	Seen   bool
}

type edge struct {
	To   int
	Kind string // "", taken, not-taken
}

type entry struct {
	From  int
	State string
}

type insn struct {
	N      int
	Text   string
	Source string // a new line of the C source begins here
	Callee string
	Target int // first instruction of the callee
	Visits int
	After  []string // registers that it changed, each way that was seen
	More   int      // ways beyond what After shows
	Fault  string   // why the verifier ended here
}

// waysShown bounds the states kept of one place.
const waysShown = 6

// newGraph verifies once more, for the log of each step.
func newGraph(dev *hostverify.Device, spec *loader.CollectionSpec, v *hostverify.Verdict) (*graph, error) {
	const all = loader.LogLevelBranch | loader.LogLevelInstruction
	again, err := dev.Verify(spec, v.Program, all)
	if err != nil {
		return nil, err
	}
	text, err := dev.List(again.Result.Insns)
	if err != nil {
		return nil, err
	}
	source, symbols := map[int]string{}, map[int]string{}
	for iter := spec.Programs[v.Program].Instructions.Iterate(); iter.Next(); {
		at := int(iter.Offset)
		if s := iter.Ins.Source(); s != nil {
			source[at] = strings.TrimSpace(s.String())
		}
		if s := iter.Ins.Symbol(); s != "" {
			symbols[at] = s
		}
	}
	g := &graph{Log: again.Result.Log}
	g.cut(decodeInsns(again.Result.Insns), strings.Split(text, "\n"), source, symbols)
	g.walk(again.Err != nil)
	return g, nil
}

// rawInsn is what decides where control goes.
type rawInsn struct {
	at, size int
	code     byte
	src      byte
	off      int
	imm      int
}

func decodeInsns(b []byte) []rawInsn {
	var out []rawInsn
	for at := 0; (at+1)*8 <= len(b); {
		s := b[at*8:]
		in := rawInsn{
			at: at, size: 1, code: s[0], src: s[1] >> 4,
			off: int(int16(binary.NativeEndian.Uint16(s[2:]))), imm: int(int32(binary.NativeEndian.Uint32(s[4:]))),
		}
		if in.code == 0x18 {
			in.size = 2
		}
		out = append(out, in)
		at += in.size
	}
	return out
}

// callee is the function that the instruction calls, or takes the address of.
func (in rawInsn) callee() (int, bool) {
	switch {
	case in.code == 0x85 && in.src == 1, in.code == 0x18 && in.src == 4:
		return in.at + 1 + in.imm, true
	}
	return 0, false
}

// jump says whether the instruction may go elsewhere, and on to the next.
func (in rawInsn) jump() (to int, jumps, falls bool) {
	class, op := in.code&7, in.code>>4
	if class != 5 && class != 6 || op == 8 {
		return 0, false, true
	}
	if op == 9 {
		return 0, false, false
	}
	return in.at + 1 + in.off, true, op != 0
}

// cut makes functions and blocks.
func (g *graph) cut(insns []rawInsn, text []string, source, symbols map[int]string) {
	functions := map[int]bool{0: true}
	starts := map[int]bool{0: true}
	for _, in := range insns {
		if to, ok := in.callee(); ok {
			functions[to], starts[to] = true, true
		}
		if to, jumps, falls := in.jump(); jumps || !falls {
			starts[in.at+in.size] = true
			if jumps {
				starts[to] = true
			}
		}
	}
	name := func(at int) string {
		if s := symbols[at]; s != "" {
			return s
		}
		return "function at " + strconv.Itoa(at)
	}
	var f *function
	var b *block
	last := ""
	for i, in := range insns {
		if functions[in.at] {
			f = &function{Name: name(in.at), Start: in.at}
			g.Functions = append(g.Functions, f)
			last = ""
		}
		if starts[in.at] {
			b = &block{ID: in.at}
			f.Blocks = append(f.Blocks, b)
		}
		line := &insn{N: in.at}
		if i < len(text) {
			_, line.Text, _ = strings.Cut(text[i], ": ")
		}
		if s := source[in.at]; s != "" && s != last {
			line.Source, last = s, s
		}
		if to, ok := in.callee(); ok {
			line.Callee, line.Target = name(to), to
		}
		b.Insns = append(b.Insns, line)
		next := in.at + in.size
		to, jumps, falls := in.jump()
		switch {
		case jumps && falls:
			b.To = append(b.To, edge{next, "not-taken"}, edge{to, "taken"})
		case jumps:
			b.To = append(b.To, edge{to, ""})
		case falls && starts[next] && !functions[next]:
			b.To = append(b.To, edge{next, ""})
		}
	}
}

var (
	logInsn  = regexp.MustCompile(`^(\d+): (\([0-9a-f]{2}\) .*?)(?:\s+; (.*))?$`)
	logFrom  = regexp.MustCompile(`^from (\d+) to (\d+):\s*(.*)$`)
	logState = regexp.MustCompile(`^(\d+):\s*(safe|(?:frame\d+:)?\s*(?:R\d|fp-).*)$`)
)

// walk puts what the log says of each step beside the instructions.
func (g *graph) walk(refused bool) {
	at := map[int]*insn{}
	in := map[int]*block{}
	for _, f := range g.Functions {
		for _, b := range f.Blocks {
			for _, i := range b.Insns {
				at[i.N], in[i.N] = i, b
			}
		}
	}
	var cur *insn
	restored := -1 // the next line repeats the state that was taken up
	reason := ""
	note := func(state string) {
		if cur == nil || state == "" || slices.Contains(cur.After, state) {
			return
		}
		if len(cur.After) == waysShown {
			cur.More++
			return
		}
		cur.After = append(cur.After, state)
	}
	for _, l := range strings.Split(g.Log, "\n") {
		if m := logInsn.FindStringSubmatch(l); m != nil {
			n, _ := strconv.Atoi(m[1])
			if cur = at[n]; cur != nil {
				cur.Visits++
				in[n].Seen = true
			}
			note(m[3])
			restored, reason = -1, ""
			continue
		}
		if m := logFrom.FindStringSubmatch(l); m != nil {
			from, _ := strconv.Atoi(m[1])
			to, _ := strconv.Atoi(m[2])
			b := in[to]
			switch {
			case b == nil:
			case m[3] == "safe":
				b.Pruned++
			case len(b.Enter) < waysShown:
				b.Enter = append(b.Enter, entry{from, m[3]})
			}
			restored, cur, reason = to, nil, ""
			continue
		}
		if m := logState.FindStringSubmatch(l); m != nil {
			n, _ := strconv.Atoi(m[1])
			switch {
			case m[2] == "safe":
				if b := in[n]; b != nil {
					b.Pruned++
				}
			case n != restored:
				note(m[2])
			}
			continue
		}
		if l = strings.TrimSpace(l); l != "" && !strings.HasPrefix(l, "; ") && !strings.HasPrefix(l, "last_idx ") &&
			!strings.HasPrefix(l, "regs=") && !strings.HasPrefix(l, "processed ") && !strings.HasPrefix(l, "parent ") {
			reason = l
		}
	}
	if refused && cur != nil && reason != "" {
		cur.Fault = reason
	}
}
