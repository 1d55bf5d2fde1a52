// SPDX-License-Identifier: Apache-2.0

package main

import (
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

const module = "github.com/bpfshim/bpfshim/"

// mayImport: which parts a part's Go files may import, itself aside.
var mayImport = map[string][]string{
	"ioctl":      nil,
	"loader":     {"ioctl"},
	"cmd":        {"loader"},
	"examples":   {"loader"},
	"qemu-tests": {"loader", "ioctl"},
}

func goArrows(root string, files []source) ([]finding, error) {
	var out []finding
	for _, f := range files {
		if !strings.HasSuffix(f.path, ".go") {
			continue
		}
		part, _, _ := strings.Cut(f.path, "/")
		allowed, known := mayImport[part]
		if !known {
			out = append(out, finding{f.path, 0, "Go has no place in " + part + "/"})
			continue
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, filepath.Join(root, f.path), nil, parser.ImportsOnly)
		if err != nil {
			return nil, err
		}
		for _, imp := range file.Imports {
			name := strings.Trim(imp.Path.Value, `"`)
			line := set.Position(imp.Pos()).Line
			if name == "C" {
				out = append(out, finding{f.path, line, "cgo: what ships is static"})
			}
			rest, ours := strings.CutPrefix(name, module)
			to, _, _ := strings.Cut(rest, "/")
			if ours && to != part && !contains(allowed, to) {
				out = append(out, finding{f.path, line, part + "/ may not import " + to + "/"})
			}
		}
	}
	return out, nil
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

var include = regexp.MustCompile(`^\s*#\s*include\s*([<"])([^>"]+)[>"]`)

// cArrows: driver -> {verifier, compat, ioctl}, verifier -> ioctl. The parts
// that also build on the host include no kernel header, and the driver gets
// the kernel's through compat/ only.
func cArrows(_ string, files []source) ([]finding, error) {
	var out []finding
	for _, f := range files {
		if !isC(f.path) || strings.Contains(f.path, "/test/") || strings.Contains(f.path, "/testdata/") {
			continue
		}
		for i, line := range f.lines {
			m := include.FindStringSubmatch(line)
			if m == nil {
				continue
			}
			if why := badInclude(f.path, m[1] == "<", m[2]); why != "" {
				out = append(out, finding{f.path, i + 1, why})
			}
		}
	}
	return out, nil
}

// types is the one header of the freestanding parts that knows where it is.
const types = "verifier/types.h"

func badInclude(file string, system bool, name string) string {
	freestanding := under(file, "verifier", "driver/exec")
	switch {
	case system && under(file, "ioctl") && name != "linux/types.h" && name != "linux/ioctl.h":
		return "the UAPI includes linux/types.h and linux/ioctl.h only, not " + name
	case system && freestanding && file != types:
		return "freestanding: it may not include <" + name + ">"
	case system && under(file, "driver"):
		return "kernel headers come through compat/: <" + name + ">"
	case system && under(file, "compat") && (name == "linux/bpf.h" || name == "linux/filter.h"):
		return "the kernel's own BPF is never included: <" + name + ">"
	case system:
		return ""
	}
	target := path.Join(path.Dir(file), name)
	switch {
	case under(file, "ioctl") && !under(target, "ioctl"):
		return "ioctl/ includes nothing of the other parts: " + name
	case under(file, "verifier") && under(target, "driver", "compat"):
		return "verifier/ may not include " + name
	case under(file, "driver/exec") && under(target, "compat", "driver/driver.h", "driver/maps", "driver/helpers", "driver/attach"):
		return "driver/exec/ is freestanding: it may not include " + name
	case under(file, "compat") && under(target, "driver", "verifier"):
		return "compat/ knows nothing of the parts above it: " + name
	}
	return ""
}

// noCInGo: a Go package holds no C, but for BPF programs that Go leaves alone.
func noCInGo(_ string, files []source) ([]finding, error) {
	packages := map[string]bool{}
	for _, f := range files {
		if strings.HasSuffix(f.path, ".go") {
			packages[path.Dir(f.path)] = true
		}
	}
	var out []finding
	for _, f := range files {
		if strings.HasSuffix(f.path, ".c") && packages[path.Dir(f.path)] && !strings.HasSuffix(f.path, ".bpf.c") {
			out = append(out, finding{f.path, 0, "C in a Go package"})
		}
	}
	return out, nil
}
