// SPDX-License-Identifier: Apache-2.0

// Package fake is a device in memory, for tests: maps that hold values,
// programs that are kept as they came, links, BTF, and output events and ring
// buffers that a test can write records to. Nothing is verified and nothing runs.
package fake

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/bpfshim/bpfshim/ioctl"
)

// firstFD keeps the fake's descriptors apart from real ones.
const firstFD = 1 << 20

// Call is a call that was made.
type Call struct {
	Cmd  ioctl.Cmd
	Attr []byte // as it came
	FD   int    // the result
	Err  error
}

// Device is the fake. Its methods may be called from any goroutine.
type Device struct {
	mu     sync.Mutex
	fds    map[int]*object
	nextFD int
	nextID uint32
	calls  []Call
	fails  []*failure
	cpus   int

	// Verify, when set, decides on programs: an error refuses one, and the
	// text is its log.
	Verify func(p *Program) (string, error)
	pins   map[string]*object // by path
	kernel *object            // the kernel's BTF, of ExtSetKernelBtf
}

type failure struct {
	cmd   ioctl.Cmd
	skip  int
	errno unix.Errno
}

// object is a map, program, link, BTF or output; several descriptors may be
// the same.
type object struct {
	id   uint32
	refs int
	kind string
	m    *mapObject
	p    *Program
	l    *Link
	btf  []byte
	out  *output
}

// Program is a program as it was loaded.
type Program struct {
	ID         uint32
	Name       string
	Type       ioctl.ProgType
	Insns      []byte
	License    string
	BTF        []byte
	FuncInfos  int
	LineInfos  int
	AttachType ioctl.AttachType
	LogLevel   uint32
	// What Ran has counted.
	Runs, RunTime, Misses uint64
}

// Link is a link that was made.
type Link struct {
	ID      uint32
	Cmd     ioctl.Cmd
	Program *Program
	Symbol  string // kprobe's symbol or raw tracepoint's name
	Offset  uint64
	Return  bool
	Event   uint64
	Cookie  uint64
}

// New makes a device of a machine with that many CPUs.
func New(cpus int) *Device {
	return &Device{fds: map[int]*object{}, nextFD: firstFD, cpus: cpus}
}

// Kind is ioctl.KindFake.
func (d *Device) Kind() ioctl.Kind { return ioctl.KindFake }

// Close does nothing: objects live on.
func (d *Device) Close() error { return nil }

// Fail makes the n-th next call of cmd, counted from 0, fail.
func (d *Device) Fail(cmd ioctl.Cmd, n int, errno unix.Errno) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fails = append(d.fails, &failure{cmd, n, errno})
}

// Calls are the calls made so far.
func (d *Device) Calls() []Call {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.calls)
}

// Open says which descriptors are open, one line each.
func (d *Device) Open() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []string
	for _, fd := range slices.Sorted(maps.Keys(d.fds)) {
		o := d.fds[fd]
		out = append(out, fmt.Sprintf("%s %d", o.kind, o.id))
	}
	return out
}

// Programs are the live programs in order of loading.
func (d *Device) Programs() []*Program {
	var out []*Program
	d.each("prog", func(o *object) { out = append(out, o.p) })
	return out
}

// Ran counts runs of a program, and those that were missed, as the module
// does: misses always, the others while statistics are on.
func (d *Device) Ran(name string, runs, ns, misses uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	on := len(d.byID("stats")) > 0
	for _, o := range d.byID("prog") {
		if o.p.Name != name {
			continue
		}
		o.p.Misses += misses
		if on {
			o.p.Runs += runs
			o.p.RunTime += ns
		}
	}
}

// Links are the live links in order of their making.
func (d *Device) Links() []*Link {
	var out []*Link
	d.each("link", func(o *object) { out = append(out, o.l) })
	return out
}

func (d *Device) each(kind string, visit func(*object)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, o := range d.byID(kind) {
		visit(o)
	}
}

