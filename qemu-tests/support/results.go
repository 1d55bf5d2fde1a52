// SPDX-License-Identifier: Apache-2.0

// Package support makes docs/SUPPORT.md of what the support suite and the
// other suites found on each kernel.
package support

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// OK is the answer of what works; any other is the name of an errno.
const OK = "ok"

// Row is what one kernel answers about one thing.
type Row struct {
	Kind string `json:"kind"` // as of loader/support
	Name string `json:"name"`
	// Answers of the driver and, where the kernel's own bpf(2) is 6.1's, its own:
	// by program type of a helper, by operation of a program type, else of "". What
	// is not there is what Linux 6.1 does not let such a program do either.
	Driver map[string]string `json:"driver"`
	Native map[string]string `json:"native,omitempty"`
}

// Offered reports whether the driver offers any of it.
func (r Row) Offered() bool {
	for _, a := range r.Driver {
		if a == OK {
			return true
		}
	}
	return false
}

// Results are what one kernel's run of the matrix left.
type Results struct {
	Kernel  string            `json:"kernel"`
	Release string            `json:"release"`
	Rows    []Row             `json:"rows"`
	Tests   map[string]string `json:"tests"` // suite/Test/sub: pass, fail, skip
}

// Find is the row of that kind and name.
func (r *Results) Find(kind, name string) (Row, bool) {
	for _, row := range r.Rows {
		if row.Kind == kind && row.Name == name {
			return row, true
		}
	}
	return Row{}, false
}

// Sort puts rows in the order of files: by kind and name.
func (r *Results) Sort() {
	sort.Slice(r.Rows, func(i, j int) bool {
		a, b := r.Rows[i], r.Rows[j]
		if a.Kind != b.Kind {
			return a.Kind < b.Kind
		}
		return a.Name < b.Name
	})
}

// Write writes results as JSON, a row a line, so that a change is a diff.
func (r *Results) Write(path string) error {
	r.Sort()
	var b strings.Builder
	fmt.Fprintf(&b, "{\n\"kernel\": %q,\n\"release\": %q,\n\"rows\": [\n", r.Kernel, r.Release)
	for i, row := range r.Rows {
		line, err := json.Marshal(row)
		if err != nil {
			return err
		}
		b.Write(line)
		if i < len(r.Rows)-1 {
			b.WriteByte(',')
		}
		b.WriteByte('\n')
	}
	b.WriteString("],\n\"tests\": ")
	tests, err := json.MarshalIndent(r.Tests, "", " ")
	if err != nil {
		return err
	}
	b.Write(tests)
	b.WriteString("\n}\n")
	return os.WriteFile(path, []byte(b.String()), 0o644)
}

// Read reads one kernel's results.
func Read(path string) (*Results, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var r Results
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &r, nil
}

// ReadAll reads the results of all kernels of a folder, those of 3.10 first.
func ReadAll(dir string) ([]*Results, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	var out []*Results
	for _, p := range paths {
		r, err := Read(p)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	order := map[string]int{"el7-514": 1, "el7-1160": 2, "v3.10": 3, "debian-6.1": 4}
	sort.Slice(out, func(i, j int) bool { return order[out[i].Kernel] < order[out[j].Kernel] })
	return out, nil
}
