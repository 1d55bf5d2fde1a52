// SPDX-License-Identifier: Apache-2.0

// Command objects collects BPF objects that real tools are made of, for the
// objects suite: those embedded in the programs of Debian's libbpf-tools, and
// the examples'. Nothing of them is kept in the tree.
//
//	objects OUTDIR [FILE.o...]
package main

import (
	"bytes"
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: objects OUTDIR [FILE.o...]")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "objects:", err)
		os.Exit(1)
	}
}

func run(out string, more []string) error {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	for _, f := range more {
		b, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(out, filepath.Base(f)), b, 0o644); err != nil {
			return err
		}
	}
	list, err := exec.Command("dpkg", "-L", "libbpf-tools").Output()
	if err != nil {
		return fmt.Errorf("package libbpf-tools: %w", err)
	}
	found := 0
	for _, f := range strings.Fields(string(list)) {
		if filepath.Base(filepath.Dir(f)) != "sbin" {
			continue
		}
		n, err := extract(f, out)
		if err != nil {
			return err
		}
		found += n
	}
	if found == 0 {
		return fmt.Errorf("no object in the programs of libbpf-tools")
	}
	fmt.Printf("objects: %d from libbpf-tools, %d others\n", found, len(more))
	return nil
}

// extract writes the BPF objects inside a program to out.
func extract(file, out string) (int, error) {
	st, err := os.Lstat(file)
	if err != nil || !st.Mode().IsRegular() {
		return 0, err
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	n := 0
	for pos := 1; ; pos++ {
		i := bytes.Index(b[pos:], []byte(elf.ELFMAG))
		if i < 0 {
			return n, nil
		}
		pos += i
		size, ok := objectSize(b[pos:])
		if !ok {
			continue
		}
		name := filepath.Base(file)
		if n > 0 {
			name += fmt.Sprint("-", n)
		}
		if err := os.WriteFile(filepath.Join(out, name+".bpf.o"), b[pos:pos+size], 0o644); err != nil {
			return n, err
		}
		n++
	}
}

// objectSize is the length of the BPF object that b begins with.
func objectSize(b []byte) (int, bool) {
	f, err := elf.NewFile(bytes.NewReader(b))
	if err != nil || f.Machine != elf.EM_BPF {
		return 0, false
	}
	// The section headers end a relocatable file.
	shoff := int(f.ByteOrder.Uint64(b[40:]))
	num := int(f.ByteOrder.Uint16(b[60:]))
	end := shoff + num*64
	for _, s := range f.Sections {
		if s.Type != elf.SHT_NOBITS {
			end = max(end, int(s.Offset+s.FileSize))
		}
	}
	return end, end <= len(b)
}
