// SPDX-License-Identifier: Apache-2.0

// Package guest is what the suites that run inside a guest share.
package guest

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Main is the TestMain of every suite: outside a guest it runs no test, as
// the module would be that of the machine that works on the project.
func Main(m *testing.M) { MainThen(m, func() error { return nil }) }

// MainThen is Main, and does something when the tests are over.
func MainThen(m *testing.M, then func() error) {
	flag.Parse()
	list := flag.Lookup("test.list")
	listing := list != nil && list.Value.String() != ""
	if os.Getenv("BPFSHIM_GUEST") == "" && !listing {
		fmt.Println("runs in a guest only: make matrix")
		os.Exit(0)
	}
	status := m.Run()
	if !listing {
		if err := then(); err != nil {
			fmt.Println(err)
			status = 1
		}
	}
	os.Exit(status)
}

// Quick reports whether the short form of the matrix runs.
func Quick() bool { return os.Getenv("BPFSHIM_QUICK") != "" }

// Patience is how long to wait, in this guest, for what takes at most d in one
// as fast as the reference. Init measures it.
func Patience(d time.Duration) time.Duration {
	slow, err := strconv.ParseFloat(os.Getenv("BPFSHIM_SLOW"), 64)
	if err != nil || slow < 1 {
		return d
	}
	return time.Duration(float64(d) * slow)
}

// Release is the kernel's release.
func Release() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "?"
	}
	return unix.ByteSliceToString(u.Release[:])
}

// HasOracle reports whether the kernel's own bpf(2) is that of 6.1, what the
// driver is measured by.
func HasOracle() bool {
	var major, minor int
	n, err := fmt.Sscanf(Release(), "%d.%d", &major, &minor)
	return err == nil && n == 2 && major == 6 && minor == 1
}

// Build is the kernel's release and build, what two kernels of one release
// differ in.
func Build() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "?"
	}
	return Release() + " " + unix.ByteSliceToString(u.Version[:])
}

// buildMark begins the line of a golden file that names the kernel it is of.
const buildMark = "# kernel: "

// GoldenHeader begins a golden file.
func GoldenHeader() string {
	return "# SPDX-License-Identifier: Apache-2.0\n# What Linux 6.1 does; made by `make golden`.\n" + buildMark + Build() + "\n"
}

// GoldenMismatch reports that the kernel's own answers are not the golden
// file's: an error on the build that the file is of, a note on a later one,
// which may have changed them.
func GoldenMismatch(t testing.TB, golden, format string, args ...any) {
	t.Helper()
	b, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(b), buildMark+Build()+"\n") {
		t.Errorf(format, args...)
		return
	}
	t.Logf("another build than the golden file's: "+format, args...)
}