// byID are the live objects of a kind, in order of ids.
func (d *Device) byID(kind string) []*object {
	seen := map[uint32]*object{}
	for _, o := range d.fds {
		if o.kind == kind {
			seen[o.id] = o
		}
		if kind == "btf" && o.m != nil && o.m.btf != nil {
			seen[o.m.btf.id] = o.m.btf // the map holds it
		}
	}
	for path, o := range d.pins {
		if _, err := os.Stat(path); err == nil && o.kind == kind {
			seen[o.id] = o
		}
	}
	if d.kernel != nil && kind == "btf" {
		seen[d.kernel.id] = d.kernel
	}
	var out []*object
	for _, id := range slices.Sorted(maps.Keys(seen)) {
		out = append(out, seen[id])
	}
	return out
}

// install gives an object its first descriptor.
func (d *Device) install(o *object) int {
	if o.id == 0 {
		d.nextID++
		o.id = d.nextID
	}
	fd := d.nextFD
	switch {
	case o.out != nil:
		fd = o.out.event // epoll wants a real one
	case o.m != nil && o.m.ring != nil:
		var err error
		if fd, err = unix.FcntlInt(uintptr(o.m.ring.event), unix.F_DUPFD_CLOEXEC, 0); err != nil {
			panic(err)
		}
	default:
		d.nextFD++
	}
	o.refs++
	d.fds[fd] = o
	return fd
}

func (d *Device) get(fd uint32, kind string) (*object, error) {
	o := d.fds[int(int32(fd))]
	if o == nil {
		return nil, unix.EBADF
	}
	if o.kind != kind {
		return nil, unix.EINVAL
	}
	return o, nil
}

// CloseFD closes a descriptor.
func (d *Device) CloseFD(fd int) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	o := d.fds[fd]
	if o == nil {
		return unix.EBADF
	}
	delete(d.fds, fd)
	o.refs--
	switch {
	case o.out != nil && o.refs == 0:
		return o.out.close()
	case o.m != nil && o.m.ring != nil:
		err := unix.Close(fd)
		if o.refs == 0 {
			o.m.ring.close()
		}
		return err
	}
	return nil
}

// DupFD duplicates a descriptor.
func (d *Device) DupFD(fd int) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	o := d.fds[fd]
	if o == nil {
		return -1, unix.EBADF
	}
	if o.out != nil {
		return -1, unix.EINVAL
	}
	return d.install(o), nil
}

// PerfIoctl accepts everything on an output.
func (d *Device) PerfIoctl(fd int, _ uint, _ int) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, err := d.get(uint32(fd), "output")
	return err
}

// Bpf makes a call.
func (d *Device) Bpf(cmd ioctl.Cmd, attr unsafe.Pointer, size uintptr) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	call := Call{Cmd: cmd, Attr: slices.Clone(unsafe.Slice((*byte)(attr), size))}
	call.FD, call.Err = d.dispatch(cmd, attr)
	if call.Err != nil {
		call.FD = -1
	}
	d.calls = append(d.calls, call)
	return call.FD, call.Err
}

