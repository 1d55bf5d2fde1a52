// SPDX-License-Identifier: Apache-2.0

// Package testbpf is for tests of what loads objects: it builds them, and has
// a device in memory.
package testbpf

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bpfshim/bpfshim/ioctl"
	"github.com/bpfshim/bpfshim/ioctl/fake"
	"github.com/bpfshim/bpfshim/loader"
)

// Device is a device in memory.
type Device = fake.Device

// NewDevice makes one with this machine's CPUs.
func NewDevice() *Device { return fake.New(loader.MustPossibleCPU()) }

// Commands whose failure tests inject.
const (
	AttachKprobe = ioctl.ExtKprobe
	EnableStats  = ioctl.EnableStats
	NextProgram  = ioctl.ProgGetNextId
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

// Verifier builds the program that `bpfshim verify` runs, under ASan and UBSan,
// and has it found. Without make or a C compiler the test is skipped.
func Verifier(t testing.TB) {
	t.Helper()
	for _, tool := range []string{"make", "cc"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("no %s: the verifier cannot be built", tool)
		}
	}
	_, here, _, _ := runtime.Caller(0)
	root := filepath.Join(filepath.Dir(here), "..", "..")
	dir := filepath.Join(root, "build", "host", "verify")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	// Other packages' tests may be at it.
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "bpfshim-verify")
	text, err := exec.Command("make", "-s", "-j2", "-C", filepath.Join(root, "cmd", "bpfshim-verify"), "SAN=1", "OUT="+out).CombinedOutput()
	if err != nil {
		t.Fatalf("the verifier does not build: %v\n%s", err, text)
	}
	t.Setenv("BPFSHIM_VERIFY", out)
}
