// SPDX-License-Identifier: Apache-2.0

// Package testbpf is for tests of what loads objects: it builds them, and has
// a device in memory.
package testbpf

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/bpfshim/bpfshim/ioctl"
	"github.com/bpfshim/bpfshim/ioctl/fake"
	"github.com/bpfshim/bpfshim/loader"
)

// Device is a device in memory.
type Device = fake.Device

// NewDevice makes one with this machine's CPUs.
func NewDevice() *Device { return fake.New(loader.MustPossibleCPU()) }

// AttachKprobe is the command whose failure tests inject.
const AttachKprobe = ioctl.ExtKprobe

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
