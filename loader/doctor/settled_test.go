// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"testing"

	"github.com/bpfshim/bpfshim/loader"
)

func TestSettledWaitsForClosedObjectsOnly(t *testing.T) {
	asked := 0
	ask := func() (*loader.DeviceInfo, error) {
		asked++
		if asked < 3 {
			return &loader.DeviceInfo{MemBytes: 4096}, nil
		}
		return &loader.DeviceInfo{}, nil
	}
	if got := settled(&loader.DeviceInfo{MemBytes: 4096}, ask); got.MemBytes != 0 || asked != 3 {
		t.Errorf("%d bytes after %d questions", got.MemBytes, asked)
	}
	asked = 0
	if got := settled(&loader.DeviceInfo{Maps: 1, MemBytes: 4096}, ask); got.MemBytes != 4096 || asked != 0 {
		t.Errorf("waited for a live map: %d bytes, %d questions", got.MemBytes, asked)
	}
}
