// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"html"
	"slices"
	"strings"
)

// Measures of the plot, in pixels.
const (
	plotWidth  = 860
	labelWidth = 290
	rowHeight  = 18
	barHeight  = 14
	margin     = 20
)

// colours, those of Okabe and Ito: told apart by everybody.
var colours = []string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00"}

type svg struct {
	strings.Builder
	y float64
}

func (s *svg) text(x, y float64, anchor, text string) {
	fmt.Fprintf(s, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n", x, y, anchor, html.EscapeString(text))
}

func (s *svg) line(x1, y1, x2, y2 float64, colour string) {
	fmt.Fprintf(s, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>\n", x1, y1, x2, y2, colour)
}

// legend is a line of names with their colours.
func (s *svg) legend(names []string) {
	for i, n := range names {
		x := labelWidth + float64(i)*130
		fmt.Fprintf(s, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"5\" fill=\"%s\"/>\n", x, s.y-4, colours[i%len(colours)])
		s.text(x+10, s.y, "start", n)
	}
	s.y += rowHeight
}

func (s *svg) title(text string) {
	s.y += rowHeight
	fmt.Fprintf(s, "<text x=\"%d\" y=\"%.1f\" font-weight=\"bold\">%s</text>\n", margin, s.y, html.EscapeString(text))
	s.y += rowHeight
}

// key names a measurement.
type key struct{ group, name, kernel, engine string }

func byKey(all []entry) map[key]float64 {
	val := map[key]float64{}
	for _, e := range all {
		if e.Metric == "instructions" {
			val[key{e.Group, e.Name, e.Kernel, e.Engine}] = e.Value
		}
	}
	return val
}

// order returns each value once, as it comes.
func order(all []entry, of func(entry) (string, bool)) (out []string) {
	for _, e := range all {
		if v, ok := of(e); ok && !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

// ratios is a dot for each program and kernel: how many instructions the
// driver's JIT takes for one of the kernel's own.
func (s *svg) ratios(all []entry, val map[key]float64) {
	const most = 1.5
	compared := func(group, name, kernel string) (float64, bool) {
		j, ok := val[key{group, name, kernel, "jit"}]
		n, ok2 := val[key{group, name, kernel, "native"}]
		return j / n, ok && ok2 && n > 0
	}
	kernels := order(all, func(e entry) (string, bool) {
		_, ok := compared(e.Group, e.Name, e.Kernel)
		return e.Kernel, ok
	})
	if len(kernels) == 0 {
		return
	}
	s.title("Instructions retired, JIT : native (left of 1: fewer than the kernel's own)")
	s.legend(kernels)
	x := func(v float64) float64 { return labelWidth + min(v, most)/most*(plotWidth-labelWidth-margin) }
	top := s.y
	for _, group := range []string{"exec", "probe", "output"} {
		for _, name := range order(all, func(e entry) (string, bool) {
			return e.Name, e.Group == group && slices.ContainsFunc(kernels, func(k string) bool {
				_, ok := compared(group, e.Name, k)
				return ok
			})
		}) {
			s.y += rowHeight
			s.text(labelWidth-10, s.y, "end", name)
			s.line(labelWidth, s.y-4, plotWidth-margin, s.y-4, "#eeeeee")
			for i, k := range kernels {
				if r, ok := compared(group, name, k); ok {
					fmt.Fprintf(s, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"5\" fill=\"%s\" fill-opacity=\"0.8\"/>\n", x(r), s.y-4, colours[i%len(colours)])
				}
			}
		}
	}
	for v := 0.0; v <= most; v += 0.25 {
		colour := "#cccccc"
		if v == 1 {
			colour = "#000000"
		}
		s.line(x(v), top, x(v), s.y+6, colour)
		s.text(x(v), s.y+20, "middle", fmt.Sprintf("%.2f", v))
	}
	s.y += 2 * rowHeight
}

// hits is a bar for each engine, hook and kernel.
func (s *svg) hits(all []entry, val map[key]float64) {
	engines := order(all, func(e entry) (string, bool) {
		return e.Engine, e.Group == "probe" && e.Metric == "instructions"
	})
	slices.SortFunc(engines, func(a, b string) int { return slices.Index(engineOrder, a) - slices.Index(engineOrder, b) })
	kernels := order(all, func(e entry) (string, bool) {
		return e.Kernel, e.Group == "probe" && e.Metric == "instructions"
	})
	if len(kernels) == 0 {
		return
	}
	most := 0.0
	for k, v := range val {
		if k.group == "probe" {
			most = max(most, v)
		}
	}
	s.title("One hit, instructions")
	s.legend(engines)
	for _, kernel := range kernels {
		for _, name := range []string{"kprobe", "kprobe, map increment", "tracepoint"} {
			for i, e := range engines {
				v, ok := val[key{"probe", name, kernel, e}]
				if !ok {
					continue
				}
				s.y += barHeight
				if i == 0 {
					s.text(labelWidth-10, s.y-2, "end", kernel+": "+name)
				}
				w := v / most * (plotWidth - labelWidth - margin - 60)
				fmt.Fprintf(s, "<rect x=\"%d\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>\n", labelWidth, s.y-barHeight+2, w, barHeight-3, colours[i%len(colours)])
				s.text(labelWidth+w+5, s.y-2, "start", number(v))
			}
			s.y += 6
		}
	}
	s.y += rowHeight
}

// plot draws what docs/PERFORMANCE.md shows.
func plot(all []entry) string {
	val := byKey(all)
	var s svg
	s.ratios(all, val)
	s.hits(all, val)
	return fmt.Sprintf("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%.0f\" font-family=\"sans-serif\" font-size=\"12\">\n"+
		"<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n%s</svg>\n", plotWidth, s.y+margin, s.String())
}
