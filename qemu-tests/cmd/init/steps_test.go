// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
)

const leakReport = `unreferenced object 0xffff88003ca56000 (size 96):
  comm "swapper/0", pid 1, jiffies 4294668107 (age 90.344s)
  backtrace:
    [<ffffffff814b4e46>] kmemleak_alloc+0x26/0x50
unreferenced object 0xffff880039acc348 (size 512):
  comm "init", pid 565, jiffies 4294738110 (age 18.484s)
`

func TestLeaksSince(t *testing.T) {
	found := leaksSince(leakReport, 4294700000)
	if len(found) != 1 || !strings.Contains(found[0], "(size 512)") {
		t.Errorf("%q", found)
	}
	if found := leaksSince("", 4294700000); len(found) != 0 {
		t.Errorf("%q", found)
	}
	if found := leaksSince(leakReport, 0); len(found) != 2 {
		t.Errorf("%q", found)
	}
}
