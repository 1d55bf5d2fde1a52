// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const manDir = "../../docs/man"

// manTail is what bpfshim.8 says beyond the command's own help.
const manTail = `.SH EXIT STATUS
0: done. 1: it failed, the reason is on standard error; \fBdoctor\fP: something
needed is missing.

.SH FILES
\fI/dev/bpfshim\fP: the module's device; root may open it.
.br
\fI/sys/kernel/btf/vmlinux\fP, \fI/boot/vmlinux-RELEASE\fP,
\fI/usr/lib/bpfshim/btf/RELEASE.btf\fP (also .gz, .xz): the kernel's type
information, looked for in this order.

.SH SHELL COMPLETION
\fBbpfshim completion bash > /etc/bash_completion.d/bpfshim\fP, and likewise for
zsh, fish and powershell: \fBbpfshim completion --help\fP.
`

// manPages generates every page from the commands themselves.
func manPages(t *testing.T) map[string]string {
	t.Helper()
	root := newRoot(&app{})
	root.DisableAutoGenTag = true
	// Pages change when commands do, not each day.
	date := time.Date(2025, time.January, 1, 0, 0, 0, 0, time.UTC)
	pages := map[string]string{}
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		if c.Hidden || c.Name() == "help" || c.Name() == "completion" {
			return
		}
		name := strings.ReplaceAll(c.CommandPath(), " ", "-")
		c.Long = markdown(c.Long)
		var b bytes.Buffer
		require.NoError(t, doc.GenMan(c, &doc.GenManHeader{
			Title: strings.ToUpper(name), Section: "8", Date: &date, Source: "bpfshim", Manual: "System administration",
		}, &b))
		text := b.String()
		if c == root {
			text += manTail
		}
		// After the line that tells man of the preprocessors it needs.
		pages[name+".8"] = strings.Replace(text, "\n", "\n.\\\" SPDX-License-Identifier: Apache-2.0. Made by `make man`.\n", 1)
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(root)
	return pages
}

// markdown is help text as cobra's page writer reads it: indented lines stay as
// they are, and nothing else is emphasis.
func markdown(help string) string {
	escape := strings.NewReplacer("_", `\_`, "*", `\*`, "<", `\<`, ">", `\>`)
	var out []string
	code := false
	for _, line := range strings.Split(help, "\n") {
		indented := strings.HasPrefix(line, "  ")
		if indented != code {
			out = append(out, "")
		}
		code = indented
		if indented {
			out = append(out, "    "+strings.TrimPrefix(line, "  "))
		} else {
			out = append(out, escape.Replace(line))
		}
	}
	return strings.Join(out, "\n")
}

// TestManPages: docs/man is what the commands say; -update writes it.
func TestManPages(t *testing.T) {
	pages := manPages(t)
	require.Contains(t, pages, "bpfshim-load.8")
	there, err := filepath.Glob(filepath.Join(manDir, "*.8"))
	require.NoError(t, err)
	if *update {
		require.NoError(t, os.MkdirAll(manDir, 0o755))
		for _, p := range there {
			require.NoError(t, os.Remove(p))
		}
		for name, text := range pages {
			require.NoError(t, os.WriteFile(filepath.Join(manDir, name), []byte(text), 0o644))
		}
		return
	}
	assert.Len(t, there, len(pages), "pages of commands that are gone or new: run `make man`")
	for name, text := range pages {
		got, err := os.ReadFile(filepath.Join(manDir, name))
		require.NoError(t, err, "run `make man`")
		assert.Equal(t, text, string(got), "%s is old: run `make man`", name)
	}
}
