// SPDX-License-Identifier: Apache-2.0

package ioctl

import (
	"debug/dwarf"
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// compiler is the host's C compiler.
func compiler(t *testing.T) string {
	t.Helper()
	for _, cc := range []string{os.Getenv("CC"), "gcc", "clang", "cc"} {
		if cc == "" {
			continue
		}
		if path, err := exec.LookPath(cc); err == nil {
			return path
		}
	}
	t.Skip("no C compiler: the layout of the header is not checked")
	return ""
}

// compile builds C source and returns the output's path.
func compile(t *testing.T, source string, args ...string) string {
	t.Helper()
	dir := t.TempDir()
	in, out := filepath.Join(dir, "t.c"), filepath.Join(dir, "t")
	require.NoError(t, os.WriteFile(in, []byte(source), 0o644))
	cmd := exec.Command(compiler(t), append([]string{"-I.", "-Wall", "-Werror", "-o", out, in}, args...)...)
	text, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s\n%s", text, source)
	return out
}

// leaf is a member of a C struct that is no struct itself.
type leaf struct {
	path   string // names of the members, joined by dots; anonymous ones have none
	offset int64
	size   int64
	bits   int64 // of a bit-field: offset is its storage's
}

// cTypes reads the structs and unions of the source's variables.
func cTypes(t *testing.T, source string) map[string]*dwarf.StructType {
	t.Helper()
	f, err := elf.Open(compile(t, source, "-g", "-gdwarf-4", "-c"))
	require.NoError(t, err)
	defer f.Close()
	d, err := f.DWARF()
	require.NoError(t, err)
	found := map[string]*dwarf.StructType{}
	for r := d.Reader(); ; {
		e, err := r.Next()
		require.NoError(t, err)
		if e == nil {
			return found
		}
		if e.Tag != dwarf.TagStructType && e.Tag != dwarf.TagUnionType {
			continue
		}
		name, _ := e.Val(dwarf.AttrName).(string)
		if name == "" {
			continue
		}
		typ, err := d.Type(e.Offset)
		require.NoError(t, err)
		found[name] = typ.(*dwarf.StructType)
	}
}

func structOf(typ dwarf.Type) *dwarf.StructType {
	for {
		switch t := typ.(type) {
		case *dwarf.TypedefType:
			typ = t.Type
		case *dwarf.QualType:
			typ = t.Type
		case *dwarf.StructType:
			return t
		default:
			return nil
		}
	}
}

// leaves flattens a struct or union.
func leaves(s *dwarf.StructType) []leaf {
	var out []leaf
	for _, f := range s.Field {
		if inner := structOf(f.Type); inner != nil {
			for _, l := range leaves(inner) {
				l.offset += f.ByteOffset
				if f.Name != "" {
					l.path = f.Name + "." + l.path
				}
				out = append(out, l)
			}
			continue
		}
		l := leaf{path: f.Name, offset: f.ByteOffset, size: f.Type.Size()}
		if f.BitSize > 0 {
			bit := f.DataBitOffset
			if f.ByteSize > 0 { // the older way counts from the high end
				bit = f.ByteOffset*8 + f.ByteSize*8 - f.BitOffset - f.BitSize
			}
			l.bits, l.offset = f.BitSize, bit/(8*l.size)*l.size
		}
		out = append(out, l)
	}
	return out
}

// group is one of the structs that the contract has: a named one, or a member
// of the attr union.
type group struct {
	size   int64
	leaves []leaf
}

// cGroups are the header's groups: structs by their names, members of the attr
// union as attr.NAME, or attr:FIRST when anonymous, by their first field.
func cGroups(types map[string]*dwarf.StructType, prefix, union string) map[string]group {
	out := map[string]group{}
	for name, s := range types {
		short, ok := strings.CutPrefix(name, prefix)
		if !ok {
			continue
		}
		if name != union {
			out[short] = group{s.ByteSize, leaves(s)}
			continue
		}
		for _, f := range s.Field {
			inner := structOf(f.Type)
			if strings.HasPrefix(inner.StructName, prefix) {
				continue // an extension's: it is there by its own name
			}
			key := "attr." + f.Name
			if f.Name == "" {
				key = "attr:" + leaves(inner)[0].path
			}
			out[key] = group{inner.ByteSize, leaves(inner)}
		}
	}
	return out
}

// useAll makes the compiler describe every struct that the header has.
func useAll(t *testing.T, header, include string) string {
	text, err := os.ReadFile(header)
	require.NoError(t, err)
	var b strings.Builder
	fmt.Fprintf(&b, "#include %s\n", include)
	seen := map[string]bool{}
	for i, m := range regexp.MustCompile(`(?m)^(struct|union) (bpf\w*) \{`).FindAllStringSubmatch(string(text), -1) {
		if !seen[m[2]] {
			seen[m[2]] = true
			fmt.Fprintf(&b, "%s %s v%d;\n", m[1], m[2], i)
		}
	}
	return b.String()
}

// defines are the object-like macros that a source defines, of one prefix.
func defines(t *testing.T, source, prefix string) []string {
	t.Helper()
	dir := t.TempDir()
	in := filepath.Join(dir, "t.c")
	require.NoError(t, os.WriteFile(in, []byte(source), 0o644))
	text, err := exec.Command(compiler(t), "-I.", "-dM", "-E", in).Output()
	require.NoError(t, err)
	var out []string
	for _, line := range strings.Split(string(text), "\n") {
		f := strings.Fields(line)
		if len(f) >= 2 && f[0] == "#define" && strings.HasPrefix(f[1], prefix) {
			out = append(out, f[1])
		}
	}
	return out
}

var comment = regexp.MustCompile(`(?s)/\*.*?\*/`)

// enumerators are the names of all enums of the header's text.
func enumerators(t *testing.T, header string) []string {
	text, err := os.ReadFile(header)
	require.NoError(t, err)
	bare := string(comment.ReplaceAll(text, nil))
	var out []string
	for _, m := range regexp.MustCompile(`(?s)\benum \w+ \{(.*?)\};`).FindAllStringSubmatch(bare, -1) {
		for _, e := range strings.Split(m[1], ",") {
			name, _, _ := strings.Cut(strings.TrimSpace(e), "=")
			if name = strings.TrimSpace(name); name != "" {
				out = append(out, name)
			}
		}
	}
	return out
}

// cValues compiles and runs a program that prints expressions.
func cValues(t *testing.T, include string, exprs []string) map[string]string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "#include <stdio.h>\n#include %s\n", include)
	b.WriteString("int main(void) {\n")
	for _, e := range exprs {
		// The name must not be expanded where it is printed.
		fmt.Fprintf(&b, "printf(\"%%llu\\n\", (unsigned long long)(%s));\n", e)
	}
	b.WriteString("return 0; }\n")
	text, err := exec.Command(compile(t, b.String())).Output()
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	require.Len(t, lines, len(exprs))
	out := map[string]string{}
	for i, e := range exprs {
		out[e] = lines[i]
	}
	return out
}
