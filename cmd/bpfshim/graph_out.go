// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	_ "embed" // the page
	"fmt"
	"html/template"
	"io"
	"os"
	"strings"
)

//go:embed page/page.html
var pageText string

//go:embed page/layout.js
var layoutText string

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"layout": func() template.JS { return template.JS(layoutText) },
	"up":     func(to, from int) bool { return to <= from },
}).Parse(pageText))

// writeGraphs writes a page, or DOT, by the file's name.
func writeGraphs(file, object string, all []*graph) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	if strings.HasSuffix(file, ".dot") {
		writeDOT(w, object, all)
	} else {
		err = page.Execute(w, map[string]any{"Object": object, "Programs": all})
	}
	if ferr := w.Flush(); err == nil {
		err = ferr
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

var dotEscaper = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", " ", "\t", " ")

// dotWidth is where a state's text goes on in a new line.
const dotWidth = 100

func dotLine(b *strings.Builder, indent, text string) {
	for text != "" {
		cut := len(text)
		if cut > dotWidth {
			cut = dotWidth
			if i := strings.LastIndexByte(text[:cut], ' '); i > 0 {
				cut = i + 1
			}
		}
		b.WriteString(dotEscaper.Replace(indent+text[:cut]) + `\l`)
		text, indent = text[cut:], "            "
	}
}

// writeDOT draws a cluster for each program, and in it one for each function.
func writeDOT(w io.Writer, object string, all []*graph) {
	fmt.Fprintf(w, "digraph \"%s\" {\n\tgraph [fontname=\"sans-serif\" labeljust=l];\n", dotEscaper.Replace(object))
	fmt.Fprintf(w, "\tnode [shape=box fontname=monospace fontsize=9 style=filled fillcolor=white];\n")
	for i, g := range all {
		fmt.Fprintf(w, "\tsubgraph cluster_%d {\n\t\tlabel=\"%s: %s\";\n", i, dotEscaper.Replace(g.Verdict.Program), dotEscaper.Replace(summary(g.Verdict)))
		for _, f := range g.Functions {
			fmt.Fprintf(w, "\t\tsubgraph cluster_%d_%d {\n\t\t\tlabel=\"%s\";\n", i, f.Start, dotEscaper.Replace(f.Name))
			for _, b := range f.Blocks {
				style := ""
				switch {
				case !b.Seen:
					style = " style=dashed fontcolor=gray40"
				case b.fault() != "":
					style = " color=red penwidth=2"
				}
				fmt.Fprintf(w, "\t\t\tp%d_%d [label=\"%s\"%s];\n", i, b.ID, dotLabel(b), style)
			}
			for _, b := range f.Blocks {
				for _, e := range b.To {
					color := map[string]string{"taken": "darkgreen", "not-taken": "firebrick"}[e.Kind]
					if color == "" {
						color = "black"
					}
					fmt.Fprintf(w, "\t\t\tp%d_%d -> p%d_%d [color=%s];\n", i, b.ID, i, e.To, color)
				}
			}
			fmt.Fprint(w, "\t\t}\n")
		}
		fmt.Fprint(w, "\t}\n")
	}
	fmt.Fprint(w, "}\n")
}

func dotLabel(b *block) string {
	var t strings.Builder
	for _, e := range b.Enter {
		dotLine(&t, "", fmt.Sprintf("from %d: %s", e.From, e.State))
	}
	for _, in := range b.Insns {
		if in.Source != "" {
			dotLine(&t, "", "; "+in.Source)
		}
		dotLine(&t, "", fmt.Sprintf("%d: %s", in.N, in.Text))
		for _, s := range in.After {
			dotLine(&t, "        ", s)
		}
		if in.Fault != "" {
			dotLine(&t, "    !!! ", in.Fault)
		}
	}
	if !b.Seen {
		dotLine(&t, "", "(never reached)")
	}
	return t.String()
}

func (b *block) fault() string {
	for _, in := range b.Insns {
		if in.Fault != "" {
			return in.Fault
		}
	}
	return ""
}

func summary(v verdict) string {
	if v.Verdict == "ok" {
		return "ok"
	}
	return strings.TrimSpace(v.Verdict + " " + v.Errno + ": " + v.Reason)
}
