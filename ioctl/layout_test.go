// SPDX-License-Identifier: Apache-2.0

package ioctl

import (
	"flag"
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden file")

const header = "bpfshim.h"

// mirror says which group of the header each Go type is. Of a group with
// several types (a union's variants), together they cover it.
var mirror = []struct {
	c   string
	go_ any
}{
	{"insn", Insn{}},
	{"attr:map_type", MapCreateAttr{}},
	{"attr:map_fd", MapElemAttr{}},
	{"attr.batch", MapBatchAttr{}},
	{"attr:prog_type", ProgLoadAttr{}},
	{"attr:pathname", ObjPinAttr{}},
	{"attr:target_fd", ProgAttachAttr{}},
	{"attr.test", ProgTestRunAttr{}},
	{"attr:start_id", IdAttr{}},
	{"attr.info", InfoAttr{}},
	{"attr.query", ProgQueryAttr{}},
	{"attr.raw_tracepoint", RawTracepointAttr{}},
	{"attr:btf", BtfLoadAttr{}},
	{"attr.task_fd_query", TaskFdQueryAttr{}},
	{"attr.link_create", LinkCreateAttr{}},
	{"attr.link_create", LinkCreateIterAttr{}},
	{"attr.link_create", LinkCreateKprobeMultiAttr{}},
	{"attr.link_create", LinkCreateTracingAttr{}},
	{"attr.link_update", LinkUpdateAttr{}},
	{"attr.link_detach", LinkDetachAttr{}},
	{"attr.enable_stats", EnableStatsAttr{}},
	{"attr.iter_create", IterCreateAttr{}},
	{"attr.prog_bind_map", ProgBindMapAttr{}},
	{"ext_info", ExtInfoAttr{}},
	{"ext_kprobe", ExtKprobeAttr{}},
	{"ext_tracepoint", ExtTracepointAttr{}},
	{"ext_perf_attach", ExtPerfAttachAttr{}},
	{"ext_output_open", ExtOutputOpenAttr{}},
	{"ext_set_kernel_btf", ExtSetKernelBtfAttr{}},
	{"prog_info", ProgInfo{}},
	{"map_info", MapInfo{}},
	{"btf_info", BtfInfo{}},
	{"link_info", LinkInfo{}},
	{"link_info", LinkInfoRawTracepoint{}},
	{"link_info", LinkInfoTracing{}},
	{"link_info", LinkInfoCgroup{}},
	{"link_info", LinkInfoIter{}},
	{"link_info", LinkInfoIterTask{}},
	{"link_info", LinkInfoNetns{}},
	{"link_info", LinkInfoXdp{}},
	{"func_info", FuncInfo{}},
	{"line_info", LineInfo{}},
	{"raw_tracepoint_args", RawTracepointArgs{}},
}

// helperTypes are exported structs that mirror nothing.
var helperTypes = []string{"Pointer", "Enumerator", "Prototype"}

// snake is the C name of a Go one: MapTypeHash is map_type_hash.
func snake(name string) string {
	var b strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// camel is the Go name of a C constant, without its prefix.
func camel(name string) string {
	var b strings.Builder
	for _, part := range strings.Split(name, "_") {
		if part != "" {
			b.WriteString(part[:1] + strings.ToLower(part[1:]))
		}
	}
	return b.String()
}

// cNames are the C members that a Go field stands for; nil: none, padding.
func cNames(f reflect.StructField) []string {
	tag, tagged := f.Tag.Lookup("c")
	switch {
	case tag == "-":
		return nil
	case tagged:
		return strings.Split(tag, ",")
	case f.Name == "_":
		return nil
	}
	return []string{snake(f.Name)}
}

// TestLayout holds each Go struct against the header's, as the compiler lays
// it out, field by field in both directions.
func TestLayout(t *testing.T) {
	groups := cGroups(cTypes(t, useAll(t, header, `"bpfshim.h"`)), "bpfshim_", "bpfshim_attr")
	covered := map[string]map[string]bool{}
	sizes := map[string][]int64{}
	for _, m := range mirror {
		typ := reflect.TypeOf(m.go_)
		g, ok := groups[m.c]
		if !assert.True(t, ok, "%s: the header has no %s", typ.Name(), m.c) {
			continue
		}
		if covered[m.c] == nil {
			covered[m.c] = map[string]bool{}
		}
		sizes[m.c] = append(sizes[m.c], int64(typ.Size()))
		byPath := map[string]leaf{}
		for _, l := range g.leaves {
			byPath[l.path] = l
		}
		for i := range typ.NumField() {
			f := typ.Field(i)
			for _, name := range cNames(f) {
				l, ok := byPath[name]
				if !assert.True(t, ok, "%s.%s: %s has no %s", typ.Name(), f.Name, m.c, name) {
					continue
				}
				covered[m.c][name] = true
				assert.Equal(t, l.offset, int64(f.Offset), "offset of %s.%s (%s.%s)", typ.Name(), f.Name, m.c, name)
				assert.Equal(t, l.size, int64(f.Type.Size()), "size of %s.%s (%s.%s)", typ.Name(), f.Name, m.c, name)
			}
		}
		assertNoGaps(t, typ)
	}
	for name, g := range groups {
		if !assert.Contains(t, covered, name, "no Go type for it") {
			continue
		}
		for _, l := range g.leaves {
			assert.True(t, covered[name][l.path], "%s.%s (offset %d) has no Go field", name, l.path, l.offset)
		}
		// One type is the whole struct, several are its variants.
		if len(sizes[name]) == 1 {
			assert.Equal(t, g.size, sizes[name][0], "size of %s", name)
		} else {
			assert.LessOrEqual(t, slices.Max(sizes[name]), g.size, "size of %s", name)
		}
	}
}

// assertNoGaps: padding is written out, so that nothing uninitialised and
// nothing of Go's choosing is sent.
func assertNoGaps(t *testing.T, typ reflect.Type) {
	t.Helper()
	var end uintptr
	for i := range typ.NumField() {
		f := typ.Field(i)
		assert.Equal(t, end, f.Offset, "a gap before %s.%s", typ.Name(), f.Name)
		end = f.Offset + f.Type.Size()
	}
	assert.Equal(t, end, typ.Size(), "a gap at the end of %s", typ.Name())
}

// TestEveryTypeIsMirrored: an exported struct that the table leaves out would
// be checked by nothing.
func TestEveryTypeIsMirrored(t *testing.T) {
	pkgs, err := parser.ParseDir(token.NewFileSet(), ".", func(fi os.FileInfo) bool {
		return !strings.HasSuffix(fi.Name(), "_test.go")
	}, 0)
	require.NoError(t, err)
	known := map[string]bool{}
	for _, m := range mirror {
		known[reflect.TypeOf(m.go_).Name()] = true
	}
	for _, h := range helperTypes {
		known[h] = true
	}
	for _, f := range pkgs["ioctl"].Files {
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, s := range g.Specs {
				ts, ok := s.(*ast.TypeSpec)
				if !ok || !ts.Name.IsExported() {
					continue
				}
				if _, ok := ts.Type.(*ast.StructType); ok {
					assert.True(t, known[ts.Name.Name], "%s is in no test", ts.Name.Name)
				}
			}
		}
	}
}

// goConstants are the exported constants of the files that mirror the header.
func goConstants(t *testing.T) map[string]constant.Value {
	t.Helper()
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range []string{"const.go", "defs.go", "insn.go"} {
		f, err := parser.ParseFile(fset, name, nil, 0)
		require.NoError(t, err)
		files = append(files, f)
	}
	pkg, err := (&types.Config{}).Check("ioctl", fset, files, nil)
	require.NoError(t, err)
	out := map[string]constant.Value{}
	for _, name := range pkg.Scope().Names() {
		if c, ok := pkg.Scope().Lookup(name).(*types.Const); ok && c.Exported() {
			out[name] = c.Val()
		}
	}
	return out
}

// TestConstants holds each define and enumerator against Go, both ways.
func TestConstants(t *testing.T) {
	const prefix = "BPFSHIM_"
	names := enumerators(t, header)
	for _, d := range defines(t, "#include \"bpfshim.h\"\n", prefix) {
		if strings.Contains(d, "(") || d == "BPFSHIM_UAPI_H" {
			continue
		}
		names = append(names, d)
	}
	require.Greater(t, len(names), 250, "the header's names were not found")
	have := goConstants(t)
	require.Equal(t, `"/dev/bpfshim"`, have["DevicePath"].ExactString())
	delete(have, "DevicePath")
	names = slices.DeleteFunc(names, func(n string) bool { return n == "BPFSHIM_DEVICE" })
	values := cValues(t, `"bpfshim.h"`, names)
	for _, name := range names {
		goName := camel(strings.TrimPrefix(name, prefix))
		v, ok := have[goName]
		if !assert.True(t, ok, "%s has no Go constant %s", name, goName) {
			continue
		}
		assert.Equal(t, values[name], v.ExactString(), "%s", name)
		delete(have, goName)
	}
	assert.Empty(t, slices.Sorted(maps.Keys(have)), "Go constants that the header does not have")
}

// TestMacros: function-like macros are Go functions of the same results.
func TestMacros(t *testing.T) {
	funcs := map[string]func(uint8) uint8{"CLASS": Class, "SIZE": Size, "MODE": Mode, "SRC": Src, "OP": Op}
	var exprs []string
	want := map[string]string{}
	for name, f := range funcs {
		for _, code := range []int{0x00, 0x18, 0x85, 0xdb, 0xff} {
			e := fmt.Sprintf("BPFSHIM_%s(%#x)", name, code)
			exprs = append(exprs, e)
			want[e] = strconv.Itoa(int(f(uint8(code))))
		}
	}
	for _, cmd := range []Cmd{MapCreate, ProgLoad, ExtInfo, ExtSetKernelBtf} {
		for _, size := range []uint32{0, 4, 144, 4096, 1<<14 - 1} {
			e := fmt.Sprintf("(unsigned)BPFSHIM_IOC_BPF(%d, %d)", cmd, size)
			exprs = append(exprs, e)
			want[e] = strconv.FormatUint(uint64(IocBpf(cmd, size)), 10)
		}
	}
	assert.Equal(t, want, cValues(t, `"bpfshim.h"`, exprs))

	known := map[string]bool{"IOC_BPF": true}
	for name := range funcs {
		known[name] = true
	}
	for _, d := range defines(t, "#include \"bpfshim.h\"\n", "BPFSHIM_") {
		if name, _, ok := strings.Cut(strings.TrimPrefix(d, "BPFSHIM_"), "("); ok {
			assert.True(t, known[name], "%s has no Go function", d)
		}
	}
}

// TestGolden shows a change of the ABI as a diff; -update writes it.
func TestGolden(t *testing.T) {
	var b strings.Builder
	b.WriteString("# The ABI as Go has it: go test ./ioctl -update writes this file.\n")
	for _, m := range mirror {
		typ := reflect.TypeOf(m.go_)
		fmt.Fprintf(&b, "\n%s %d bytes: %s\n", m.c, typ.Size(), typ.Name())
		for i := range typ.NumField() {
			f := typ.Field(i)
			names := strings.Join(cNames(f), ",")
			if names == "" {
				names = "-"
			}
			fmt.Fprintf(&b, "  %3d %2d %s\n", f.Offset, f.Type.Size(), names)
		}
	}
	b.WriteString("\nconstants\n")
	consts := goConstants(t)
	for _, name := range slices.Sorted(maps.Keys(consts)) {
		fmt.Fprintf(&b, "  %s %s\n", name, consts[name].ExactString())
	}
	const golden = "testdata/abi.golden"
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(b.String()), 0o644))
		return
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err, "go test ./ioctl -update writes it")
	assert.Equal(t, string(want), b.String(), "the ABI changed: if that is meant, go test ./ioctl -update")
}

