// SPDX-License-Identifier: Apache-2.0

package verdict

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"runtime"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bpfshim/bpfshim/qemu-tests/guest"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) { guest.Main(m) }

var types = []uint32{progKprobe, raw.Tracepoint, raw.PerfEvent, raw.RawTracepoint, raw.SocketFilter, progCls, progXDP, progCgroupSkb}

// side is one of the two verifiers, with what its calls need kept at hand.
type side struct {
	*raw.Target
	maps [numMaps]int
	attr *raw.Attr
	code []byte
	log  []byte
	gpl  uint64
}

func newSide(t *testing.T, tgt *raw.Target) *side {
	s := &side{Target: tgt, attr: raw.NewAttr(), code: raw.Alloc(1 << 16), log: raw.Alloc(1 << 22), gpl: raw.CStr("GPL")}
	for i, a := range []*raw.Attr{
		mArray: raw.Map(raw.Array, 4, uint32(valueSize[mArray]), 4, 0), mHash: raw.Map(raw.Hash, 8, uint32(valueSize[mHash]), 4, 0),
		mPerCPU: raw.Map(raw.PerCPUArray, 4, uint32(valueSize[mPerCPU]), 4, 0), mRing: raw.Map(raw.Ringbuf, 0, 0, 4096, 0),
		mProgs: raw.Map(raw.ProgArray, 4, 4, 4, 0), mPerf: raw.Map(raw.PerfArray, 4, 4, 4, 0),
	} {
		fd, errno := tgt.Do(raw.MapCreate, a)
		if errno != 0 {
			t.Fatalf("%s: map %d: %s", tgt.Name, i, raw.ErrName(errno))
		}
		s.maps[i] = fd
	}
	// One program type a prog array: each type needs its own.
	return s
}

// progArray renews the array of programs, which takes on the type of the first
// program that uses it.
func (s *side) progArray(t *testing.T) {
	unix.Close(s.maps[mProgs])
	fd, errno := s.Do(raw.MapCreate, raw.Map(raw.ProgArray, 4, 4, 4, 0))
	if errno != 0 {
		t.Fatal(raw.ErrName(errno))
	}
	s.maps[mProgs] = fd
}

// tooSlow: loops whose every turn differs take 6.1's verifier longer the more
// turns there were, to hours. It gives up on a signal, and so do we then.
const tooSlow = 20 * time.Second

// errSlow stands for a verdict that was not waited for.
const errSlow = unix.ETIME

