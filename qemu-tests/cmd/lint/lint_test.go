// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tree writes files and returns them as sources.
func tree(t *testing.T, files map[string]string) (string, []source) {
	t.Helper()
	root := t.TempDir()
	var out []source
	for p, text := range files {
		full := filepath.Join(root, p)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		out = append(out, source{p, strings.Split(strings.TrimSuffix(text, "\n"), "\n")})
	}
	return root, out
}

func TestEachRuleFindsItsFault(t *testing.T) {
	for name, c := range map[string]struct {
		rule check
		path string
		text string
		bad  bool
	}{
		"cmd imports ioctl":         {goArrows, "cmd/x/a.go", "package a\nimport _ \"" + module + "ioctl\"\n", true},
		"cmd imports loader":        {goArrows, "cmd/x/a.go", "package a\nimport _ \"" + module + "loader/link\"\n", false},
		"loader imports qemu-tests": {goArrows, "loader/a.go", "package a\nimport _ \"" + module + "qemu-tests/vm\"\n", true},
		"cgo":                       {goArrows, "loader/a.go", "package a\nimport \"C\"\n", true},
		"Go in verifier":            {goArrows, "verifier/a.go", "package a\n", true},
		"driver includes kernel":    {cArrows, "driver/a.c", "#include <linux/slab.h>\n", true},
		"driver includes driver.h":  {cArrows, "driver/maps/a.c", "#include \"../driver.h\"\n", false},
		"compat includes kernel":    {cArrows, "compat/a.h", "#include <linux/slab.h>\n", false},
		"compat includes bpf.h":     {cArrows, "compat/a.h", "# include <linux/bpf.h>\n", true},
		"verifier includes driver":  {cArrows, "verifier/a.c", "#include \"../driver/driver.h\"\n", true},
		"verifier includes kernel":  {cArrows, "verifier/a.c", "#include <linux/kernel.h>\n", true},
		"types.h may":               {cArrows, types, "#include <linux/types.h>\n", false},
		"exec includes driver.h":    {cArrows, "driver/exec/a.c", "#include \"../driver.h\"\n", true},
		"exec includes types":       {cArrows, "driver/exec/a.c", "#include \"../../verifier/types.h\"\n", false},
		"UAPI includes more":        {cArrows, "ioctl/bpfshim.h", "#include <linux/bpf.h>\n", true},
		"version in driver":         {versions, "driver/a.c", "#if LINUX_VERSION_CODE >= 1\n", true},
		"RHEL in Kbuild":            {versions, "driver/Kbuild", "x := RHEL_RELEASE\n", true},
		"version in compat":         {versions, "compat/a.h", "#if LINUX_VERSION_CODE >= 1\n", false},
		"no licence":                {licences, "driver/a.c", "int x;\n", true},
		"wrong licence":             {licences, "driver/a.c", "/* SPDX-License-Identifier: Apache-2.0 */\n", true},
		"licence":                   {licences, "driver/a.c", "/* SPDX-License-Identifier: GPL-2.0 */\n", false},
		"UAPI licence":              {licences, "ioctl/bpfshim.h", "/* SPDX-License-Identifier: GPL-2.0 */\n", true},
		"Go licence":                {licences, "loader/a.go", "// SPDX-License-Identifier: Apache-2.0\n", false},
		"long":                      {lengths, "driver/a.c", strings.Repeat("x\n", maxLines+1), true},
		"not so long":               {lengths, "driver/a.c", strings.Repeat("x\n", maxLines), false},
		"unformatted":               {gofmt, "loader/a.go", "package a\nvar  x int\n", true},
		"formatted":                 {gofmt, "loader/a.go", "package a\n\nvar x int\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			root, files := tree(t, map[string]string{c.path: c.text})
			found, err := c.rule(root, files)
			if err != nil {
				t.Fatal(err)
			}
			if (len(found) > 0) != c.bad {
				t.Errorf("findings: %v", found)
			}
		})
	}
}

func TestCInGoPackage(t *testing.T) {
	root, files := tree(t, map[string]string{
		"examples/x/x.go": "package x\n", "examples/x/x.bpf.c": "\n", "loader/l.go": "package l\n", "loader/l.c": "\n",
	})
	found, err := noCInGo(root, files)
	if err != nil || len(found) != 1 || found[0].path != "loader/l.c" {
		t.Errorf("%v %v", found, err)
	}
}
