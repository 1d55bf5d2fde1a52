// SPDX-License-Identifier: Apache-2.0

package perf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/bpfshim/bpfshim/ioctl"
)

// ring is the buffer of one CPU's output event, mapped as perf lays it out:
// a control page, then data.
type ring struct {
	dev  ioctl.Device
	fd   int
	cpu  int
	mem  []byte
	meta *unix.PerfEventMmapPage
	data []byte // a power of two
	head uint64 // how far the kernel wrote, when last looked
	tail uint64 // how far we have read
}

func newRing(dev ioctl.Device, cpu, pages int, opts ReaderOptions) (*ring, error) {
	page := unix.Getpagesize()
	attr := &ioctl.ExtOutputOpenAttr{
		Cpu: uint32(cpu), Flags: ioctl.OutputCloexec, SampleType: unix.PERF_SAMPLE_RAW,
		Wakeup: uint32(max(opts.WakeupEvents, 1)),
	}
	if opts.Watermark > 0 {
		attr.Flags |= ioctl.OutputWatermark
		attr.Wakeup = uint32(opts.Watermark)
	}
	fd, err := ioctl.Do(dev, ioctl.ExtOutputOpen, attr)
	if err != nil {
		return nil, fmt.Errorf("open an output event of CPU %d: %w", cpu, err)
	}
	mem, err := dev.Mmap(fd, 0, (1+pages)*page, unix.PROT_READ|unix.PROT_WRITE)
	if err != nil {
		dev.CloseFD(fd)
		return nil, fmt.Errorf("map the buffer of CPU %d (%d pages): %w", cpu, pages, err)
	}
	r := &ring{dev: dev, fd: fd, cpu: cpu, mem: mem, meta: (*unix.PerfEventMmapPage)(unsafe.Pointer(unsafe.SliceData(mem)))}
	// Kernels before 4.1 leave these zero.
	offset, size := r.meta.Data_offset, r.meta.Data_size
	if size == 0 {
		offset, size = uint64(page), uint64(pages*page)
	}
	if size&(size-1) != 0 || offset > uint64(len(mem)) || size > uint64(len(mem))-offset {
		r.close()
		return nil, fmt.Errorf("the buffer of CPU %d lies at %d+%d of %d bytes", cpu, offset, size, len(mem))
	}
	r.data = mem[offset:][:size]
	r.tail = r.meta.Data_tail
	r.head = r.tail
	return r, nil
}

func (r *ring) close() error {
	err := r.dev.Munmap(r.mem)
	r.mem, r.meta, r.data = nil, nil, nil
	return errors.Join(err, r.dev.CloseFD(r.fd))
}

// look reads how far the kernel has written.
func (r *ring) look() { r.head = atomic.LoadUint64(&r.meta.Data_head) }

// release gives what was read back to the kernel.
func (r *ring) release() { atomic.StoreUint64(&r.meta.Data_tail, r.tail) }

// copyOut copies len(to) bytes from a position on, around the end.
func (r *ring) copyOut(to []byte, pos uint64) {
	at := pos & uint64(len(r.data)-1)
	n := copy(to, r.data[at:])
	copy(to[n:], r.data)
}

func (r *ring) u32(pos uint64) uint32 {
	var b [4]byte
	r.copyOut(b[:], pos)
	return binary.NativeEndian.Uint32(b[:])
}

func (r *ring) u64(pos uint64) uint64 {
	var b [8]byte
	r.copyOut(b[:], pos)
	return binary.NativeEndian.Uint64(b[:])
}

var errTorn = errors.New("a torn record")

const (
	headerSize   = 8
	recordLost   = unix.PERF_RECORD_LOST
	recordSample = unix.PERF_RECORD_SAMPLE
)

// read takes the next record, and is false when there is none. Records of
// other kinds than samples and losses come out as unknownEventError.
func (r *ring) read(rec *Record) (bool, error) {
	if r.head == r.tail {
		r.look()
		if r.head == r.tail {
			return false, nil
		}
	}
	left := r.head - r.tail
	typ := r.u32(r.tail)
	size := uint64(r.u32(r.tail+4) >> 16)
	if left < headerSize || size < headerSize || size > left || left > uint64(len(r.data)) {
		// Nothing that follows can be trusted either.
		r.tail = r.head
		r.release()
		return false, fmt.Errorf("CPU %d: %w: %d of %d bytes", r.cpu, errTorn, size, left)
	}
	body, end := r.tail+headerSize, r.tail+size
	rec.CPU = r.cpu
	rec.LostSamples = 0
	rec.RawSample = rec.RawSample[:0]
	var err error
	switch typ {
	case recordLost: // u64 id, u64 lost
		if end-body < 16 {
			err = fmt.Errorf("CPU %d: %w", r.cpu, errTorn)
			break
		}
		rec.LostSamples = r.u64(body + 8)
	case recordSample: // u32 size, then the data
		n := uint64(r.u32(body))
		if end-body < 4 || n > end-body-4 {
			err = fmt.Errorf("CPU %d: %w", r.cpu, errTorn)
			break
		}
		if uint64(cap(rec.RawSample)) < n {
			rec.RawSample = make([]byte, n)
		}
		rec.RawSample = rec.RawSample[:n]
		r.copyOut(rec.RawSample, body+4)
	default:
		err = &unknownEventError{typ}
	}
	r.tail = end
	r.release()
	rec.Remaining = int(r.head - r.tail)
	return err == nil, err
}
