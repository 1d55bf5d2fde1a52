// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"fmt"
	"sort"
	"strings"

	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"

	"github.com/bpfshim/bpfshim/ioctl"
	"github.com/bpfshim/bpfshim/loader"
	"github.com/bpfshim/bpfshim/loader/support"
)

// offers asks the module which helpers tracing programs may call and which
// kinds of maps there are, and says why the rest of Linux 6.1's are not.
func (r *Report) offers(d loader.Device, release string) {
	asked := []loader.ProgramType{loader.Kprobe, loader.TracePoint, loader.RawTracepoint, loader.PerfEvent}
	missing, n, all := map[string][]string{}, 0, 0
	for _, p := range ioctl.Prototypes() {
		if !p.ForTracing() {
			continue
		}
		all++
		offered := false
		for _, typ := range asked {
			if offered = hasHelper(d, typ, p.ID); offered {
				break
			}
		}
		if offered {
			n++
			continue
		}
		note(missing, support.Helper, p.Name, "kprobe", release)
	}
	r.add("helpers", OK, "", "%d of the %d that Linux 6.1 gives kprobe, tracepoint, raw tracepoint and perf event programs", n, all)
	r.reasons("helpers", missing)

	missing, n, all = map[string][]string{}, 0, 0
	for _, e := range ioctl.Enumerators("bpfshim_map_type", "MAP_TYPE_") {
		all++
		if hasMap(d, loader.MapType(e.Value)) {
			n++
			continue
		}
		note(missing, support.Map, e.Name, "", release)
	}
	r.add("maps", OK, "", "%d of the %d types of Linux 6.1", n, all)
	r.reasons("maps", missing)
}

func note(missing map[string][]string, kind, name, of, release string) {
	why := "no reason is known: please report it"
	if reason, ok := support.Why(kind, name, of, release); ok {
		why = reason.Why
	}
	missing[why] = append(missing[why], name)
}

// reasons tells what is missing, by why.
func (r *Report) reasons(name string, missing map[string][]string) {
	var lines []string
	for why, names := range missing {
		lines = append(lines, fmt.Sprintf("no %s: %s", strings.Join(names, ", "), why))
	}
	sort.Strings(lines)
	for _, l := range lines {
		r.add(name, Note, "", "%s", l)
	}
}

// hasHelper loads a program that is nothing but the call: the verifier looks
// for the helper before it looks at arguments.
func hasHelper(d loader.Device, typ loader.ProgramType, id uint32) bool {
	code := []ioctl.Insn{{Code: 0x85, Imm: int32(id)}, {Code: 0xb7}, {Code: 0x95}}
	log := make([]byte, 4096)
	fd, err := ioctl.Do(d, ioctl.ProgLoad, &ioctl.ProgLoadAttr{
		ProgType: uint32(typ), InsnCnt: uint32(len(code)), Insns: ioctl.SlicePointer(code), License: ioctl.StringPointer("GPL"),
		LogLevel: 1, LogSize: uint32(len(log)), LogBuf: ioctl.SlicePointer(log),
	})
	if err == nil {
		_ = d.CloseFD(fd)
		return true
	}
	text := unix.ByteSliceToString(log)
	return text != "" && !strings.Contains(text, "unknown func")
}

// hasMap makes a map of the type, of sizes that some type takes.
func hasMap(d loader.Device, typ loader.MapType) bool {
	const btfType = 1
	types := valueBTF(d)
	inner, err := ioctl.Do(d, ioctl.MapCreate, &ioctl.MapCreateAttr{MapType: uint32(loader.Array), KeySize: 4, ValueSize: 4, MaxEntries: 1})
	if err != nil {
		return false
	}
	defer func() { _ = d.CloseFD(inner) }()
	if types >= 0 {
		defer func() { _ = d.CloseFD(types) }()
	}
	for _, a := range []ioctl.MapCreateAttr{
		{KeySize: 4, ValueSize: 4, MaxEntries: 1}, {KeySize: 4, ValueSize: 8, MaxEntries: 1}, {ValueSize: 4, MaxEntries: 1}, {MaxEntries: 4096},
		{KeySize: 8, ValueSize: 4, MaxEntries: 1, MapFlags: ioctl.FNoPrealloc}, {KeySize: 4, ValueSize: 4, MaxEntries: 1, InnerMapFd: uint32(inner)},
		{KeySize: 8, ValueSize: 8},
		{KeySize: 4, ValueSize: 4, MapFlags: ioctl.FNoPrealloc, BtfFd: uint32(types), BtfKeyTypeId: btfType, BtfValueTypeId: btfType},
	} {
		a.MapType = uint32(typ)
		if fd, err := ioctl.Do(d, ioctl.MapCreate, &a); err == nil {
			_ = d.CloseFD(fd)
			return true
		}
	}
	return false
}

// valueBTF describes one type, int.
func valueBTF(d loader.Device) int {
	b, err := btf.NewBuilder([]btf.Type{&btf.Int{Name: "int", Size: 4, Encoding: btf.Signed}})
	if err != nil {
		return -1
	}
	blob, err := b.Marshal(nil, nil)
	if err != nil {
		return -1
	}
	fd, err := ioctl.Do(d, ioctl.BtfLoad, &ioctl.BtfLoadAttr{Btf: ioctl.SlicePointer(blob), BtfSize: uint32(len(blob))})
	if err != nil {
		return -1
	}
	return fd
}
