// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bpfshim/bpfshim/loader"
	"github.com/bpfshim/bpfshim/loader/testbpf"
)

// runVerify returns what it prints and the status it ends with.
func runVerify(t *testing.T, args ...string) (string, int, error) {
	t.Helper()
	t.Cleanup(func() {
		assert.NoError(t, loader.SetKernel(""))
	})
	var out bytes.Buffer
	root := rootCommand(&out, &out)
	root.SetArgs(append([]string{"verify"}, args...))
	err := root.Execute()
	var quiet *exitError
	var said *statusError
	switch {
	case err == nil:
		return out.String(), 0, nil
	case errors.As(err, &quiet):
		return out.String(), quiet.status, err
	case errors.As(err, &said):
		return out.String(), said.status, err
	}
	t.Fatalf("an error without a status: %v", err)
	return "", 0, nil
}

// verifyObject builds the test's programs and the kernel they are for.
func verifyObject(t *testing.T) (object, kernel string) {
	t.Helper()
	testbpf.Verifier(t)
	return testbpf.Build(t, "testdata/verdicts.bpf.c"), testbpf.Build(t, "testdata/kernel.bpf.c")
}

func TestVerify(t *testing.T) {
	object, kernel := verifyObject(t)
	out, status, _ := runVerify(t, "--btf", kernel, "--json", object)
	assert.Equal(t, 1, status)
	var got []verdict
	require.NoError(t, json.Unmarshal([]byte(out), &got), out)
	by := map[string]verdict{}
	for _, v := range got {
		by[v.Program] = v
	}
	require.Len(t, by, 13)

	for name, v := range by {
		if !strings.HasPrefix(name, "good") || name == "good_as_xdp" {
			continue
		}
		assert.Equal(t, "ok", v.Verdict, "%s: %s\n%s", name, v.Reason, v.Log)
		assert.Empty(t, v.Errno)
		assert.Empty(t, v.Log)
		assert.Positive(t, v.Processed, name)
		assert.Positive(t, v.Insns, name)
	}
	assert.Equal(t, "raw_tracepoint/sys_enter", by["good"].Section)
	assert.Equal(t, "raw_tracepoint", by["good"].Type)
	assert.Equal(t, "tracing", by["good_typed"].Type)
	assert.Greater(t, by["good_calls"].Processed, by["good"].Processed)
	assert.Equal(t, 8, by["good"].Stack)

	// As Linux 6.1 says it, and what of it is the last line.
	for name, want := range map[string]struct{ errno, reason string }{
		"bad_null":    {"EACCES", "R0 invalid mem access 'map_value_or_null'"},
		"bad_packet":  {"EACCES", "R1 offset is outside of the packet"},
		"bad_loop":    {"EINVAL", "infinite loop detected at insn 1"},
		"bad_stack":   {"EINVAL", "invalid indirect access to stack R1 off=-8 size=16"},
		"bad_helper":  {"EINVAL", "unknown func bpf_get_route_realm#24"},
		"bad_map":     {"EINVAL", "create XSKMap map (key 4, value 4, 1 entries, flags 0x0): invalid argument"},
		"bad_core":    {"EINVAL", "a CO-RE relocation does not fit this kernel"},
		"good_as_xdp": {"", `section "nothing/known" names no program type`},
	} {
		v := by[name]
		assert.Equal(t, "rejected", v.Verdict, name)
		assert.Equal(t, want.errno, v.Errno, name)
		assert.Contains(t, v.Reason, want.reason, name)
	}
	assert.Contains(t, by["bad_packet"].Log, "invalid access to packet, off=0 size=1, R1(id=0,off=0,r=0)\n")
	assert.Contains(t, by["bad_core"].Reason, "absent")
	assert.Contains(t, by["bad_null"].Log, "; *n = 1;\n", "the source line")
	assert.Regexp(t, `\(7b\) \*\(u64 \*\)\(r0 \+0\) = r1\nR0 invalid mem access 'map_value_or_null'\n`, by["bad_null"].Log)
}

var volatile = regexp.MustCompile(`(?m) +(\d+ +){5}\S+s$`)

