// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"html/template"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/cilium/ebpf/asm"
)

// insnText is one instruction of a program as it was compiled.
type insnText struct {
	Off    int // in slots, as the verifier counts
	Text   string
	Source string
	jump   int  // slot of the target, -1: none
	falls  bool // goes on to the next
	label  string
}

// describeInsns numbers the instructions as the verifier's log does.
func describeInsns(insns asm.Instructions) []insnText {
	var out []insnText
	labels := map[string]int{}
	off := 0
	for _, in := range insns {
		if s := in.Symbol(); s != "" {
			labels[s] = off
		}
		off += int(in.Size() / asm.InstructionSize)
	}
	off = 0
	for _, in := range insns {
		t := insnText{Off: off, Text: fmt.Sprintf("%v", in), jump: -1, falls: true, label: in.Symbol()}
		if s := in.Source(); s != nil {
			t.Source = strings.TrimSpace(s.String())
		}
		op := in.OpCode.JumpOp()
		class := in.OpCode.Class()
		switch {
		case class != asm.JumpClass && class != asm.Jump32Class, op == asm.Call:
		case op == asm.Exit:
			t.falls = false
		default:
			t.jump = off + 1 + int(in.Offset)
			if to, ok := labels[in.Reference()]; ok && in.Reference() != "" {
				t.jump = to
			}
			t.falls = op != asm.Ja
		}
		out = append(out, t)
		off += int(in.Size() / asm.InstructionSize)
	}
	return out
}

// block is a run of instructions without a jump in or out of its middle.
type block struct {
	ID    int // slot of its first instruction
	Insns []insnLine
	To    []int
	Seen  bool // the verifier came here
}

type insnLine struct {
	insnText
	States []string // what the verifier knew, each time it came by
}

var (
	logInsn  = regexp.MustCompile(`^(\d+): \([0-9a-f]{2}\) [^;]*(?:; (.*))?$`)
	logState = regexp.MustCompile(`^(\d+): ((?:frame\d+: )?R\d.*)$`)
)

// statesShown bounds what is kept of one instruction.
const statesShown = 8

// blocks cuts a program at its jumps and puts the log's states beside.
func blocks(v *verdict) []block {
	states := map[int][]string{}
	seen := map[int]bool{}
	for _, l := range strings.Split(v.full, "\n") {
		m := logInsn.FindStringSubmatch(l)
		if m == nil {
			m = logState.FindStringSubmatch(l)
		}
		if m == nil {
			continue
		}
		n, _ := strconv.Atoi(m[1])
		seen[n] = true
		if m[2] != "" && len(states[n]) < statesShown && !slices.Contains(states[n], m[2]) {
			states[n] = append(states[n], m[2])
		}
	}
	starts := map[int]bool{0: true}
	for i, in := range v.insns {
		if in.jump >= 0 {
			starts[in.jump] = true
		}
		if (in.jump >= 0 || !in.falls) && i+1 < len(v.insns) {
			starts[v.insns[i+1].Off] = true
		}
		if in.label != "" {
			starts[in.Off] = true
		}
	}
	var out []block
	for i, in := range v.insns {
		if starts[in.Off] {
			out = append(out, block{ID: in.Off})
		}
		b := &out[len(out)-1]
		b.Insns = append(b.Insns, insnLine{in, states[in.Off]})
		b.Seen = b.Seen || seen[in.Off]
		last := i+1 == len(v.insns) || starts[v.insns[i+1].Off]
		if !last {
			continue
		}
		if in.falls && i+1 < len(v.insns) {
			b.To = append(b.To, v.insns[i+1].Off)
		}
		if in.jump >= 0 {
			b.To = append(b.To, in.jump)
		}
	}
	return out
}

// writeGraph writes a page, or DOT.
func writeGraph(file, object string, all []verdict) error {
	w, err := os.Create(file)
	if err != nil {
		return err
	}
	if strings.HasSuffix(file, ".dot") {
		_, err = w.WriteString(dot(all))
	} else {
		type prog struct {
			verdict
			Blocks []block
		}
		var progs []prog
		for i := range all {
			progs = append(progs, prog{all[i], blocks(&all[i])})
		}
		err = page.Execute(w, map[string]any{"Object": object, "Programs": progs})
	}
	if cerr := w.Close(); err == nil {
		err = cerr
	}
	return err
}

