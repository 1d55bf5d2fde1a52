// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"debug/elf"
	"fmt"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

var version = regexp.MustCompile(`\b(LINUX_VERSION_CODE|KERNEL_VERSION|RHEL_\w+)\b`)

// versions: only compat/ knows them.
func versions(_ string, files []source) ([]finding, error) {
	var out []finding
	for _, f := range files {
		if under(f.path, "compat", "docs", "qemu-tests/cmd/lint") || !(isC(f.path) || isBuild(f.path)) {
			continue
		}
		for i, l := range f.lines {
			if m := version.FindString(l); m != "" {
				out = append(out, finding{f.path, i + 1, m + " outside compat/"})
			}
		}
	}
	return out, nil
}

func isBuild(p string) bool {
	b := path.Base(p)
	return b == "Makefile" || b == "Kbuild" || strings.HasSuffix(b, ".mk")
}

// licence is what a file's SPDX line must say; "" where none is asked for.
func licence(p string) string {
	switch ext := path.Ext(p); {
	case p == "ioctl/bpfshim.h":
		return "GPL-2.0 WITH Linux-syscall-note"
	case ext == ".c" || ext == ".h":
		if under(p, "qemu-tests") || under(p, "examples") && ext == ".h" {
			return "any"
		}
		return "GPL-2.0"
	case path.Base(p) == "Kbuild" || ext == ".mk" || path.Base(p) == "Makefile":
		return "any"
	case ext == ".go", ext == ".sh", ext == ".toml", p == ".ci/run":
		if under(p, "compat", "driver", "verifier") {
			return "any"
		}
		return "Apache-2.0"
	}
	return ""
}

var spdx = regexp.MustCompile(`SPDX-License-Identifier: ([^*]+)`)

func licences(_ string, files []source) ([]finding, error) {
	var out []finding
	for _, f := range files {
		want := licence(f.path)
		if want == "" {
			continue
		}
		got := ""
		for i, l := range f.lines {
			if m := spdx.FindStringSubmatch(l); m != nil && i < 3 {
				got = strings.TrimSpace(m[1])
				break
			}
		}
		switch {
		case got == "":
			out = append(out, finding{f.path, 1, "no SPDX line in its first three"})
		case want == "any" && (strings.HasPrefix(got, "GPL-2.0") || got == "Apache-2.0"), got == want:
		default:
			out = append(out, finding{f.path, 1, "its licence is " + got + ", not " + want})
		}
	}
	return out, nil
}

const maxLines = 800

// lengths: one idea a file.
func lengths(_ string, files []source) ([]finding, error) {
	var out []finding
	for _, f := range files {
		if len(f.lines) > maxLines && (isC(f.path) || strings.HasSuffix(f.path, ".go") || isBuild(f.path) || strings.HasSuffix(f.path, ".sh")) {
			out = append(out, finding{f.path, 0, fmt.Sprintf("%d lines; %d at most", len(f.lines), maxLines)})
		}
	}
	return out, nil
}

func gofmt(root string, files []source) ([]finding, error) {
	args := []string{"-l"}
	for _, f := range files {
		if strings.HasSuffix(f.path, ".go") {
			args = append(args, f.path)
		}
	}
	c := exec.Command("gofmt", args...)
	c.Dir = root
	var errs bytes.Buffer
	c.Stderr = &errs
	b, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("gofmt: %w: %s", err, errs.String())
	}
	var out []finding
	for _, p := range strings.Fields(string(b)) {
		out = append(out, finding{p, 0, "not formatted by gofmt"})
	}
	return out, nil
}

// kernelNames are global in every module.
var kernelNames = regexp.MustCompile(`^(init_module|cleanup_module|__this_module|__pfx_.*|__mod_\w+|__kstrtab\w*|__cfi_.*)$`)

// moduleSymbols: every global name of the modules that were built begins with
// bpfshim_, as the kernel's own headers may define BPF's, and none is exported.
func moduleSymbols(root string, _ []source) ([]finding, error) {
	kos, err := filepath.Glob(filepath.Join(root, "build", "module", "*", "bpfshim.ko"))
	if err != nil {
		return nil, err
	}
	var out []finding
	for _, ko := range kos {
		f, err := elf.Open(ko)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", ko, err)
		}
		syms, err := f.Symbols()
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("%s: %w", ko, err)
		}
		rel, _ := filepath.Rel(root, ko)
		for _, s := range syms {
			defined := s.Section != elf.SHN_UNDEF && s.Section != elf.SHN_ABS
			global := elf.ST_BIND(s.Info) != elf.STB_LOCAL
			if defined && global && !strings.HasPrefix(s.Name, "bpfshim_") && !kernelNames.MatchString(s.Name) {
				out = append(out, finding{rel, 0, "global name " + s.Name})
			}
			if strings.HasPrefix(s.Name, "__ksymtab_") {
				out = append(out, finding{rel, 0, "exports " + s.Name})
			}
		}
		f.Close()
	}
	return out, nil
}
