// SPDX-License-Identifier: Apache-2.0

package ioctl

import (
	_ "embed"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// What the headers list, for those who go through all of it: tests, tables,
// documentation. The C compiler's reading of them is held equal by a test.

//go:embed bpfshim.h
var headerText string

//go:embed helpers.h
var helpersText string

// Enumerator is one name of an enumeration of bpfshim.h.
type Enumerator struct {
	Name  string // in lower case, without what all of them begin with: "hash"
	Value uint32
}

var enumerator = regexp.MustCompile(`(?m)^\s*BPFSHIM_(\w+) = (\d+|0x[0-9A-Fa-f]+),`)

// Enumerators lists an enumeration, bpfshim_map_type for instance, without
// what stands for none or for the end. Each name is cut of the prefix, which is
// MAP_TYPE_ then.
func Enumerators(enum, prefix string) []Enumerator {
	_, body, _ := strings.Cut(headerText, "enum "+enum+" {")
	body, _, _ = strings.Cut(body, "};")
	var out []Enumerator
	for _, m := range enumerator.FindAllStringSubmatch(body, -1) {
		v, err := strconv.ParseUint(m[2], 0, 32)
		name := strings.TrimPrefix(m[1], prefix)
		if err != nil || name == "UNSPEC" || name == "CMD_EXT" {
			continue
		}
		out = append(out, Enumerator{strings.ToLower(name), uint32(v)})
	}
	return out
}

// Prototype is one row of helpers.h, in its words.
type Prototype struct {
	ID    uint32
	Name  string // without bpf_
	Flags string // GPL, PKT, SLEEP
	Types string // which program types may call it: a name of verifier/helpers.h's
	Ret   string
	Args  [5]string
}

var row = regexp.MustCompile(`(?m)^\s([HV])\((\d+), (\w+), (\w+), (\w+), (\w+), (\w+), (\w+), (\w+), (\w+), (\w+)\)`)

var prototypes = sync.OnceValues(func() (rows, variants []Prototype) {
	for _, m := range row.FindAllStringSubmatch(helpersText, -1) {
		id, err := strconv.ParseUint(m[2], 10, 32)
		if err != nil {
			continue
		}
		p := Prototype{ID: uint32(id), Name: m[3], Flags: m[4], Types: m[5], Ret: m[6], Args: [5]string(m[7:12])}
		if m[1] == "H" {
			rows = append(rows, p)
		} else {
			variants = append(variants, p)
		}
	}
	return rows, variants
})

// Prototypes are the helpers of Linux 6.1 that some program type may call, in
// order of their numbers.
func Prototypes() []Prototype {
	rows, _ := prototypes()
	return rows
}

// PrototypeVariants are those that some program types have instead.
func PrototypeVariants() []Prototype {
	_, v := prototypes()
	return v
}

// tracingSets are the names of sets that hold a type of tracing programs.
var tracingSets = map[string]bool{
	"ALL": true, "TRACE": true, "ATTACHED": true, "CURRENT": true, "COMM": true, "OUTPUT": true, "KPROBE": true, "PERF": true,
}

// ForTracing reports whether Linux 6.1 lets kprobe, tracepoint, raw tracepoint
// or perf event programs call it.
func (p Prototype) ForTracing() bool { return tracingSets[p.Types] }
