// SPDX-License-Identifier: Apache-2.0

package ioctl

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Native is the kernel's own bpf(2). The module's extension commands are made
// of perf_event_open(2) and BPF_LINK_CREATE, as loaders do it natively, so
// that the same loader runs on both.
func Native() Device { return native{} }

type native struct{ files }

func (native) Kind() Kind   { return KindNative }
func (native) Close() error { return nil }

func (n native) Bpf(cmd Cmd, attr unsafe.Pointer, size uintptr) (int, error) {
	switch cmd {
	case ExtKprobe:
		return n.kprobe((*ExtKprobeAttr)(attr))
	case ExtTracepoint:
		a := (*ExtTracepointAttr)(attr)
		return n.perfLink(&unix.PerfEventAttr{
			Type: unix.PERF_TYPE_TRACEPOINT, Config: a.EventId, Sample: 1, Wakeup: 1,
		}, a.ProgFd, a.Cookie)
	case ExtPerfAttach:
		a := (*ExtPerfAttachAttr)(attr)
		return Do(n, LinkCreate, &LinkCreateAttr{
			ProgFd: a.ProgFd, TargetFd: a.PerfFd, AttachType: uint32(PerfEvent), BpfCookie: a.Cookie,
		})
	case ExtOutputOpen:
		return n.output((*ExtOutputOpenAttr)(attr))
	}
	if cmd >= CmdExt {
		return -1, unix.EINVAL
	}
	for try := 0; ; try++ {
		r, _, errno := unix.Syscall(unix.SYS_BPF, uintptr(cmd), uintptr(attr), size)
		if errno == 0 {
			return int(r), nil
		}
		if try == retries || !interrupted(cmd, errno) {
			return -1, errno
		}
	}
}

// perfLink opens an event on all of CPU 0, which is every CPU for trace
// events and probes, and links the program to it. The link holds the event.
func (n native) perfLink(attr *unix.PerfEventAttr, prog uint32, cookie uint64) (int, error) {
	attr.Size = uint32(unsafe.Sizeof(*attr))
	fd, err := unix.PerfEventOpen(attr, -1, 0, -1, unix.PERF_FLAG_FD_CLOEXEC)
	if err != nil {
		return -1, err
	}
	defer unix.Close(fd)
	link, err := Do(n, LinkCreate, &LinkCreateAttr{
		ProgFd: prog, TargetFd: uint32(fd), AttachType: uint32(PerfEvent), BpfCookie: cookie,
	})
	if err != nil {
		return -1, err
	}
	if err := unix.IoctlSetInt(fd, unix.PERF_EVENT_IOC_ENABLE, 0); err != nil {
		unix.Close(link)
		return -1, err
	}
	return link, nil
}

func (n native) kprobe(a *ExtKprobeAttr) (int, error) {
	const pmu = "/sys/bus/event_source/devices/kprobe/"
	typ, err := readUint(pmu + "type")
	if err != nil {
		return -1, unix.EOPNOTSUPP
	}
	attr := &unix.PerfEventAttr{
		Type: uint32(typ), Ext1: uint64(uintptr(a.Symbol.Unsafe())), Ext2: a.Offset,
	}
	if a.Flags&KprobeReturn != 0 {
		// The format file says "config:N".
		text, err := os.ReadFile(pmu + "format/retprobe")
		if err != nil {
			return -1, unix.EOPNOTSUPP
		}
		_, bit, _ := strings.Cut(strings.TrimSpace(string(text)), ":")
		shift, err := strconv.ParseUint(bit, 10, 6)
		if err != nil {
			return -1, unix.EOPNOTSUPP
		}
		attr.Config = 1 << shift
	}
	return n.perfLink(attr, a.ProgFd, a.Cookie)
}

func (n native) output(a *ExtOutputOpenAttr) (int, error) {
	attr := &unix.PerfEventAttr{
		Type:        unix.PERF_TYPE_SOFTWARE,
		Config:      unix.PERF_COUNT_SW_BPF_OUTPUT,
		Sample_type: a.SampleType | unix.PERF_SAMPLE_RAW,
		Sample:      1,
		Wakeup:      a.Wakeup,
	}
	attr.Size = uint32(unsafe.Sizeof(*attr))
	if a.Flags&OutputWatermark != 0 {
		attr.Bits |= unix.PerfBitWatermark
	}
	flags := 0
	if a.Flags&OutputCloexec != 0 {
		flags = unix.PERF_FLAG_FD_CLOEXEC
	}
	return unix.PerfEventOpen(attr, -1, int(a.Cpu), -1, flags)
}

func readUint(path string) (uint64, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	v, err := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	return v, nil
}
