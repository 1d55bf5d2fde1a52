// SPDX-License-Identifier: Apache-2.0

package ioctl

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEnumeratorsAreWhatTheCompilerReads(t *testing.T) {
	for enum, e := range map[string]struct {
		prefix string
		n      int
	}{
		"bpfshim_map_type":    {"MAP_TYPE_", int(MapTypeMax) - 1},
		"bpfshim_prog_type":   {"PROG_TYPE_", int(ProgTypeMax) - 1},
		"bpfshim_attach_type": {"", int(AttachTypeMax)},
	} {
		list := Enumerators(enum, e.prefix)
		require.Len(t, list, e.n, enum)
		var exprs []string
		for _, v := range list {
			exprs = append(exprs, "BPFSHIM_"+e.prefix+strings.ToUpper(v.Name))
		}
		got := cValues(t, `"bpfshim.h"`, exprs)
		for i, v := range list {
			require.EqualValues(t, got[exprs[i]], strconv.FormatUint(uint64(v.Value), 10), exprs[i])
		}
	}
	require.Greater(t, len(Enumerators("bpfshim_cmd", "")), 36)
}

func TestPrototypesAreWhatTheCompilerReads(t *testing.T) {
	rows := Prototypes()
	var exprs []string
	for _, p := range rows {
		exprs = append(exprs, "BPFSHIM_HELPER_"+p.Name)
	}
	got := cValues(t, `"helpers.h"`, append(exprs, "BPFSHIM_HELPER_MAX"))
	for i, p := range rows {
		require.Equal(t, strconv.FormatUint(uint64(p.ID), 10), got[exprs[i]], p.Name)
	}
	// Numbers that nobody may call are left out.
	unused := strings.Count(helpersText, "\tN(")
	require.Equal(t, got["BPFSHIM_HELPER_MAX"], strconv.Itoa(len(rows)+unused))
	require.Len(t, PrototypeVariants(), strings.Count(helpersText, "\tV("))
}

func TestTracingSetsAreTheVerifiers(t *testing.T) {
	const bits = " & (BPFSHIM_PT_KPROBE | BPFSHIM_PT_TRACEPOINT | BPFSHIM_PT_RAW_TRACEPOINT | BPFSHIM_PT_PERF_EVENT)) != 0"
	exprs := map[string]Prototype{}
	var list []string
	for _, p := range Prototypes() {
		e := "(BPFSHIM_HT_" + p.Types + bits
		exprs[e] = p
		list = append(list, e)
	}
	for e, v := range cValues(t, `"../verifier/helpers.h"`, list) {
		require.Equal(t, v == "1", exprs[e].ForTracing(), exprs[e].Types)
	}
}
