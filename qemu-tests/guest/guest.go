// SPDX-License-Identifier: Apache-2.0

// Package guest is what the suites that run inside a guest share.
package guest

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// Main is the TestMain of every suite: outside a guest it runs no test, as
// the module would be that of the machine that works on the project.
func Main(m *testing.M) {
	flag.Parse()
	if list := flag.Lookup("test.list"); os.Getenv("BPFSHIM_GUEST") == "" && (list == nil || list.Value.String() == "") {
		fmt.Println("runs in a guest only: make matrix")
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// Quick reports whether the short form of the matrix runs.
func Quick() bool { return os.Getenv("BPFSHIM_QUICK") != "" }

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
