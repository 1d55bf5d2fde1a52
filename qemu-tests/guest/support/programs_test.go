// SPDX-License-Identifier: Apache-2.0

package support

import (
	"testing"

	"github.com/bpfshim/bpfshim/ioctl"
	reasons "github.com/bpfshim/bpfshim/loader/support"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"github.com/bpfshim/bpfshim/qemu-tests/support"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

var return0 = is{asm.Mov.Imm(asm.R0, 0), asm.Return()}

// anyTarget loads a program for the first of the type's targets that there is.
func (m *machine) anyTarget(t *testing.T, e ioctl.Enumerator, insns is) (int, unix.Errno) {
	t.Helper()
	errno := unix.EINVAL
	for _, tg := range targetsOf(e.Name, e.Value) {
		fd, got := m.load(t, tg, insns)
		if got == 0 {
			return fd, 0
		}
		if got != unix.ENOENT {
			errno = got
		}
	}
	return -1, errno
}

// testRun runs a program on a frame where its type takes one, else on nothing,
// and tells what it returned.
func (m *machine) testRun(prog int, typ string) (uint32, unix.Errno) {
	a := raw.NewAttr().U32(0, uint32(prog))
	frame := func() {
		p := packet()
		a.U32(8, uint32(len(p))).U64(16, raw.Ptr(p))
	}
	switch typ {
	case "socket_filter", "sched_cls", "sched_act", "xdp", "cgroup_skb", "lwt_in", "lwt_out", "lwt_xmit", "lwt_seg6local", "flow_dissector":
		frame()
	case "sk_lookup": // a context of IPv4 and TCP
		c := make([]byte, 64)
		c[8], c[12] = unix.AF_INET, unix.IPPROTO_TCP
		a.U32(40, uint32(len(c))).U64(48, raw.Ptr(c))
	}
	_, errno := m.Do(raw.ProgTestRun, a)
	return a.Get32(4), errno
}

// TestPrograms loads a program of each type and runs it by PROG_TEST_RUN.
func TestPrograms(t *testing.T) {
	drv, native := machines(t)
	for _, e := range progTypes() {
		try := func(m *machine) map[string]string {
			answers := map[string]string{}
			// What it returns is seen, where its type may return 1.
			want := uint32(1)
			fd, errno := m.anyTarget(t, e, is{asm.Mov.Imm(asm.R0, 1), asm.Return()})
			if errno != 0 {
				want = 0
				fd, errno = m.anyTarget(t, e, return0)
			}
			answers["load"] = errName(errno)
			if errno != 0 {
				return answers
			}
			defer unix.Close(fd)
			got, errno := m.testRun(fd, e.Name)
			answers["test_run"] = errName(errno)
			if errno == 0 && got != want {
				t.Errorf("%s: %s returned %d, not %d", m.Name, e.Name, got, want)
			}
			return answers
		}
		t.Run(e.Name, func(t *testing.T) {
			row := support.Row{Kind: reasons.Prog, Name: e.Name, Driver: try(drv)}
			if native != nil {
				row.Native = try(native)
			}
			record(row)
			for _, op := range []string{"load", "test_run"} {
				d, ok := row.Driver[op]
				switch n := row.Native[op]; {
				case !ok && op == "test_run": // not loaded
				case d == support.OK && native != nil && n != support.OK:
					t.Errorf("%s %s is accepted; natively %s", e.Name, op, n)
				case d != support.OK && n == support.OK:
					refused(t, reasons.Prog, e.Name, op, errnoOf(d))
				}
			}
		})
	}
}

// errnoOf is the errno of a name.
func errnoOf(name string) unix.Errno {
	for e := unix.Errno(1); e < 600; e++ {
		if errName(e) == name {
			return e
		}
	}
	return 0
}
