// SPDX-License-Identifier: Apache-2.0

// Package objects loads every program of real objects, natively and through
// the driver, and compares verdicts.
package objects

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"testing"

	"github.com/bpfshim/bpfshim/ioctl"
	"github.com/bpfshim/bpfshim/loader"
	"github.com/bpfshim/bpfshim/qemu-tests/guest"
	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) { guest.Main(m) }

// dir is where the suite's overlay puts the objects.
const dir = "/objects"

// maxStricter is the share of real programs, of those that 6.1 accepts, that
// the driver may refuse.
const maxStricter = 0.01

type tally struct {
	both, neither, stricter, looser, lacking int
	names                                    map[string][]string
}

func (c *tally) note(why, name string) {
	c.names[why] = append(c.names[why], name)
}

func TestObjects(t *testing.T) {
	files, err := filepath.Glob(dir + "/*.o")
	if err != nil || len(files) == 0 {
		t.Fatalf("no objects in %s", dir)
	}
	if !guest.HasOracle() {
		t.Skip("the kernel's own verifier is not 6.1's")
	}
	driver, err := ioctl.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := setKernelBTF(driver); err != nil {
		t.Fatal("kernel BTF: ", err)
	}
	c := tally{names: map[string][]string{}}
	for _, f := range files {
		c.object(t, f, ioctl.Native(), driver)
	}
	t.Logf("%d objects: %d programs accepted by both, %d by neither, %d by 6.1 only, %d by the driver only; %d need what the driver does not offer",
		len(files), c.both, c.neither, c.stricter, c.looser, c.lacking)
	var whys []string
	for w := range c.names {
		whys = append(whys, w)
	}
	sort.Slice(whys, func(a, b int) bool { return len(c.names[whys[a]]) > len(c.names[whys[b]]) })
	for _, w := range whys {
		n := c.names[w]
		t.Logf("%4d  %s  (%s)", len(n), w, strings.Join(n[:min(4, len(n))], ", "))
	}
	if c.both < 20 {
		t.Errorf("only %d programs were accepted by both: the suite shows nothing", c.both)
	}
	if max := float64(c.both+c.stricter) * maxStricter; float64(c.stricter) > max {
		t.Errorf("%d programs are refused that 6.1 accepts", c.stricter)
	}
}

// setKernelBTF gives the driver the kernel's types.
func setKernelBTF(d ioctl.Device) error {
	b, err := os.ReadFile("/sys/kernel/btf/vmlinux")
	if err != nil {
		return err
	}
	fd, err := ioctl.Do(d, ioctl.BtfLoad, &ioctl.BtfLoadAttr{Btf: ioctl.SlicePointer(b), BtfSize: uint32(len(b))})
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	_, err = ioctl.Do(d, ioctl.ExtSetKernelBtf, &ioctl.ExtSetKernelBtfAttr{BtfFd: uint32(fd)})
	return err
}

// prepare makes a spec small enough for the guest.
func prepare(spec *loader.CollectionSpec) {
	for _, m := range spec.Maps {
		if m.MaxEntries > 4096 && m.Type != ebpf.RingBuf {
			m.MaxEntries = 4096
		}
		if m.Type == ebpf.PerfEventArray {
			m.MaxEntries = 0
		}
		// Tools set these sizes when they run.
		if m.MaxEntries == 0 && m.Type != ebpf.PerfEventArray {
			m.MaxEntries = 1024
		}
		if m.Type == ebpf.StackTrace && m.ValueSize == 0 {
			m.ValueSize = 127 * 8
		}
		m.Pinning = ebpf.PinNone
	}
}

func (c *tally) object(t *testing.T, file string, native, driver ioctl.Device) {
	base := strings.TrimSuffix(filepath.Base(file), ".bpf.o")
	spec, err := loader.LoadCollectionSpec(file)
	if err != nil {
		// What cilium/ebpf cannot read is no verifier's matter.
		c.note("not read: "+short(err), base)
		return
	}
	prepare(spec)
	var names []string
	for n := range spec.Programs {
		names = append(names, n)
	}
	sort.Strings(names)
	for _, n := range names {
		name := base + "/" + n
		a, b := load(spec, n, native), load(spec, n, driver)
		var mapErr *mapError
		switch {
		case a == nil && b == nil:
			c.both++
		case a != nil && b != nil:
			c.neither++
			c.note("neither: "+short(a), name)
		case b == nil:
			c.looser++
			t.Errorf("%s: 6.1 refuses it: %v", name, a)
		case errors.As(b, &mapErr):
			c.lacking++
			c.note("not offered: "+b.Error(), name)
		case strings.Contains(b.Error(), "unknown func"), strings.Contains(b.Error(), "not supported"):
			c.lacking++
			c.note("not offered: "+short(b), name)
		default:
			c.stricter++
			c.note("stricter: "+short(b), name)
			t.Logf("%s: %+v", name, b)
		}
	}
}

type mapError struct{ error }

// load loads one program with the maps it needs.
func load(all *loader.CollectionSpec, name string, dev ioctl.Device) error {
	spec := all.Copy()
	for n := range spec.Programs {
		if n != name {
			delete(spec.Programs, n)
		}
	}
	used := map[string]bool{}
	for _, ins := range spec.Programs[name].Instructions {
		if ins.IsLoadFromMap() {
			used[ins.Reference()] = true
		}
	}
	for n := range spec.Maps {
		if !used[n] && !strings.HasPrefix(n, ".") {
			delete(spec.Maps, n)
		}
	}
	for n, m := range spec.Maps {
		made, err := loader.NewMapWithOptions(m, loader.MapOptions{Device: dev})
		if err != nil {
			return &mapError{fmt.Errorf("map %s of type %s: %w", n, m.Type, err)}
		}
		made.Close()
	}
	coll, err := loader.NewCollectionWithOptions(spec, loader.CollectionOptions{Device: dev})
	if err != nil {
		return err
	}
	coll.Close()
	return nil
}

var number = regexp.MustCompile(`-?(0x[0-9a-f]+|[0-9]+)`)

// short is the reason in an error, without what differs from one to the next.
func short(err error) string {
	s := err.Error()
	if i := strings.LastIndex(s, ": "); i >= 0 && len(s)-i > 12 {
		s = s[i+2:]
	}
	if len(s) > 140 {
		s = s[len(s)-140:]
	}
	return number.ReplaceAllString(strings.ReplaceAll(s, "\n", " "), "N")
}
