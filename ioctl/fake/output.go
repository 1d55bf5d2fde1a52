// SPDX-License-Identifier: Apache-2.0

package fake

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/bpfshim/bpfshim/ioctl"
)

// output is an output event: memory laid out as perf's, and an eventfd that
// is readable while something is unread.
type output struct {
	cpu   uint32
	event int
	mem   []byte
	lost  uint64
	done  chan struct{}
	ended sync.WaitGroup // of settle
}

func (d *Device) outputOpen(a *ioctl.ExtOutputOpenAttr) (int, error) {
	if int(a.Cpu) >= d.cpus {
		return -1, unix.ENODEV
	}
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return -1, err
	}
	return d.install(&object{kind: "output", out: &output{cpu: a.Cpu, event: fd, done: make(chan struct{})}}), nil
}

func (o *output) meta() *unix.PerfEventMmapPage {
	return (*unix.PerfEventMmapPage)(unsafe.Pointer(unsafe.SliceData(o.mem)))
}

func (o *output) data() []byte { return o.mem[unix.Getpagesize():] }

func (o *output) close() error {
	close(o.done)
	o.ended.Wait()
	return unix.Close(o.event)
}

// Mmap maps an output event or a ring buffer.
func (d *Device) Mmap(fd int, offset int64, length, prot int) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if o := d.fds[fd]; o != nil && o.m != nil && o.m.ring != nil {
		return o.m.ring.map1(offset, length, prot)
	}
	o, err := d.get(uint32(fd), "output")
	if err != nil {
		return nil, err
	}
	n := length - unix.Getpagesize()
	if offset != 0 || n <= 0 || n&(n-1) != 0 {
		return nil, unix.EINVAL
	}
	if o.out.mem, err = unix.Mmap(-1, 0, length, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE); err != nil {
		return nil, err
	}
	o.out.ended.Add(1)
	go o.out.settle(o.out.mem)
	return o.out.mem, nil
}

// Munmap undoes Mmap.
func (d *Device) Munmap(b []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, o := range d.fds {
		if o.out != nil && len(o.out.mem) > 0 && &o.out.mem[0] == &b[0] {
			o.out.mem = nil // memory that readers may still look at stays
			return nil
		}
		if o.m != nil && o.m.ring != nil && o.m.ring.unmap(b) {
			return nil
		}
	}
	return unix.EINVAL
}

// settle makes the eventfd unreadable once all was read, as a perf event is.
func (o *output) settle(mem []byte) {
	defer o.ended.Done()
	meta := (*unix.PerfEventMmapPage)(unsafe.Pointer(unsafe.SliceData(mem)))
	for {
		select {
		case <-o.done:
			return
		case <-time.After(time.Millisecond):
		}
		if atomic.LoadUint64(&meta.Data_tail) == atomic.LoadUint64(&meta.Data_head) {
			var b [8]byte
			unix.Read(o.event, b[:])
		}
	}
}

// find is the output that programs on a CPU would write to through a map.
func (d *Device) find(mapName string, cpu int) (*output, error) {
	m := d.mapNamed(mapName)
	if m == nil {
		return nil, fmt.Errorf("no live map %s", mapName)
	}
	id := m.values[string(binary.NativeEndian.AppendUint32(nil, uint32(cpu)))]
	if id == nil {
		return nil, unix.ENOENT
	}
	for _, o := range d.byID("output") {
		if o.id == binary.NativeEndian.Uint32(id) && o.out.mem != nil {
			return o.out, nil
		}
	}
	return nil, errors.New("the output is closed, or not mapped")
}

// Emit writes a sample as bpf_perf_event_output would on that CPU. A full
// buffer is unix.ENOSPC, and counted for the next LOST record. Into a ring
// buffer it writes as bpf_ringbuf_output would; full, that is unix.EAGAIN.
func (d *Device) Emit(mapName string, cpu int, sample []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if m := d.mapNamed(mapName); m != nil && m.ring != nil {
		return m.ring.write(sample, false)
	}
	o, err := d.find(mapName, cpu)
	if err != nil {
		return err
	}
	if o.lost > 0 {
		rec := binary.NativeEndian.AppendUint64(make([]byte, 8), o.lost)
		if !o.write(unix.PERF_RECORD_LOST, rec) {
			o.lost++
			return unix.ENOSPC
		}
		o.lost = 0
	}
	// Size and data together are a multiple of 8 bytes.
	padded := (4+len(sample)+7)&^7 - 4
	body := binary.NativeEndian.AppendUint32(nil, uint32(padded))
	body = append(body, sample...)
	body = append(body, make([]byte, padded-len(sample))...)
	if !o.write(unix.PERF_RECORD_SAMPLE, body) {
		o.lost++
		return unix.ENOSPC
	}
	return nil
}

// write appends a record; false: it does not fit.
func (o *output) write(typ uint32, body []byte) bool {
	meta, data := o.meta(), o.data()
	head, tail := meta.Data_head, atomic.LoadUint64(&meta.Data_tail)
	rec := binary.NativeEndian.AppendUint32(nil, typ)
	rec = binary.NativeEndian.AppendUint16(rec, 0)
	rec = binary.NativeEndian.AppendUint16(rec, uint16(8+len(body)))
	rec = append(rec, body...)
	if head-tail+uint64(len(rec)) > uint64(len(data)) {
		return false
	}
	for i, b := range rec {
		data[(head+uint64(i))&uint64(len(data)-1)] = b
	}
	atomic.StoreUint64(&meta.Data_head, head+uint64(len(rec)))
	one := [8]byte{1}
	unix.Write(o.event, one[:])
	return true
}
