// SPDX-License-Identifier: Apache-2.0

package support

import (
	"fmt"
	"sort"

	reasons "github.com/bpfshim/bpfshim/loader/support"
)

// takes is the kind of rows that say which helpers take a map type.
const takes = "takes"

// Set is the results of all kernels that ran, and what they are judged by.
type Set struct {
	Kernels  []*Results
	Evidence *Evidence
}

// LoadSet reads the results of a folder.
func LoadSet(dir string) (*Set, error) {
	all, err := ReadAll(dir)
	if err != nil {
		return nil, err
	}
	ev, err := LoadEvidence()
	if err != nil {
		return nil, err
	}
	if _, err := reasons.Reasons(); err != nil {
		return nil, err
	}
	return &Set{all, ev}, nil
}

// Has reports whether Linux 6.1 itself lets a thing be done: whether it did so
// where it was asked, else whether any driver does.
func (s *Set) Has(kind, name, of string) bool {
	for _, r := range s.Kernels {
		row, ok := r.Find(kind, name)
		if !ok {
			continue
		}
		if row.Native != nil && row.Native[of] == OK || row.Driver[of] == OK {
			return true
		}
	}
	return false
}

// Keys are what a row's answers are by, on any kernel.
func (s *Set) Keys(kind, name string) []string {
	seen := map[string]bool{}
	for _, r := range s.Kernels {
		if row, ok := r.Find(kind, name); ok {
			for of := range row.Driver {
				seen[of] = true
			}
			for of := range row.Native {
				seen[of] = true
			}
		}
	}
	var out []string
	for of := range seen {
		out = append(out, of)
	}
	sort.Strings(out)
	return out
}

// loads reports whether programs of the type load on the kernel at all.
func (r *Results) loads(typ string) bool {
	row, ok := r.Find(reasons.Prog, typ)
	return ok && row.Driver["load"] == OK
}

// Refused is one answer that is no "yes" though Linux 6.1 says it.
type Refused struct {
	Kernel, Kind, Name, Of, Errno string
	Reason                        *reasons.Reason
}

// Refused lists what each kernel is refused: what 6.1 did when it was asked, and
// what else has a reason.
func (s *Set) Refused() []Refused {
	var out []Refused
	for _, r := range s.Kernels {
		for _, row := range r.Rows {
			if row.Kind == takes {
				continue
			}
			for _, of := range s.Keys(row.Kind, row.Name) {
				if row.Driver[of] == OK {
					continue
				}
				f := Refused{Kernel: r.Kernel, Kind: row.Kind, Name: row.Name, Of: of, Errno: row.Driver[of]}
				if !s.Has(row.Kind, row.Name, of) {
					// Nothing to explain, unless 6.1 can do it of which the suite asks too little.
					why, ok := reasons.Why(row.Kind, row.Name, of, r.Release)
					if !ok || row.Kind == reasons.Helper || f.Errno == "" {
						continue
					}
					f.Reason = &why
					out = append(out, f)
					continue
				}
				if row.Kind == reasons.Helper {
					if !r.loads(of) {
						continue // the program type's row says why
					}
					if f.Errno == "" { // there is no such helper
						f.Errno = "EINVAL"
					}
				}
				if why, ok := reasons.Why(row.Kind, row.Name, of, r.Release); ok {
					f.Reason = &why
				}
				out = append(out, f)
			}
		}
	}
	return out
}

// Problems are a "yes" without a test that passed there, and a "no" without a
// reason, or with another errno than the reason says.
func (s *Set) Problems() []string {
	var out []string
	for _, r := range s.Kernels {
		for _, row := range r.Rows {
			if row.Kind == takes || !row.Offered() {
				continue
			}
			if _, ok := s.Evidence.LoadsOnly[row.Kind+"/"+row.Name]; ok {
				continue
			}
			tests := s.Evidence.Of(row.Kind, row.Name, r.Tests)
			if len(tests) == 0 {
				out = append(out, fmt.Sprintf("%s: %s %s: yes, and no test of it ran", r.Kernel, row.Kind, row.Name))
			}
			for _, test := range tests {
				if end := r.Tests[test]; end != "pass" {
					out = append(out, fmt.Sprintf("%s: %s %s: yes, and %s did not pass there: %q", r.Kernel, row.Kind, row.Name, test, end))
				}
			}
		}
	}
	for _, f := range s.Refused() {
		switch {
		case f.Reason == nil:
			out = append(out, fmt.Sprintf("%s: %s %s %s: %s, and no reason is given", f.Kernel, f.Kind, f.Name, f.Of, f.Errno))
		case f.Reason.Errno != f.Errno:
			out = append(out, fmt.Sprintf("%s: %s %s %s: %s; reasons.txt:%d says %s", f.Kernel, f.Kind, f.Name, f.Of, f.Errno, f.Reason.Line, f.Reason.Errno))
		}
	}
	return out
}