// load returns the verdict: 0 or an errno.
func (s *side) load(typ uint32, p []raw.Insn, level uint32) unix.Errno {
	b := s.code[:0]
	for i, in := range p {
		if in.Code == 0x18 && in.Src == 1 && i+1 < len(p) && int(in.Imm) < numMaps && in.Imm >= 0 {
			in.Imm = int32(s.maps[in.Imm])
		}
		b = append(b, in.Code, in.Dst|in.Src<<4)
		b = binary.NativeEndian.AppendUint16(b, uint16(in.Off))
		b = binary.NativeEndian.AppendUint32(b, uint32(in.Imm))
	}
	a := s.attr.U32(0, typ).U32(4, uint32(len(p))).U64(8, raw.Addr(s.code)).U64(16, s.gpl).U32(24, level)
	if level != 0 {
		a.U32(28, uint32(len(s.log))).U64(32, raw.Addr(s.log))
	} else {
		a.U32(28, 0).U64(32, 0)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var slow atomic.Bool
	tid := unix.Gettid()
	timer := time.AfterFunc(tooSlow, func() {
		slow.Store(true)
		fmt.Printf("%s: still verifying after %s (type %d)\n", s.Name, tooSlow, typ)
		_ = unix.Tgkill(unix.Getpid(), tid, unix.SIGURG)
	})
	defer timer.Stop()
	fd, errno := s.Do(raw.ProgLoad, a)
	for errno == unix.EAGAIN || errno == unix.EINTR { // one of Go's own signals
		if slow.Load() {
			return errSlow
		}
		fd, errno = s.Do(raw.ProgLoad, a)
	}
	if errno == 0 {
		unix.Close(fd)
	}
	return errno
}

func (s *side) lastLog(typ uint32, p []raw.Insn) string {
	s.log[0] = 0
	s.load(typ, p, 2)
	return unix.ByteSliceToString(s.log)
}

var numbers = regexp.MustCompile(`-?(0x)?[0-9a-f]*[0-9][0-9a-f]*`)

// reason is the line in which a verifier says why not.
func reason(log string) string {
	lines := strings.Split(strings.TrimSpace(log), "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		l := lines[i]
		if l == "" || strings.HasPrefix(l, "processed ") || strings.HasPrefix(l, "verification time") || strings.HasPrefix(l, "stack depth") {
			continue
		}
		return numbers.ReplaceAllString(l, "N")
	}
	return "?"
}

func dump(p []raw.Insn) string {
	var b strings.Builder
	for i, in := range p {
		fmt.Fprintf(&b, "%3d: {0x%02x, r%d, r%d, %d, %d}\n", i, in.Code, in.Dst, in.Src, in.Off, in.Imm)
	}
	return b.String()
}

// tally counts what became of programs.
type tally struct {
	both, neither, otherErrno, stricter, looser int
	why                                         map[string]int

	// Early 6.1.y refuses what later ones allow root, as the driver does: a
	// helper that reads stack nobody wrote.
	noUninit bool
	uninit   int

	slow int // for 6.1's verifier, and not counted
}

func count() int {
	if n, err := strconv.Atoi(os.Getenv("BPFSHIM_PROGRAMS")); err == nil {
		return n
	}
	if guest.Quick() {
		return 3000
	}
	return 100000
}

// TestRandomPrograms holds the driver's verdict against the kernel's own.
func TestRandomPrograms(t *testing.T) {
	if !guest.HasOracle() {
		t.Skip("the kernel's own verifier is not 6.1's")
	}
	dev, err := raw.Open()
	if err != nil {
		t.Fatal(err)
	}
	native, driver := newSide(t, raw.Native()), newSide(t, dev)
	seed := uint64(1)
	if s, err := strconv.ParseUint(os.Getenv("BPFSHIM_SEED"), 10, 64); err == nil {
		seed = s
	}
	n, start := count(), time.Now()
	c := tally{why: map[string]int{}, noUninit: native.load(raw.SocketFilter, uninitRead, 0) != 0}
	if errno := driver.load(raw.SocketFilter, uninitRead, 0); errno != 0 {
		t.Errorf("a helper that reads stack nobody wrote: %s", raw.ErrName(errno))
	}
	for i := 0; c.total() < n; i++ {
		typ := types[i%len(types)]
		g := &gen{Rand: rand.New(rand.NewPCG(seed, uint64(i))), typ: typ}
		p := g.program()
		native.progArray(t)
		driver.progArray(t)
		ok := c.ask(t, native, driver, typ, p)
		for range 3 {
			if !ok && g.one(2) {
				break
			}
			c.ask(t, native, driver, typ, g.mutate(p))
		}
	}
	t.Logf("%d programs in %s, seed %d: %d accepted by both, %d by neither (%d with another errno), %d by 6.1 only, %d by the driver only",
		c.total(), time.Since(start).Round(time.Second), seed, c.both, c.neither, c.otherErrno, c.stricter, c.looser)
	if c.slow > 0 {
		t.Logf("and %d that 6.1's verifier was too slow on", c.slow)
	}
	if c.noUninit {
		t.Logf("this 6.1.y also refuses what later ones allow root: %d programs that read stack nobody wrote", c.uninit)
	}
	var keys []string
	for k := range c.why {
		keys = append(keys, k)
	}
	sort.Slice(keys, func(a, b int) bool { return c.why[keys[a]] > c.why[keys[b]] })
	for _, k := range keys[:min(len(keys), 25)] {
		t.Logf("stricter %6d  %s", c.why[k], k)
	}
	if c.both < c.total()/8 || c.neither < c.total()/8 {
		t.Errorf("the generator is lopsided")
	}
}

func (c *tally) total() int { return c.both + c.neither + c.stricter + c.looser + c.uninit }

// uninitRead looks up a key in stack that nobody wrote.
var uninitRead = []raw.Insn{
	{Code: 0x18, Dst: 1, Src: 1, Imm: mHash}, {},
	{Code: 0xbf, Dst: 2, Src: 10},
	{Code: 0x07, Dst: 2, Imm: -8},
	{Code: 0x85, Imm: 1},
	{Code: 0xb7},
	{Code: 0x95},
}

var uninitRefused = regexp.MustCompile(`^invalid (indirect )?read from stack `)

func (c *tally) ask(t *testing.T, native, driver *side, typ uint32, p []raw.Insn) bool {
	a := native.load(typ, p, 0)
	if a == errSlow {
		c.slow++
		return false
	}
	b := driver.load(typ, p, 0)
	switch {
	case a == 0 && b == 0:
		c.both++
	case a != 0 && b != 0:
		c.neither++
		if a != b {
			c.otherErrno++
			if c.otherErrno <= 5 {
				t.Logf("errno %s, driver %s (type %d)\nnative: %s\ndriver: %s", raw.ErrName(a), raw.ErrName(b), typ,
					reason(native.lastLog(typ, p)), reason(driver.lastLog(typ, p)))
			}
		}
	case a == 0:
		c.stricter++
		why := reason(driver.lastLog(typ, p))
		c.why[why]++
		if c.why[why] == 1 {
			q := shrink(native, driver, typ, p, false)
			t.Logf("STRICTER (type %d) %s\n%snative:\n%s\ndriver:\n%s", typ, why, dump(q), tail(native.lastLog(typ, q), 40), tail(driver.lastLog(typ, q), 40))
		}
	case c.noUninit && uninitRefused.MatchString(reason(native.lastLog(typ, p))):
		c.uninit++
	default:
		c.looser++
		q := shrink(native, driver, typ, p, true)
		t.Errorf("LOOSER (type %d), 6.1 says %s: %s\n%s", typ, raw.ErrName(native.load(typ, q, 0)), reason(native.lastLog(typ, q)), dump(q))
		t.Logf("native:\n%s\ndriver:\n%s", tail(native.lastLog(typ, q), 60), tail(driver.lastLog(typ, q), 60))
	}
	return a == 0
}

// shrink blanks instructions while the two still disagree the same way.
func shrink(native, driver *side, typ uint32, p []raw.Insn, looser bool) []raw.Insn {
	p = slices.Clone(p)
	for range 2 {
		for i := range p {
			old := p[i]
			if old.Code == 0x18 || old.Code == 0 || old == (raw.Insn{Code: 0x05}) {
				continue
			}
			p[i] = raw.Insn{Code: 0x05}
			if (native.load(typ, p, 0) == 0) == looser || (driver.load(typ, p, 0) == 0) != looser {
				p[i] = old
			}
		}
	}
	return p
}

func tail(s string, lines int) string {
	l := strings.Split(s, "\n")
	return strings.Join(l[max(0, len(l)-lines):], "\n")
}
