// SPDX-License-Identifier: Apache-2.0

// Package hostverify is a device that verifies programs in user space, with the
// module's own verifier: no module, no root, nothing runs. Objects are opened,
// relocated and loaded through it as through the driver, so what is verified
// is, byte for byte, what the driver would get.
//
// The verifier is C, and runs as a program of its own: see [Find].
package hostverify

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/bpfshim/bpfshim/ioctl"
)

// firstFD keeps descriptors apart from real ones.
const firstFD = 1 << 20

// Device verifies programs. Its methods may be called from any goroutine.
type Device struct {
	// KernelBTF is the kernel's types, for programs that name them; nil: none.
	KernelBTF []byte

	path string

	mu    sync.Mutex
	fds   map[int]*object
	next  int
	last  *Result
	fault error
}

type object struct {
	m    *mapObject
	btf  *btfObject
	prog bool
}

type btfObject struct {
	fd   uint32
	blob []byte
}

type mapObject struct {
	fd     uint32
	attr   ioctl.MapCreateAttr
	btf    *btfObject
	inner  *mapObject
	data   []byte // of arrays of one element: global data
	frozen bool
}

// Result is what the verifier said of a program.
type Result struct {
	// Name as the module would know it, Type, and the instructions as they were
	// loaded.
	Name  string
	Type  ioctl.ProgType
	Insns []byte
	// Errno is 0 when it was accepted; the module would answer the same.
	Errno unix.Errno
	Log   string
	// Length of the program that would run, in instructions.
	Length int
	// Processed instructions, states kept in all, at most at once, and at most
	// at one instruction.
	Processed, TotalStates, PeakStates, MaxStatesPerInsn int
	// StackDepth is that of the deepest function, in bytes.
	StackDepth int
	Time       time.Duration
	// PeakMemory is what the verifier held, in bytes.
	PeakMemory uint64
}

// New makes a device that runs the verifier at that path; "": see Find.
func New(path string) (*Device, error) {
	if path == "" {
		var err error
		if path, err = Find(); err != nil {
			return nil, err
		}
	}
	return &Device{path: path, fds: map[int]*object{}, next: firstFD}, nil
}

// Take returns the result of the last program that was verified, once; nil
// when there was none since.
func (d *Device) Take() *Result {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := d.last
	d.last = nil
	return r
}

// Fault is the first failure of the verifier itself: not an answer, but no
// answer. Calls that met one failed with EIO.
func (d *Device) Fault() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.fault
}

// List writes instructions as the verifier's log has them, one line each.
func (d *Device) List(insns []byte) (string, error) {
	var r request
	r.add(recList, nil, insns)
	a, err := r.run(d.path)
	if err != nil {
		return "", err
	}
	return string(a[0].payload), nil
}

// Kind is that of a device in memory.
func (d *Device) Kind() ioctl.Kind { return ioctl.KindFake }

// Close does nothing: nothing stays open.
func (d *Device) Close() error { return nil }

// CloseFD closes a descriptor.
func (d *Device) CloseFD(fd int) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fds[fd] == nil {
		return unix.EBADF
	}
	delete(d.fds, fd)
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
	return d.install(o), nil
}

// Mmap is refused: nothing here has memory to share.
func (d *Device) Mmap(int, int64, int, int) ([]byte, error) { return nil, unix.ENODEV }

// Munmap is refused as well.
func (d *Device) Munmap([]byte) error { return unix.EINVAL }

// PerfIoctl is refused: there are no events.
func (d *Device) PerfIoctl(int, uint, int) error { return unix.EBADF }

func (d *Device) install(o *object) int {
	fd := d.next
	d.next++
	d.fds[fd] = o
	return fd
}

func (d *Device) mapOf(fd uint32) (*mapObject, error) {
	switch o := d.fds[int(int32(fd))]; {
	case o == nil:
		return nil, unix.EBADF
	case o.m == nil:
		return nil, unix.EINVAL
	default:
		return o.m, nil
	}
}

func (d *Device) btfOf(fd uint32) (*btfObject, error) {
	switch o := d.fds[int(int32(fd))]; {
	case o == nil:
		return nil, unix.EBADF
	case o.btf == nil:
		return nil, unix.EINVAL
	default:
		return o.btf, nil
	}
}

