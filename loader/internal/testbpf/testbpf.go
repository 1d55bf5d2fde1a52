// SPDX-License-Identifier: Apache-2.0

// Package testbpf builds BPF objects for tests.
package testbpf

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Build compiles a C file for BPF and returns the object's path. Without
// clang or libbpf's headers the test is skipped.
func Build(t testing.TB, source string, args ...string) string {
	t.Helper()
	clang, err := exec.LookPath("clang")
	if err != nil {
		t.Skip("no clang: BPF objects cannot be built")
	}
	if _, err := os.Stat("/usr/include/bpf/bpf_helpers.h"); err != nil {
		t.Skip("no libbpf headers: BPF objects cannot be built")
	}
	out := filepath.Join(t.TempDir(), filepath.Base(source)+".o")
	args = append([]string{"-g", "-O2", "-target", "bpf", "-mcpu=v3", "-Wall", "-I/usr/include/x86_64-linux-gnu", "-o", out, "-c", source}, args...)
	if text, err := exec.Command(clang, args...).CombinedOutput(); err != nil {
		t.Fatalf("clang %s: %v\n%s", source, err, text)
	}
	return out
}
