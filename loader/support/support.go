// SPDX-License-Identifier: Apache-2.0

// Package support knows what of Linux 6.1's BPF the module does not offer, and
// why: one table, from which `bpfshim doctor` answers and docs/SUPPORT.md is
// made, and which a suite proves on each kernel.
package support

import (
	_ "embed"
	"fmt"
	"path"
	"strings"
	"sync"
)

//go:embed reasons.txt
var text string

// Kinds of what is offered or not.
const (
	Map     = "map"     // a map type: creating one
	Prog    = "prog"    // a program type: "load" or "test_run"
	Helper  = "helper"  // a helper, in programs of a type
	Command = "command" // of bpf(2)
	Attach  = "attach"  // an attach point
)

// Reason is why something is refused.
type Reason struct {
	Kind, Name string
	Of         []string // program types of a helper, operations of a program type; nil: all
	Errno      string   // the name of what is answered
	Release    string   // pattern of the kernels' releases that it is of; "": all
	Why        string
	Line       int
}

var table = sync.OnceValues(func() ([]Reason, error) { return parse(text) })

// Reasons are the rows of the table.
func Reasons() ([]Reason, error) { return table() }

// parse reads lines "KIND NAME[,NAME...] OF ERRNO [RELEASE]: why".
func parse(text string) ([]Reason, error) {
	var out []Reason
	for i, line := range strings.Split(text, "\n") {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		head, why, ok := strings.Cut(line, ": ")
		f := strings.Fields(head)
		if !ok || len(f) < 4 || len(f) > 5 || strings.TrimSpace(why) == "" {
			return nil, fmt.Errorf("reasons.txt:%d: not KIND NAMES OF ERRNO [RELEASE]: why", i+1)
		}
		r := Reason{Kind: f[0], Errno: f[3], Why: strings.TrimSpace(why), Line: i + 1}
		switch r.Kind {
		case Map, Prog, Helper, Command, Attach:
		default:
			return nil, fmt.Errorf("reasons.txt:%d: no kind %s", i+1, r.Kind)
		}
		if f[2] != "*" {
			r.Of = strings.Split(f[2], ",")
		}
		if len(f) == 5 {
			r.Release = f[4]
			if _, err := path.Match(r.Release, ""); err != nil {
				return nil, fmt.Errorf("reasons.txt:%d: %w", i+1, err)
			}
		}
		for _, r.Name = range strings.Split(f[1], ",") {
			out = append(out, r)
		}
	}
	return out, nil
}

// matches reports whether the row is about that on a kernel of that release.
func (r *Reason) matches(kind, name, of, release string) bool {
	if r.Kind != kind || r.Name != name {
		return false
	}
	if r.Release != "" {
		if ok, err := path.Match(r.Release, release); err != nil || !ok {
			return false
		}
	}
	if r.Of == nil {
		return true
	}
	for _, o := range r.Of {
		if o == of {
			return true
		}
	}
	return false
}

// Why finds why a kernel of that release is refused something; of is the
// program type of a helper, the operation of a program type, else "". The
// first row that says it by name goes before one that says it of all.
func Why(kind, name, of, release string) (Reason, bool) {
	rows, err := table()
	if err != nil {
		return Reason{}, false
	}
	for _, all := range []bool{false, true} {
		for i := range rows {
			if (rows[i].Of == nil) == all && rows[i].matches(kind, name, of, release) {
				return rows[i], true
			}
		}
	}
	return Reason{}, false
}