// Bpf makes a call.
func (d *Device) Bpf(cmd ioctl.Cmd, attr unsafe.Pointer, _ uintptr) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch cmd {
	case ioctl.BtfLoad:
		return d.btfLoad((*ioctl.BtfLoadAttr)(attr))
	case ioctl.MapCreate:
		return d.mapCreate((*ioctl.MapCreateAttr)(attr))
	case ioctl.MapUpdateElem:
		return 0, d.mapUpdate((*ioctl.MapElemAttr)(attr))
	case ioctl.MapFreeze:
		m, err := d.mapOf((*ioctl.MapElemAttr)(attr).MapFd)
		if err == nil {
			m.frozen = true
		}
		return 0, err
	case ioctl.ProgLoad:
		return d.progLoad((*ioctl.ProgLoadAttr)(attr))
	}
	return -1, unix.EINVAL
}

// ask runs the verifier; the result is the answer to the last record. Those
// before it were accepted once, and are again.
func (d *Device) ask(r *request) (answer, error) {
	all, err := r.run(d.path)
	if err == nil {
		for i, a := range all[:len(all)-1] {
			if a.errno != 0 {
				err = fmt.Errorf("the verifier now refuses object %d of %d: %w", i, len(all), unix.Errno(a.errno))
			}
		}
	}
	if err != nil {
		if d.fault == nil {
			d.fault = err
		}
		return answer{}, unix.EIO
	}
	return all[len(all)-1], nil
}

func (r *request) addBTF(b *btfObject, level uint32) {
	r.add(recBTF, [2]uint32{b.fd, level}, b.blob)
}

// addMap adds a map and what it is made of.
func (r *request) addMap(m *mapObject, sent map[uint32]bool) {
	if sent[m.fd] {
		return
	}
	sent[m.fd] = true
	fixed := struct {
		FD, Type, Key, Value, Entries, Flags, Inner, BTF, KeyType, ValueType, Frozen uint32
		Name                                                                         [ioctl.ObjNameLen]byte
	}{
		FD: m.fd, Type: m.attr.MapType, Key: m.attr.KeySize, Value: m.attr.ValueSize, Entries: m.attr.MaxEntries,
		Flags: m.attr.MapFlags, KeyType: m.attr.BtfKeyTypeId, ValueType: m.attr.BtfValueTypeId, Name: m.attr.MapName,
	}
	if m.btf != nil {
		if fixed.BTF = m.btf.fd; !sent[m.btf.fd] {
			sent[m.btf.fd] = true
			r.addBTF(m.btf, 0)
		}
	}
	if m.inner != nil {
		r.addMap(m.inner, sent)
		fixed.Inner = m.inner.fd
	}
	if m.frozen {
		fixed.Frozen = 1
	}
	r.add(recMap, fixed, m.data)
}

func (d *Device) btfLoad(a *ioctl.BtfLoadAttr) (int, error) {
	b := &btfObject{fd: uint32(d.next), blob: bytesAt(a.Btf, int(a.BtfSize))}
	var r request
	r.addBTF(b, a.BtfLogLevel)
	got, err := d.ask(&r)
	if err != nil {
		return -1, err
	}
	if full := putLog(a.BtfLogBuf, a.BtfLogSize, got.payload); full {
		return -1, unix.ENOSPC
	}
	if got.errno != 0 {
		return -1, unix.Errno(got.errno)
	}
	return d.install(&object{btf: b}), nil
}

func (d *Device) mapCreate(a *ioctl.MapCreateAttr) (int, error) {
	m := &mapObject{fd: uint32(d.next), attr: *a}
	var err error
	if a.BtfKeyTypeId != 0 || a.BtfValueTypeId != 0 {
		if m.btf, err = d.btfOf(a.BtfFd); err != nil {
			return -1, err
		}
	}
	switch ioctl.MapType(a.MapType) {
	case ioctl.MapTypeArrayOfMaps, ioctl.MapTypeHashOfMaps:
		if m.inner, err = d.mapOf(a.InnerMapFd); err != nil {
			return -1, err
		}
	}
	var r request
	r.addMap(m, map[uint32]bool{})
	got, err := d.ask(&r)
	switch {
	case err != nil:
		return -1, err
	case got.errno != 0:
		return -1, unix.Errno(got.errno)
	}
	if ioctl.MapType(a.MapType) == ioctl.MapTypeArray && a.MaxEntries == 1 {
		m.data = make([]byte, a.ValueSize)
	}
	return d.install(&object{m: m}), nil
}