func TestVerifyTable(t *testing.T) {
	object, kernel := verifyObject(t)
	out, status, _ := runVerify(t, "--btf", kernel, "--prog", "good,bad_helper", object)
	assert.Equal(t, 1, status)
	assert.Equal(t, `PROGRAM     SECTION                   TYPE            VERDICT   ERRNO   INSNS  PROCESSED  PEAK  TOTAL  STACK  TIME
good        raw_tracepoint/sys_enter  raw_tracepoint  ok        - FIGURES
bad_helper  tc                        sched_cls       rejected  EINVAL FIGURES

bad_helper: unknown func bpf_get_route_realm#24
  ; return bpf_get_route_realm(ctx);
  0: (85) call bpf_get_route_realm#24
  unknown func bpf_get_route_realm#24
  processed 1 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
`, volatile.ReplaceAllString(out, " FIGURES"))
	line := strings.Split(out, "\n")[1]
	assert.Regexp(t, `-  +[1-9]\d* +[1-9]\d* +[1-9]\d* +[1-9]\d* +8 +[0-9.]+(µs|ms|s)$`, line, "figures of what they say")

	out, status, err := runVerify(t, "--btf", kernel, "--prog", "good", "--log-level", "6", object)
	require.NoError(t, err)
	assert.Zero(t, status)
	assert.Contains(t, out, "good: accepted\n")
	assert.Regexp(t, `call bpf_map_lookup_elem#1 +; R0_w=map_value_or_null\(id=1,off=0,ks=4,vs=8,imm=0\)\n`, out)
	assert.Contains(t, out, "stack depth 8\n")
}

// What has no verdict ends with status 2, and says what to do.
func TestVerifyUsage(t *testing.T) {
	object, kernel := verifyObject(t)
	dir := t.TempDir()
	for what, c := range map[string]struct {
		args []string
		want string
	}{
		"no file":       {nil, "accepts 1 arg"},
		"no such flag":  {[]string{"--nonsense", object}, "unknown flag"},
		"missing file":  {[]string{"missing.o"}, "missing.o"},
		"no object":     {[]string{"verify_test.go"}, "verify_test.go"},
		"no program":    {[]string{"--btf", kernel, "--prog", "none", object}, "the object has bad_core, "},
		"no type":       {[]string{"--btf", kernel, "--type", "nonsense", object}, "socket_filter, kprobe, sched_cls"},
		"no kernel":     {[]string{"--kernel", "0.0.0-none", object}, "boot/vmlinux-0.0.0-none: not there"},
		"no BTF":        {[]string{"--btf", filepath.Join(dir, "missing"), object}, "missing"},
		"no rules":      {[]string{"--rules", "some", object}, "root, masked or unprivileged"},
		"level":         {[]string{"--log-level", "8", object}, "sum of 1, 2 and 4"},
		"graph's name":  {[]string{"--visualize", "graph.png", object}, ".html"},
		"graph's place": {[]string{"--btf", kernel, "--prog", "good", "--visualize", filepath.Join(dir, "no", "g.dot"), object}, "g.dot"},
	} {
		_, status, err := runVerify(t, c.args...)
		assert.Equal(t, 2, status, what)
		assert.ErrorContains(t, err, c.want, what)
	}
	// A verifier that is none, and one that is not there.
	t.Setenv("BPFSHIM_VERIFY", "/bin/false")
	_, status, err := runVerify(t, "--btf", kernel, object)
	assert.Equal(t, 2, status)
	assert.ErrorContains(t, err, "/bin/false")
	t.Setenv("BPFSHIM_VERIFY", "/bin/true")
	_, status, err = runVerify(t, "--btf", kernel, object)
	assert.Equal(t, 2, status)
	assert.ErrorContains(t, err, "another build")
	t.Setenv("BPFSHIM_VERIFY", "")
	t.Setenv("PATH", dir)
	_, status, err = runVerify(t, "--btf", kernel, object)
	assert.Equal(t, 2, status)
	assert.ErrorContains(t, err, "make cli")
}

