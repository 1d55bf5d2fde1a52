// SPDX-License-Identifier: Apache-2.0

// Package hostile offers the driver programs that must be refused: with 6.1's
// errno, and a log that names the instruction. On 6.1 the kernel's own verifier
// is asked first, so the table cannot be wrong.
package hostile

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/bpfshim/bpfshim/qemu-tests/guest"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) { guest.Main(m) }

func newMaps(t *testing.T, tgt *raw.Target) maps {
	t.Helper()
	mk := func(a *raw.Attr) int {
		fd, errno := tgt.Do(raw.MapCreate, a)
		if errno != 0 {
			t.Fatalf("%s: map: %s", tgt.Name, raw.ErrName(errno))
		}
		t.Cleanup(func() { unix.Close(fd) })
		return fd
	}
	m := maps{
		arr:    mk(raw.Map(raw.Array, 4, 8, 1, 0)),
		hash:   mk(raw.Map(raw.Hash, 4, 8, 1, 0)),
		rodata: mk(raw.Map(raw.Array, 4, 8, 1, raw.RdonlyProg)),
		perf:   mk(raw.Map(raw.PerfArray, 4, 4, 1, 0)),
	}
	if _, errno := tgt.Do(raw.MapFreeze, raw.Elem(m.rodata, 0, 0, 0)); errno != 0 {
		t.Fatalf("%s: freeze: %s", tgt.Name, raw.ErrName(errno))
	}
	return m
}

func TestNativeRefuses(t *testing.T) {
	if !guest.HasOracle() {
		t.Skip("the kernel's own verifier is not 6.1's")
	}
	refuses(t, raw.Native())
}

func TestDriverRefuses(t *testing.T) {
	tgt, err := raw.Open()
	if err != nil {
		t.Fatal(err)
	}
	refuses(t, tgt)
}

func refuses(t *testing.T, tgt *raw.Target) {
	m := newMaps(t, tgt)
	t.Logf("%d programs", len(programs))
	for _, p := range programs {
		t.Run(p.name, func(t *testing.T) {
			fd, errno, log, err := tgt.Load(p.typ, p.insns(m))
			if err != nil {
				t.Fatal(err)
			}
			if errno == 0 {
				unix.Close(fd)
				t.Fatalf("%s accepted it\n%s", tgt.Name, lastLines(log))
			}
			if errno != p.errno {
				t.Errorf("%s: %s, want %s\n%s", tgt.Name, raw.ErrName(errno), raw.ErrName(p.errno), lastLines(log))
			}
			if at := lastInsn(log); p.at >= 0 && at != p.at {
				t.Errorf("%s: the log names instruction %d, want %d\n%s", tgt.Name, at, p.at, lastLines(log))
			}
			if p.at < 0 && !regexp.MustCompile(`\d`).MatchString(log) {
				t.Errorf("%s: the log names no instruction\n%s", tgt.Name, lastLines(log))
			}
		})
	}
}

var insnLine = regexp.MustCompile(`(?m)^(\d+): \(`)

// lastInsn is the last instruction that the log shows.
func lastInsn(log string) int {
	at := -1
	for _, m := range insnLine.FindAllStringSubmatch(log, -1) {
		_, _ = fmt.Sscan(m[1], &at)
	}
	return at
}

func lastLines(log string) string {
	lines := strings.Split(strings.TrimSpace(log), "\n")
	if len(lines) > 12 {
		lines = lines[len(lines)-12:]
	}
	return strings.Join(lines, "\n")
}
