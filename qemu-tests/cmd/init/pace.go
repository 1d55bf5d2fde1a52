// SPDX-License-Identifier: Apache-2.0

package main

import (
	"hash/crc32"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// pace measures how fast the guest is, all along: the machine below it may be
// slower than the one that the deadlines were made on, have other work, or
// boot a kernel full of checks. Deadlines count in its time, which passes
// slower the slower the guest is.
type pace struct {
	mu   sync.Mutex
	slow float64       // how many times slower than the reference, at least 1
	at   time.Time     // of the last measurement
	done time.Duration // of pace's time, until then
}

const (
	// reference is what work takes where the deadlines were made: el7-514
	// under emulation on an idle machine.
	reference = 1500 * time.Microsecond
	// maxSlow bounds a deadline: a guest that hangs is found in any case.
	maxSlow = 10
	// workRuns of which the fastest counts: what the guest's own processes
	// took from the others is no speed.
	workRuns = 3
)

func newPace() *pace {
	p := &pace{slow: 1, at: time.Now()}
	p.measure()
	return p
}

// measure returns how slow the guest is now.
func (p *pace) measure() float64 {
	best := time.Duration(1 << 62)
	for i := 0; i < workRuns; i++ {
		start := time.Now()
		work()
		best = min(best, time.Since(start))
	}
	slow := min(max(float64(best)/float64(reference), 1), maxSlow)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.advance(time.Now())
	p.slow = slow
	return slow
}

// advance is called with the lock held.
func (p *pace) advance(now time.Time) {
	p.done += time.Duration(float64(now.Sub(p.at)) / p.slow)
	p.at = now
}

// elapsed is pace's time since the start.
func (p *pace) elapsed() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.advance(time.Now())
	return p.done
}

func (p *pace) factor() float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.slow
}

// stretch is how long d may take in a guest as slow as this one.
func (p *pace) stretch(d time.Duration) time.Duration {
	return time.Duration(float64(d) * p.factor())
}

var (
	block [64 << 10]byte
	table = crc32.MakeTable(crc32.Koopman) // one that no CPU has an instruction for
	sink  uint32
)

// work is computing, and some of the kernel's doing. Not much: a kernel that
// checks itself is slow in allocations above all, of which programs make few.
func work() {
	sink += crc32.Checksum(block[:], table)
	for i := 0; i < 2; i++ {
		if fd, err := unix.Open("/", unix.O_PATH|unix.O_CLOEXEC, 0); err == nil {
			unix.Close(fd)
		}
	}
}
