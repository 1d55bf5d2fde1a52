// SPDX-License-Identifier: Apache-2.0

package loader

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"io"
	"math"
	"strings"
	"sync"

	"github.com/cilium/ebpf/btf"
)

// cilium/ebpf refuses objects with weak .kconfig externs, which libbpf sets to
// zero when the option is not set. So their symbols are made global before
// it sees them, and their names kept.

// strongConfig returns the object with weak, undefined LINUX_* and CONFIG_*
// symbols made global, and their names. rd itself is not touched.
func strongConfig(rd io.ReaderAt) (io.ReaderAt, []string, error) {
	f, err := elf.NewFile(rd)
	if err != nil || f.Class != elf.ELFCLASS64 {
		return rd, nil, nil // cilium/ebpf has the better words for it
	}
	table := f.SectionByType(elf.SHT_SYMTAB)
	symbols, err := f.Symbols()
	if table == nil || err != nil {
		return rd, nil, nil
	}
	var weak []string
	var at []int64
	for i, s := range symbols {
		if elf.ST_BIND(s.Info) != elf.STB_WEAK || s.Section != elf.SHN_UNDEF {
			continue
		}
		if !strings.HasPrefix(s.Name, "CONFIG_") && !strings.HasPrefix(s.Name, "LINUX_") {
			continue
		}
		weak = append(weak, s.Name)
		// Symbols leaves out the null symbol; st_info is the fifth byte.
		at = append(at, int64(table.Offset)+int64(i+1)*elf.Sym64Size+4)
	}
	if weak == nil {
		return rd, nil, nil
	}
	image, err := io.ReadAll(io.NewSectionReader(rd, 0, math.MaxInt64))
	if err != nil {
		return nil, nil, err
	}
	for _, off := range at {
		if off < int64(len(image)) {
			image[off] = elf.ST_INFO(elf.STB_GLOBAL, elf.ST_TYPE(image[off]))
		}
	}
	return bytes.NewReader(image), weak, nil
}

// weakConfig holds the names of weak externs by the .kconfig section they are
// of: kconfigKey -> map[string]bool. A spec has no place for them.
var weakConfig sync.Map

func rememberWeak(types *btf.Spec, names []string) {
	var ds *btf.Datasec
	if types.TypeByName(".kconfig", &ds) != nil {
		return
	}
	set := make(map[string]bool, len(names))
	for _, n := range names {
		set[n] = true
	}
	weakConfig.Store(kconfigKey(ds), set)
}

// kconfigKey names a .kconfig section by its variables: copies of a spec are
// the same section.
func kconfigKey(ds *btf.Datasec) string {
	var b strings.Builder
	for _, v := range ds.Vars {
		b.WriteString(v.Type.TypeName())
		b.Write(binary.NativeEndian.AppendUint32(nil, v.Offset))
	}
	return b.String()
}

func isWeakConfig(ds *btf.Datasec, name string) bool {
	set, ok := weakConfig.Load(kconfigKey(ds))
	return ok && set.(map[string]bool)[name]
}
