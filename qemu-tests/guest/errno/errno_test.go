// SPDX-License-Identifier: Apache-2.0

// Package errno compares, call by call, what the driver answers to bad input
// with what Linux 6.1 answers. On 6.1 the kernel itself is asked and its
// answers must be those of testdata/native-6.1.txt, which stand for it on the
// kernels that cannot be asked.
package errno

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"unsafe"

	"github.com/bpfshim/bpfshim/qemu-tests/guest"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
)

func TestMain(m *testing.M) { guest.Main(m) }

const golden = "/testdata/native-6.1.txt"

// exceptions are the calls on which the driver differs and why.
const exceptions = "/testdata/exceptions.txt"

// endOfPage is the end of a page that nothing follows.
func endOfPage() uintptr {
	// Memory that was given back makes the hole.
	two := raw.Alloc(8192)
	unmap(two[4096:])
	return uintptr(unsafe.Pointer(unsafe.SliceData(two))) + 4096
}

func cases() []tcase {
	var all []tcase
	for _, cs := range [][]tcase{general(), mapCreate(), mapElems(), batches(), progLoad(), testRun(), objects(), btfLoad(), attaching()} {
		// Tables are partly maps: one order for every run.
		sort.SliceStable(cs, func(i, j int) bool { return cs[i].name < cs[j].name })
		all = append(all, cs...)
	}
	return all
}

func TestNamesAreUnique(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range cases() {
		if seen[c.name] {
			t.Errorf("two cases are named %q", c.name)
		}
		seen[c.name] = true
	}
	t.Logf("%d calls", len(seen))
}

func answers(t *testing.T, tgt *raw.Target) map[string]string {
	t.Helper()
	got := map[string]string{}
	e := newEnv(t, tgt)
	for _, c := range cases() {
		got[c.name] = c.run(e)
	}
	return got
}

// TestNativeIsGolden keeps the golden file true.
func TestNativeIsGolden(t *testing.T) {
	if !guest.HasOracle() {
		t.Skip("the kernel's own bpf(2) is not 6.1's")
	}
	native := answers(t, raw.Native())
	if os.Getenv("BPFSHIM_UPDATE") != "" {
		write(t, native)
		return
	}
	want := read(t, golden)
	for _, c := range cases() {
		if native[c.name] != want[c.name] {
			guest.GoldenMismatch(t, golden, "%s: native %s, golden %q", c.name, native[c.name], want[c.name])
		}
	}
	if len(want) != len(native) {
		t.Errorf("the golden file has %d calls, not %d", len(want), len(native))
	}
}

// TestDriverAnswersAsNative is the comparison.
func TestDriverAnswersAsNative(t *testing.T) {
	tgt, err := raw.Open()
	if err != nil {
		t.Fatal(err)
	}
	want := read(t, golden)
	except := read(t, exceptions)
	driver := answers(t, tgt)
	wrong := 0
	for _, c := range cases() {
		w, excepted := want[c.name], false
		if x, ok := matchException(except, c.name); ok {
			w, _, _ = strings.Cut(x, " ")
			excepted = true
		}
		if driver[c.name] == w {
			continue
		}
		wrong++
		if excepted {
			t.Errorf("%s: driver %s, the exception says %s", c.name, driver[c.name], w)
		} else {
			t.Errorf("%s: driver %s, native %s", c.name, driver[c.name], w)
		}
	}
	t.Logf("%d calls, %d differ", len(driver), wrong)
}

// matchException finds an exception by name; one that ends with * stands for
// all names that begin so.
func matchException(ex map[string]string, name string) (string, bool) {
	if x, ok := ex[name]; ok {
		return x, true
	}
	for n, x := range ex {
		if p, ok := strings.CutSuffix(n, "*"); ok && strings.HasPrefix(name, p) {
			return x, true
		}
	}
	return "", false
}

// read reads lines of "name: answer"; lines that begin with # are for people.
func read(t *testing.T, path string) map[string]string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]string{}
	sc := bufio.NewScanner(bytes.NewReader(b))
	for sc.Scan() {
		line := strings.TrimSpace(sc.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		name, answer, ok := strings.Cut(line, ": ")
		if !ok {
			t.Fatalf("%s: no answer in %q", path, line)
		}
		m[name] = strings.TrimSpace(answer)
	}
	return m
}

func write(t *testing.T, native map[string]string) {
	t.Helper()
	var b bytes.Buffer
	b.WriteString(guest.GoldenHeader())
	for _, c := range cases() {
		fmt.Fprintf(&b, "%s: %s\n", c.name, native[c.name])
	}
	if err := os.MkdirAll("/out", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join("/out", filepath.Base(golden)), b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
