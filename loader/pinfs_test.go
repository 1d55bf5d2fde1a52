// SPDX-License-Identifier: Apache-2.0

package loader

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFindPinDir(t *testing.T) {
	for _, c := range []struct{ name, mounts, typ, want string }{
		{"none", "sysfs /sys sysfs rw 0 0\n", "bpfshim", ""},
		{"ours", "bpfshim /sys/fs/bpf bpfshim rw 0 0\n", "bpfshim", "/sys/fs/bpf"},
		{"beside bpffs", "bpf /sys/fs/bpf bpf rw 0 0\nbpfshim /sys/fs/bpfshim bpfshim rw 0 0\n", "bpfshim", "/sys/fs/bpfshim"},
		{"native beside ours", "bpf /sys/fs/bpf bpf rw 0 0\nbpfshim /sys/fs/bpfshim bpfshim rw 0 0\n", "bpf", "/sys/fs/bpf"},
		{"elsewhere", "bpfshim /run/a\\040b bpfshim rw 0 0\n", "bpfshim", "/run/a b"},
		{"meant place first", "x /run/b bpfshim rw 0 0\nx /sys/fs/bpf bpfshim rw 0 0\n", "bpfshim", "/sys/fs/bpf"},
		{"covered", "x /sys/fs/bpf bpfshim rw 0 0\nbpf /sys/fs/bpf bpf rw 0 0\n", "bpfshim", ""},
	} {
		mounts, err := pinMounts(strings.NewReader(c.mounts))
		require.NoError(t, err)
		assert.Equal(t, c.want, findPinDir(mounts, c.typ), c.name)
	}
}
