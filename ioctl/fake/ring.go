// SPDX-License-Identifier: Apache-2.0

package fake

import (
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ring is a ring buffer map's memory: the consumer's page, the producer's and
// the data in one memfd, and an eventfd, whose duplicates are the map's
// descriptors, that is readable while something is unread.
type ring struct {
	event, memfd int
	size         int
	mem          []byte // the pages, data once
	mapped       [][]byte
	done         chan struct{}
	ended        sync.WaitGroup // of settle
}

func newRing(size int) (*ring, error) {
	page := unix.Getpagesize()
	if size%page != 0 || size&(size-1) != 0 {
		return nil, unix.EINVAL
	}
	event, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, err
	}
	memfd, err := unix.MemfdCreate("ring", unix.MFD_CLOEXEC)
	if err != nil {
		unix.Close(event)
		return nil, err
	}
	g := &ring{event: event, memfd: memfd, size: size, done: make(chan struct{})}
	if err = unix.Ftruncate(memfd, int64(2*page+size)); err == nil {
		g.mem, err = unix.Mmap(memfd, 0, 2*page+size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	}
	if err != nil {
		unix.Close(event)
		unix.Close(memfd)
		return nil, err
	}
	g.ended.Add(1)
	go g.settle()
	return g, nil
}

func (g *ring) consumer() *uint64 { return (*uint64)(unsafe.Pointer(&g.mem[0])) }

func (g *ring) producer() *uint64 { return (*uint64)(unsafe.Pointer(&g.mem[unix.Getpagesize()])) }

// map1 maps what the kernel would: the consumer's page, or all the rest.
func (g *ring) map1(offset int64, length, prot int) ([]byte, error) {
	page := unix.Getpagesize()
	if prot&unix.PROT_WRITE != 0 && (offset != 0 || length != page) {
		return nil, unix.EPERM
	}
	if offset == 0 && length == page {
		b, err := unix.Mmap(g.memfd, 0, page, prot, unix.MAP_SHARED)
		if err == nil {
			g.mapped = append(g.mapped, b)
		}
		return b, err
	}
	if offset != int64(page) || length != page+2*g.size {
		return nil, unix.EINVAL
	}
	b, err := unix.Mmap(-1, 0, length, unix.PROT_NONE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil, err
	}
	first := unsafe.Pointer(unsafe.SliceData(b))
	_, err = unix.MmapPtr(g.memfd, offset, first, uintptr(page+g.size), prot, unix.MAP_SHARED|unix.MAP_FIXED)
	if err == nil {
		_, err = unix.MmapPtr(g.memfd, int64(2*page), unsafe.Add(first, page+g.size), uintptr(g.size), prot, unix.MAP_SHARED|unix.MAP_FIXED)
	}
	if err != nil {
		unix.Munmap(b)
		return nil, err
	}
	g.mapped = append(g.mapped, b)
	return b, nil
}

// unmap undoes map1; false: it was not made here.
func (g *ring) unmap(b []byte) bool {
	for i, m := range g.mapped {
		if unsafe.SliceData(m) == unsafe.SliceData(b) {
			g.mapped = append(g.mapped[:i], g.mapped[i+1:]...)
			unix.Munmap(m)
			return true
		}
	}
	return false
}

// write appends a record as bpf_ringbuf_output would; one that is skipped is
// what bpf_ringbuf_discard leaves.
func (g *ring) write(sample []byte, skip bool) error {
	const discard = 1 << 30
	head, tail := *g.producer(), atomic.LoadUint64(g.consumer())
	room := uint64(8+len(sample)+7) &^ 7
	if head-tail+room > uint64(g.size-1) {
		return unix.EAGAIN
	}
	data := g.mem[2*unix.Getpagesize():]
	at := func(i uint64) *byte { return &data[(head+i)&uint64(g.size-1)] }
	for i, b := range sample {
		*at(8 + uint64(i)) = b
	}
	n := uint32(len(sample))
	if skip {
		n |= discard
	}
	atomic.StoreUint32((*uint32)(unsafe.Pointer(at(0))), n)
	atomic.StoreUint64(g.producer(), head+room)
	one := [8]byte{1}
	unix.Write(g.event, one[:])
	return nil
}

// settle makes the eventfd unreadable once all was read, as the map is.
func (g *ring) settle() {
	defer g.ended.Done()
	for {
		select {
		case <-g.done:
			return
		case <-time.After(time.Millisecond):
		}
		if atomic.LoadUint64(g.consumer()) != atomic.LoadUint64(g.producer()) {
			continue
		}
		var b [8]byte
		unix.Read(g.event, b[:])
		// A record between the two looks has its wakeup again.
		if atomic.LoadUint64(g.consumer()) != atomic.LoadUint64(g.producer()) {
			b = [8]byte{1}
			unix.Write(g.event, b[:])
		}
	}
}

// close ends it with its last descriptor; what is mapped stays.
func (g *ring) close() {
	close(g.done)
	g.ended.Wait()
	unix.Munmap(g.mem)
	unix.Close(g.event)
	unix.Close(g.memfd)
}

// EmitSkipped leaves a record that was reserved in a ring buffer and discarded.
func (d *Device) EmitSkipped(mapName string, sample []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	m := d.mapNamed(mapName)
	if m == nil || m.ring == nil {
		return unix.ENOENT
	}
	return m.ring.write(sample, true)
}
