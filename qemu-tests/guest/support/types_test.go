// SPDX-License-Identifier: Apache-2.0

package support

import (
	"strings"
	"testing"

	"github.com/bpfshim/bpfshim/ioctl"
	reasons "github.com/bpfshim/bpfshim/loader/support"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"github.com/bpfshim/bpfshim/qemu-tests/support"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// tried is how a program type's programs with a call were answered.
type tried struct {
	answer string // "ok", "" when there is no such helper, else an errno
	log    string
}

// tryCall loads a program of the type that calls the helper, for each target
// and by each prototype, until one is accepted.
func (m *machine) tryCall(t *testing.T, h ioctl.Prototype, e ioctl.Enumerator) tried {
	t.Helper()
	protos := []ioctl.Prototype{h}
	for _, v := range ioctl.PrototypeVariants() {
		if v.ID == h.ID {
			protos = append(protos, v)
		}
	}
	var best tried
	for _, tg := range targetsOf(e.Name, e.Value) {
		if !m.knows(t, tg, h) {
			continue
		}
		for i, p := range protos {
			fd, errno := m.load(t, tg, m.call(t, p, e.Name, tg))
			if errno == 0 {
				unix.Close(fd)
				return tried{answer: support.OK}
			}
			log := m.said()
			if best.answer == "" || i > 0 && strings.Contains(best.log, "type=ctx expected") {
				best = tried{errName(errno), log}
			}
		}
	}
	return best
}

// verdict is the end of a verifier's log.
func verdict(log string) string {
	lines := strings.Split(strings.TrimSpace(log), "\n")
	return strings.Join(lines[max(0, len(lines)-4):], "\n")
}

// knows reports whether there is such a helper for such programs at all.
func (m *machine) knows(t *testing.T, tg target, h ioctl.Prototype) bool {
	fd, errno := m.load(t, tg, is{asm.BuiltinFunc(h.ID).Call(), asm.Mov.Imm(asm.R0, 0), asm.Return()})
	if errno == 0 {
		unix.Close(fd)
		return true
	}
	if noSuchHelper(m.said(), h.Name) && errno != unix.EINVAL {
		t.Errorf("%s: %s is unknown, with %s", m.Name, h.Name, errName(errno))
	}
	return errno != unix.ENOENT && m.said() != "" && !noSuchHelper(m.said(), h.Name)
}

// loadable are the program types that the machine loads at all.
func (m *machine) loadable(t *testing.T) map[string]bool {
	t.Helper()
	can := map[string]bool{}
	for _, e := range progTypes() {
		for _, tg := range targetsOf(e.Name, e.Value) {
			if fd, errno := m.load(t, tg, return0); errno == 0 {
				unix.Close(fd)
				can[e.Name] = true
			}
		}
	}
	return can
}

// TestHelperTypes loads, for each helper and program type, a program that calls
// the one in the other.
func TestHelperTypes(t *testing.T) {
	drv, native := machines(t)
	can := drv.loadable(t)
	var nativeCan map[string]bool
	if native != nil {
		nativeCan = native.loadable(t)
	}
	for _, h := range ioctl.Prototypes() {
		row := support.Row{Kind: reasons.Helper, Name: h.Name, Driver: map[string]string{}}
		if native != nil {
			row.Native = map[string]string{}
		}
		for _, e := range progTypes() {
			var n, d tried
			if nativeCan[e.Name] {
				n = native.tryCall(t, h, e)
			}
			if n.answer == support.OK {
				row.Native[e.Name] = n.answer
			}
			if !can[e.Name] {
				continue
			}
			if d = drv.tryCall(t, h, e); d.answer != "" {
				row.Driver[e.Name] = d.answer
			}
			switch {
			case n.answer == support.OK && d.answer == "":
				refused(t, reasons.Helper, h.Name, e.Name, unix.EINVAL)
			case n.answer == support.OK && d.answer != support.OK:
				t.Logf("%s in %s: %s\n%s", h.Name, e.Name, d.answer, verdict(d.log))
				refused(t, reasons.Helper, h.Name, e.Name, errnoOf(d.answer))
			case d.answer == support.OK && n.answer != support.OK && nativeCan[e.Name]:
				t.Errorf("%s in %s: natively %s\n%s", h.Name, e.Name, n.answer, verdict(n.log))
			case d.answer != "" && d.answer != n.answer && nativeCan[e.Name]:
				t.Logf("%s in %s: %s, natively %s\n%s\n%s", h.Name, e.Name, d.answer, n.answer, verdict(d.log), verdict(n.log))
			}
		}
		record(row)
	}
}

// TestHelperMaps gives each map type to each helper that takes a map.
func TestHelperMaps(t *testing.T) {
	drv, native := machines(t)
	types := []target{{typ: 3}, {typ: raw.RawTracepoint}}
	try := func(m *machine, name string, h ioctl.Prototype) tried {
		var got tried
		for _, tg := range types {
			if !m.knows(t, tg, h) {
				continue
			}
			old, had := mapOf[h.Name]
			mapOf[h.Name] = name
			code := m.call(t, h, "sched_cls", tg)
			if mapOf[h.Name] = old; !had {
				delete(mapOf, h.Name)
			}
			fd, errno := m.load(t, tg, code)
			if errno == 0 {
				unix.Close(fd)
				return tried{answer: support.OK}
			}
			got = tried{errName(errno), m.said()}
		}
		return got
	}
	for _, e := range mapTypes() {
		if drv.mapFor(t, e.Name) == 0 {
			continue
		}
		row := support.Row{Kind: "takes", Name: e.Name, Driver: map[string]string{}}
		if native != nil {
			row.Native = map[string]string{}
		}
		for _, h := range ioctl.Prototypes() {
			if h.Args[0] != "MAP" && h.Args[1] != "MAP" || h.Name == "timer_init" {
				continue
			}
			d := try(drv, e.Name, h)
			if d.answer == support.OK {
				row.Driver[h.Name] = support.OK
			}
			if native == nil || d.answer == "" {
				continue
			}
			n := try(native, e.Name, h)
			if n.answer == support.OK {
				row.Native[h.Name] = support.OK
			}
			if n.answer != d.answer {
				t.Errorf("%s with a map of type %s: %s; natively %s\n%s\n%s", h.Name, e.Name, d.answer, n.answer, verdict(d.log), verdict(n.log))
			}
		}
		record(row)
	}
}