// mapUpdate keeps global data, which programs may rely upon. Other values
// are none of the verifier's.
func (d *Device) mapUpdate(a *ioctl.MapElemAttr) error {
	m, err := d.mapOf(a.MapFd)
	switch {
	case err != nil:
		return err
	case m.frozen:
		return unix.EPERM
	case m.data != nil:
		copy(m.data, bytesAt(a.Value, len(m.data)))
	}
	return nil
}

func (d *Device) progLoad(a *ioctl.ProgLoadAttr) (int, error) {
	const insnSize, funcSize, lineSize = 8, 8, 16
	var r request
	if d.KernelBTF != nil {
		r.add(recKernelBTF, nil, d.KernelBTF)
	}
	sent := map[uint32]bool{}
	fixed := struct {
		Type, AttachType, Flags, BTF, AttachBTF, LogLevel, LogSize, Len, Funcs, Lines uint32
		License                                                                       [128]byte
	}{
		Type: a.ProgType, AttachType: a.ExpectedAttachType, Flags: a.ProgFlags, AttachBTF: a.AttachBtfId,
		LogLevel: a.LogLevel, LogSize: a.LogSize, Len: a.InsnCnt, Funcs: a.FuncInfoCnt, Lines: a.LineInfoCnt,
	}
	if !a.License.IsNil() {
		license := unix.BytePtrToString((*byte)(a.License.Unsafe()))
		copy(fixed.License[:len(fixed.License)-1], license)
	}
	if a.FuncInfoCnt != 0 || a.LineInfoCnt != 0 {
		b, err := d.btfOf(a.ProgBtfFd)
		if err != nil {
			return -1, err
		}
		fixed.BTF = b.fd
		sent[b.fd] = true
		r.addBTF(b, 0)
	}
	for _, fd := range slices.Sorted(maps.Keys(d.fds)) {
		if m := d.fds[fd].m; m != nil {
			// Under this number, which a duplicate's is not.
			dup := *m
			dup.fd = uint32(fd)
			r.addMap(&dup, sent)
		}
	}
	insns := bytesAt(a.Insns, int(a.InsnCnt)*insnSize)
	r.add(recProg, fixed, insns,
		records(a.FuncInfo, a.FuncInfoCnt, a.FuncInfoRecSize, funcSize),
		records(a.LineInfo, a.LineInfoCnt, a.LineInfoRecSize, lineSize))
	got, err := d.ask(&r)
	if err != nil {
		return -1, err
	}
	var fig struct {
		Len, Processed, Total, Peak, MaxPerInsn, Stack uint32
		Time, Mem                                      uint64
	}
	n, err := binary.Decode(got.payload, binary.NativeEndian, &fig)
	if err != nil {
		return -1, unix.EIO
	}
	log := got.payload[n:]
	putLog(a.LogBuf, a.LogSize, log)
	d.last = &Result{
		Name: ioctl.NameString(a.ProgName[:]), Type: ioctl.ProgType(a.ProgType), Insns: insns,
		Errno: unix.Errno(got.errno), Log: string(log), Length: int(fig.Len), Processed: int(fig.Processed),
		TotalStates: int(fig.Total), PeakStates: int(fig.Peak), MaxStatesPerInsn: int(fig.MaxPerInsn),
		StackDepth: int(fig.Stack), Time: time.Duration(fig.Time), PeakMemory: fig.Mem,
	}
	if got.errno != 0 {
		return -1, unix.Errno(got.errno)
	}
	return d.install(&object{prog: true}), nil
}

// putLog gives the caller the log; true: not all of it.
func putLog(to ioctl.Pointer, size uint32, log []byte) bool {
	if to.IsNil() || size == 0 {
		return false
	}
	buf := unsafe.Slice((*byte)(to.Unsafe()), size)
	n := copy(buf[:len(buf)-1], log)
	buf[n] = 0
	return n < len(log)
}

// records makes records of the size that the verifier knows.
func records(p ioctl.Pointer, n, have, want uint32) []byte {
	from := bytesAt(p, int(n*have))
	out := make([]byte, 0, n*want)
	for i := range n {
		rec := make([]byte, want)
		copy(rec, from[i*have:(i+1)*have])
		out = append(out, rec...)
	}
	return out
}

func bytesAt(p ioctl.Pointer, n int) []byte {
	if p.IsNil() || n == 0 {
		return nil
	}
	return bytes.Clone(unsafe.Slice((*byte)(p.Unsafe()), n))
}

var _ ioctl.Device = (*Device)(nil)