// linuxHeader is the kernel's own, of 6.1 on Debian 12.
const linuxHeader = "/usr/include/linux/bpf.h"

func headerVersion() string {
	text, err := os.ReadFile("/usr/include/linux/version.h")
	if err != nil {
		return ""
	}
	m := regexp.MustCompile(`LINUX_VERSION_CODE (\d+)`).FindSubmatch(text)
	if m == nil {
		return ""
	}
	code, _ := strconv.Atoi(string(m[1]))
	return fmt.Sprintf("%d.%d", code>>16, code>>8&255)
}

// TestSameAsLinux holds the header against Linux's: every command's argument,
// every info struct and every number, both ways when that header is 6.1's.
func TestSameAsLinux(t *testing.T) {
	if _, err := os.Stat(linuxHeader); err != nil {
		t.Skipf("no %s", linuxHeader)
	}
	exact := headerVersion() == "6.1"
	ours := cGroups(cTypes(t, useAll(t, header, `"bpfshim.h"`)), "bpfshim_", "bpfshim_attr")
	theirs := cGroups(cTypes(t, useAll(t, linuxHeader, "<linux/bpf.h>")), "bpf_", "bpf_attr")
	for name, g := range ours {
		if strings.HasPrefix(name, "ext_") {
			continue
		}
		l, ok := theirs[name]
		if !assert.True(t, ok, "Linux has no %s", name) {
			continue
		}
		if name == "raw_tracepoint_args" {
			continue // a flexible array there
		}
		want := map[string]leaf{}
		for _, f := range l.leaves {
			want[f.path] = f
		}
		for _, f := range g.leaves {
			assert.Equal(t, want[f.path], f, "%s.%s", name, f.path)
			delete(want, f.path)
		}
		if exact {
			assert.Equal(t, l.size, g.size, "size of %s", name)
			assert.Empty(t, want, "fields of 6.1's %s that are missing", name)
		}
	}
	if exact {
		for name := range theirs {
			if strings.HasPrefix(name, "attr") {
				assert.Contains(t, ours, name, "a command's argument that is missing")
			}
		}
	}

	var ourNames, theirNames []string
	for _, name := range enumerators(t, header) {
		short := strings.TrimPrefix(name, "BPFSHIM_")
		if strings.HasPrefix(short, "EXT_") || short == "CMD_EXT" || strings.HasSuffix(short, "_TYPE_MAX") {
			continue
		}
		ourNames = append(ourNames, name)
		theirNames = append(theirNames, "BPF_"+short)
	}
	our, their := cValues(t, `"bpfshim.h"`, ourNames), cValues(t, "<linux/bpf.h>", theirNames)
	for i := range ourNames {
		assert.Equal(t, their[theirNames[i]], our[ourNames[i]], ourNames[i])
	}
	if !exact {
		return
	}
	// Each command, map type, program type and attach type of 6.1 is there.
	have := map[string]bool{}
	for _, n := range theirNames {
		have[n] = true
	}
	text, err := os.ReadFile(linuxHeader)
	require.NoError(t, err)
	text = comment.ReplaceAll(text, nil)
	for _, enum := range []string{"bpf_cmd", "bpf_map_type", "bpf_prog_type", "bpf_attach_type", "bpf_link_type"} {
		m := regexp.MustCompile(`(?s)enum ` + enum + ` \{(.*?)\};`).FindStringSubmatch(string(text))
		require.NotNil(t, m, enum)
		for _, e := range strings.Split(m[1], ",") {
			name, alias, _ := strings.Cut(strings.TrimSpace(e), "=")
			name = strings.TrimSpace(name)
			if name == "" || strings.HasPrefix(name, "MAX_") || strings.HasPrefix(name, "__MAX") || strings.TrimSpace(alias) == "BPF_PROG_TEST_RUN" || name == "BPF_PROG_RUN" {
				continue
			}
			assert.True(t, have[name], "%s of 6.1 is missing", name)
		}
	}
}