func (d *Device) dispatch(cmd ioctl.Cmd, attr unsafe.Pointer) (int, error) {
	for i, f := range d.fails {
		if f.cmd != cmd {
			continue
		}
		if f.skip > 0 {
			f.skip--
			continue
		}
		d.fails = slices.Delete(d.fails, i, i+1)
		return -1, f.errno
	}
	switch cmd {
	case ioctl.MapCreate:
		return d.mapCreate((*ioctl.MapCreateAttr)(attr))
	case ioctl.MapLookupElem, ioctl.MapUpdateElem, ioctl.MapDeleteElem, ioctl.MapGetNextKey,
		ioctl.MapLookupAndDeleteElem, ioctl.MapFreeze:
		return 0, d.mapElem(cmd, (*ioctl.MapElemAttr)(attr))
	case ioctl.ProgLoad:
		return d.progLoad((*ioctl.ProgLoadAttr)(attr))
	case ioctl.BtfLoad:
		a := (*ioctl.BtfLoadAttr)(attr)
		return d.install(&object{kind: "btf", btf: slices.Clone(bytesAt(a.Btf, int(a.BtfSize)))}), nil
	case ioctl.ObjGetInfoByFd:
		return 0, d.info((*ioctl.InfoAttr)(attr))
	case ioctl.MapGetNextId:
		return 0, d.next("map", (*ioctl.IdAttr)(attr))
	case ioctl.ProgGetNextId:
		return 0, d.next("prog", (*ioctl.IdAttr)(attr))
	case ioctl.MapGetFdById:
		return d.fdByID("map", (*ioctl.IdAttr)(attr))
	case ioctl.ProgGetFdById:
		return d.fdByID("prog", (*ioctl.IdAttr)(attr))
	case ioctl.BtfGetNextId:
		return 0, d.next("btf", (*ioctl.IdAttr)(attr))
	case ioctl.ExtSetKernelBtf:
		o, err := d.get((*ioctl.ExtSetKernelBtfAttr)(attr).BtfFd, "btf")
		if err != nil {
			return -1, err
		}
		d.nextID++
		d.kernel = &object{id: d.nextID, kind: "btf", btf: o.btf}
		return 0, nil
	case ioctl.BtfGetFdById:
		return d.fdByID("btf", (*ioctl.IdAttr)(attr))
	case ioctl.ExtKprobe, ioctl.ExtTracepoint, ioctl.ExtPerfAttach, ioctl.RawTracepointOpen:
		return d.link(cmd, attr)
	case ioctl.ExtOutputOpen:
		return d.outputOpen((*ioctl.ExtOutputOpenAttr)(attr))
	case ioctl.LinkGetNextId:
		return 0, d.next("link", (*ioctl.IdAttr)(attr))
	case ioctl.LinkGetFdById:
		return d.fdByID("link", (*ioctl.IdAttr)(attr))
	case ioctl.LinkDetach:
		if _, err := d.get((*ioctl.LinkDetachAttr)(attr).LinkFd, "link"); err != nil {
			return -1, err
		}
		return -1, unix.EOPNOTSUPP
	case ioctl.ObjPin:
		return 0, d.pin((*ioctl.ObjPinAttr)(attr))
	case ioctl.ObjGet:
		return d.pinned((*ioctl.ObjPinAttr)(attr))
	case ioctl.EnableStats:
		if (*ioctl.EnableStatsAttr)(attr).Type != ioctl.StatsRunTime {
			return -1, unix.EINVAL
		}
		return d.install(&object{kind: "stats"}), nil
	case ioctl.ExtInfo:
		a := (*ioctl.ExtInfoAttr)(attr)
		a.AbiVersion = ioctl.AbiVersion
		a.NrMaps, a.NrProgs, a.NrLinks = uint32(len(d.byID("map"))), uint32(len(d.byID("prog"))), uint32(len(d.byID("link")))
		copy(a.Version[:], "fake")
		return 0, nil
	}
	return -1, unix.EINVAL
}

func (d *Device) next(kind string, a *ioctl.IdAttr) error {
	for _, o := range d.byID(kind) {
		if o.id > a.Id {
			a.NextId = o.id
			return nil
		}
	}
	return unix.ENOENT
}

func (d *Device) fdByID(kind string, a *ioctl.IdAttr) (int, error) {
	for _, o := range d.byID(kind) {
		if o.id == a.Id {
			return d.install(o), nil
		}
	}
	return -1, unix.ENOENT
}

func bytesAt(p ioctl.Pointer, n int) []byte {
	if n == 0 || p.IsNil() {
		return nil
	}
	return unsafe.Slice((*byte)(p.Unsafe()), n)
}

func stringAt(p ioctl.Pointer) string {
	if p.IsNil() {
		return ""
	}
	return unix.BytePtrToString((*byte)(p.Unsafe()))
}

var _ ioctl.Device = (*Device)(nil)
