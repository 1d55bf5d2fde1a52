// SPDX-License-Identifier: Apache-2.0

package ioctl

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestNotOffered holds docs/helpers-not-offered.txt against the sources: each
// helper of helpers.h is either written or there with a reason.
func TestNotOffered(t *testing.T) {
	b, err := os.ReadFile("helpers.h")
	if err != nil {
		t.Fatal(err)
	}
	// The engines make tail calls themselves.
	written := map[string]bool{"tail_call": true}
	files, err := filepath.Glob("../driver/helpers/*.c")
	if err != nil || len(files) == 0 {
		t.Fatal(err, len(files))
	}
	for _, f := range files {
		src, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`BPFSHIM_HELPER\((\w+)\)`).FindAllStringSubmatch(string(src), -1) {
			written[m[1]] = true
		}
	}
	listed := map[string]bool{}
	text, err := os.ReadFile("../docs/helpers-not-offered.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(line, "\t")
		if len(f) != 3 || f[1] != "EINVAL" || len(f[2]) < 10 {
			t.Errorf("%q is not name, errno and reason", line)
			continue
		}
		listed[f[0]] = true
		if written[f[0]] {
			t.Errorf("%s is offered: take it off docs/helpers-not-offered.txt", f[0])
		}
	}
	known := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\s+H\(\d+, (\w+),`).FindAllStringSubmatch(string(b), -1) {
		known[m[1]] = true
		if !written[m[1]] && !listed[m[1]] {
			t.Errorf("%s is not offered and docs/helpers-not-offered.txt has no reason", m[1])
		}
	}
	for name := range listed {
		if !known[name] {
			t.Errorf("docs/helpers-not-offered.txt: there is no helper %s", name)
		}
	}
}