func TestVerifyType(t *testing.T) {
	object, kernel := verifyObject(t)
	out, status, err := runVerify(t, "--btf", kernel, "--type", "xdp", "--prog", "good_as_xdp", object)
	require.NoError(t, err, out)
	assert.Zero(t, status)
	assert.Contains(t, out, " xdp ")
	// A packet is no kprobe's.
	out, status, _ = runVerify(t, "--btf", kernel, "--type", "kprobe", "--prog", "good_as_xdp", object)
	assert.Equal(t, 1, status)
	assert.Contains(t, out, "invalid mem access 'scalar'")
	for _, typ := range progTypes {
		out, status, err := runVerify(t, "--btf", kernel, "--type", typ, "--prog", "good_dead", object)
		switch typ {
		case "struct_ops", "ext", "tracing", "lsm":
			assert.Equal(t, 1, status, "%s: needs something to attach to", typ)
		case "lirc_mode2":
			assert.Equal(t, 1, status, "%s: the driver has no such context", typ)
		default:
			assert.Zero(t, status, "%s: %v\n%s", typ, err, out)
		}
	}
}

func TestVerifyRules(t *testing.T) {
	object, kernel := verifyObject(t)
	run := func(rules, typ, prog string) (verdict, int) {
		out, status, _ := runVerify(t, "--btf", kernel, "--json", "--rules", rules, "--type", typ, "--prog", prog, object)
		var got []verdict
		require.NoError(t, json.Unmarshal([]byte(out), &got), out)
		require.Len(t, got, 1)
		return got[0], status
	}
	root, status := run("root", "kprobe", "good_dead")
	assert.Zero(t, status, root.Log)
	// The way that its branch never goes is verified as a misprediction's.
	masked, status := run("masked", "kprobe", "good_dead")
	assert.Zero(t, status, masked.Log)
	assert.Greater(t, masked.Processed, root.Processed)
	nobody, status := run("unprivileged", "socket_filter", "good")
	assert.Zero(t, status, nobody.Log)
	nobody, status = run("unprivileged", "kprobe", "good")
	assert.Equal(t, 1, status)
	assert.Equal(t, "EPERM", nobody.Errno)
}

func TestVerifyKernel(t *testing.T) {
	object, btf := verifyObject(t)
	kernels := t.TempDir()
	t.Setenv("BPFSHIM_KERNELS", kernels)
	require.NoError(t, os.MkdirAll(filepath.Join(kernels, "mine"), 0o755))
	text, err := os.ReadFile(btf)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(kernels, "mine", "btf"), text, 0o644))
	out, status, _ := runVerify(t, "--kernel", "mine", "--prog", "good_core,good_typed", object)
	assert.Zero(t, status, out)
}

func TestVerifyGraph(t *testing.T) {
	object, kernel := verifyObject(t)
	dir := t.TempDir()
	for _, name := range []string{"g.html", "g.dot"} {
		_, status, _ := runVerify(t, "--btf", kernel, "--prog", "good_dead,good_calls,bad_null", "--visualize", filepath.Join(dir, name), object)
		assert.Equal(t, 1, status)
	}
	b, err := os.ReadFile(filepath.Join(dir, "g.html"))
	require.NoError(t, err)
	html := string(b)
	assert.Contains(t, html, "never reached")
	assert.Contains(t, html, "R0_w=map_value_or_null(id=1,off=0,ks=4,vs=8,imm=0)")
	assert.Contains(t, html, `<div class="why">R0 invalid mem access &#39;map_value_or_null&#39;</div>`)
	assert.Contains(t, html, "bpf_map_lookup_elem(&amp;counts, &amp;key)", "the source")
	assert.Regexp(t, `<h3 id="p1f\d+">step</h3>`, html, "a function of its own")
	assert.Regexp(t, `pc(\+|&#43;)\d+ <a href="#p1f\d+">step</a>`, html, "and its call")
	assert.Regexp(t, `data-to="p1b\d+,not-taken p1b\d+,taken "`, html)
	assert.NotRegexp(t, `(src|href)="?(https?:)?//`, html, "nothing from elsewhere")

	b, err = os.ReadFile(filepath.Join(dir, "g.dot"))
	require.NoError(t, err)
	dot := string(b)
	assert.Contains(t, dot, "style=dashed")
	assert.Contains(t, dot, "color=red")
	assert.Regexp(t, `p1_\d+ -> p1_\d+ \[color=darkgreen\];`, dot)
	if _, err := exec.LookPath("dot"); err == nil {
		text, err := exec.Command("dot", "-Tsvg", "-o", os.DevNull, filepath.Join(dir, "g.dot")).CombinedOutput()
		assert.NoError(t, err, string(text))
	}
}
