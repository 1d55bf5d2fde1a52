// SPDX-License-Identifier: Apache-2.0

// Command lint checks what the compilers do not: the arrows between the parts,
// that only compat/ knows kernel versions, names, licences, lengths, formatting.
package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"

	"github.com/bpfshim/bpfshim/qemu-tests/vm"
)

// finding is one line of the report.
type finding struct {
	path string
	line int
	what string
}

func (f finding) String() string {
	if f.line > 0 {
		return fmt.Sprintf("%s:%d: %s", f.path, f.line, f.what)
	}
	return f.path + ": " + f.what
}

// source is a file of the tree.
type source struct {
	path  string // from the root
	lines []string
}

// check looks at all files.
type check func(root string, files []source) ([]finding, error)

func main() {
	root, err := vm.Repo()
	if err != nil {
		fmt.Fprintln(os.Stderr, "lint:", err)
		os.Exit(1)
	}
	found, err := lint(root)
	for _, f := range found {
		fmt.Println(f)
	}
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "lint:", err)
		os.Exit(1)
	case len(found) > 0:
		fmt.Fprintf(os.Stderr, "lint: %d findings\n", len(found))
		os.Exit(1)
	}
	fmt.Println("lint: ok")
}

func lint(root string) ([]finding, error) {
	files, err := tracked(root)
	if err != nil {
		return nil, err
	}
	var all []finding
	for _, c := range []check{goArrows, cArrows, versions, licences, lengths, noCInGo, gofmt, moduleSymbols} {
		found, err := c(root, files)
		if err != nil {
			return all, err
		}
		sort.SliceStable(found, func(i, j int) bool { return found[i].path < found[j].path })
		all = append(all, found...)
	}
	return all, nil
}

// tracked reads the text files that git knows, or would add.
func tracked(root string) ([]source, error) {
	c := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	c.Dir = root
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("git ls-files: %w", err)
	}
	var files []source
	for _, p := range strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		b, err := os.ReadFile(filepath.Join(root, p))
		if err != nil || bytes.IndexByte(b, 0) >= 0 {
			continue // gone from the work tree, or no text
		}
		files = append(files, source{p, strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")})
	}
	return files, nil
}

func under(path string, dirs ...string) bool {
	for _, d := range dirs {
		if path == d || strings.HasPrefix(path, d+"/") {
			return true
		}
	}
	return false
}

func isC(path string) bool { return strings.HasSuffix(path, ".c") || strings.HasSuffix(path, ".h") }