var dotEscaper = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", " ", "{", `\{`, "}", `\}`, "<", `\<`, ">", `\>`, "|", `\|`)

func dot(all []verdict) string {
	var b strings.Builder
	b.WriteString("digraph programs {\n\tnode [shape=box fontname=monospace fontsize=9 labeljust=l];\n")
	for i := range all {
		fmt.Fprintf(&b, "\tsubgraph cluster_%d {\n\t\tlabel=\"%s\";\n", i, dotEscaper.Replace(all[i].Program))
		bl := blocks(&all[i])
		for _, x := range bl {
			fmt.Fprintf(&b, "\t\tp%d_%d [label=\"", i, x.ID)
			for _, in := range x.Insns {
				fmt.Fprintf(&b, "%d: %s\\l", in.Off, dotEscaper.Replace(in.Text))
				for _, s := range in.States {
					fmt.Fprintf(&b, "    ; %s\\l", dotEscaper.Replace(s))
				}
			}
			style := ""
			if !x.Seen {
				style = " style=dashed"
			}
			fmt.Fprintf(&b, "\"%s];\n", style)
		}
		for _, x := range bl {
			for n, to := range x.To {
				color := "black"
				if len(x.To) == 2 {
					color = []string{"red", "darkgreen"}[n]
				}
				fmt.Fprintf(&b, "\t\tp%d_%d -> p%d_%d [color=%s];\n", i, x.ID, i, to, color)
			}
		}
		b.WriteString("\t}\n")
	}
	b.WriteString("}\n")
	return b.String()
}

// page is the graph as a person reads it: blocks in order, with links to
// where they go, and the states beside each instruction.
var page = template.Must(template.New("page").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{{.Object}}</title><style>
body{font:14px sans-serif;margin:1em;color:#222}
h2{margin:1.2em 0 .3em} .bad{color:#b00} .ok{color:#070}
details{border:1px solid #bbb;border-radius:4px;margin:.4em 0;padding:.2em .6em;background:#fafafa}
details.dead{opacity:.5;border-style:dashed}
summary{cursor:pointer;font-family:monospace}
table{border-collapse:collapse;font:12px monospace;width:100%}
td{vertical-align:top;padding:1px 8px 1px 0;white-space:pre-wrap}
td.n{color:#888;text-align:right} td.s{color:#06c} td.st{color:#555}
a{color:#06c} .no{color:#b00} .yes{color:#070}
pre{background:#f4f4f4;padding:.5em;overflow:auto;max-height:30em}
</style></head><body><h1>{{.Object}}</h1>
{{range $i, $p := .Programs}}<h2>{{.Program}} <small>{{.Section}}, {{.Type}}</small></h2>
<p>{{if .Accepted}}<b class="ok">accepted</b>{{else}}<b class="bad">{{.Errno}}</b>: {{.Reason}}{{end}};
{{.Processed}} instructions processed, {{.Total}} states, {{.Peak}} at most, stack {{.Stack}} bytes</p>
{{range .Blocks}}{{$id := .ID}}<details open id="p{{$i}}b{{.ID}}"{{if not .Seen}} class="dead"{{end}}><summary>{{.ID}}{{if not .Seen}} (never reached){{end}}
{{$n := len .To}}{{range $k, $t := .To}} <a {{if eq $n 2}}class="{{if $k}}yes{{else}}no{{end}}" {{end}}href="#p{{$i}}b{{$t}}">{{if eq $n 2}}{{if $k}}taken{{else}}not taken{{end}} {{end}}{{if le $t $id}}↑{{else}}↓{{end}}{{$t}}</a>{{end}}</summary>
<table>{{range .Insns}}{{if .Source}}<tr><td></td><td class="s" colspan="2">{{.Source}}</td></tr>{{end}}
<tr><td class="n">{{.Off}}</td><td>{{.Text}}</td><td class="st">{{range .States}}{{.}}
{{end}}</td></tr>{{end}}</table></details>
{{end}}{{if .Log}}<details><summary>log</summary><pre>{{.Log}}</pre></details>{{end}}
{{end}}</body></html>
`))
