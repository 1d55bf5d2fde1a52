// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bpfshim/bpfshim/loader/testbpf"
)

// buildVerifier builds the program that verifies, and has it found.
func buildVerifier(t *testing.T) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "bpfshim-verify")
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("no make: the verifier cannot be built")
	}
	text, err := exec.Command("make", "-s", "-C", "../bpfshim-verify", "OUT="+out).CombinedOutput()
	require.NoError(t, err, string(text))
	t.Setenv("BPFSHIM_VERIFY", out)
}

func runVerify(args ...string) (string, error) {
	var out bytes.Buffer
	root := rootCommand(&out, &out)
	root.SetArgs(append([]string{"verify"}, args...))
	err := root.Execute()
	return out.String(), err
}

func TestVerify(t *testing.T) {
	buildVerifier(t)
	object := testbpf.Build(t, "testdata/verdicts.bpf.c")

	out, err := runVerify("--json", object)
	require.ErrorIs(t, err, errRefused)
	var got []verdict
	require.NoError(t, json.Unmarshal([]byte(out), &got))
	by := map[string]verdict{}
	for _, v := range got {
		by[v.Program] = v
	}
	require.Len(t, by, 4)
	assert.True(t, by["good"].Accepted)
	assert.Empty(t, by["good"].Log)
	assert.Positive(t, by["good"].Processed)
	assert.True(t, by["good_dead"].Accepted, "a frozen constant decides the branch: %s", by["good_dead"].Log)
	assert.Equal(t, "EACCES", by["bad_null"].Errno)
	assert.Contains(t, by["bad_null"].Reason, "invalid mem access 'map_value_or_null'")
	assert.Equal(t, "EACCES", by["bad_packet"].Errno)
	assert.Contains(t, by["bad_packet"].Reason, "R")
	assert.Contains(t, by["bad_packet"].Log, "invalid access to packet")

	out, err = runVerify("--prog", "good", "--log-level", "2", object)
	require.NoError(t, err)
	assert.Contains(t, out, "good")
	assert.NotContains(t, out, "bad_null")
	assert.Contains(t, out, "call bpf_map_lookup_elem#1")

	_, err = runVerify("--prog", "none", object)
	assert.ErrorContains(t, err, "there are: bad_null")
	_, err = runVerify("--type", "nonsense", object)
	assert.ErrorContains(t, err, "nonsense")
	out, err = runVerify("--type", "xdp", "--prog", "good", object)
	require.NoError(t, err, out)
	assert.Contains(t, out, "xdp")
}

func TestVerifyGraph(t *testing.T) {
	buildVerifier(t)
	object := testbpf.Build(t, "testdata/verdicts.bpf.c")
	dir := t.TempDir()
	for _, name := range []string{"g.html", "g.dot"} {
		_, err := runVerify("--prog", "good,good_dead", "--visualize", filepath.Join(dir, name), object)
		require.NoError(t, err)
	}
	page, err := os.ReadFile(filepath.Join(dir, "g.html"))
	require.NoError(t, err)
	assert.Contains(t, string(page), "R0_w=map_value_or_null")
	assert.Contains(t, string(page), "never reached")
	assert.Contains(t, string(page), "bpf_map_lookup_elem(&amp;counts, &amp;key)")
	dot, err := os.ReadFile(filepath.Join(dir, "g.dot"))
	require.NoError(t, err)
	assert.Contains(t, string(dot), "digraph")
	assert.Contains(t, string(dot), "->")
	assert.Contains(t, string(dot), "style=dashed")
}

func TestVerifyWithoutVerifier(t *testing.T) {
	t.Setenv("BPFSHIM_VERIFY", "")
	t.Setenv("PATH", t.TempDir())
	_, err := runVerify("x.o")
	assert.ErrorContains(t, err, "make cli")
}
