// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const sample = `#0/u invalid and of negative number OK
#0/p invalid and of negative number OK
#1/p needs a map FAIL
Failed to load prog 'Invalid argument'!
0: R1=ctx(off=0,imm=0) R10=fp0
unknown func bpf_sk_lookup_tcp#84
processed 1 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
#2/p stray write FAIL
Unexpected success to load!
0: R1=ctx(off=0,imm=0) R10=fp0
#3/p unsupported SKIP (unsupported program type 9)
#4/p runs Did not run the program (not supported) OK
#5/p two (run 1/2) (run 2/2) 2 cases OK
#6/p wrong result FAIL retval 1 != 2 (run 1/1)
Summary: 4 PASSED, 1 SKIPPED, 3 FAILED
`

func TestParse(t *testing.T) {
	r, err := parse(strings.NewReader(sample))
	require.NoError(t, err)
	require.Equal(t, 4, r.Passed)
	require.Equal(t, 1, r.Skipped)
	require.Len(t, r.Failed, 3)
	require.Equal(t, "#1/p needs a map", r.Failed[0].Name)
	require.Equal(t, "not offered: unknown func bpf_sk_lookup_tcp#84", r.Failed[0].class())
	require.Len(t, r.wrongAccepts(), 1)
	require.Equal(t, "#2/p stray write", r.wrongAccepts()[0].Name)
	require.Contains(t, r.Failed[2].Reason, "retval 1 != 2")
	require.Equal(t, "Summary: 4 PASSED, 1 SKIPPED, 3 FAILED", r.Summary)
	require.True(t, r.counted())
}

func TestParseComplaintsWithinLines(t *testing.T) {
	r, err := parse(strings.NewReader("#0/p one Olibbpf: failed to find valid kernel BTF\nlibbpf: once more\nK\nSummary: 1 PASSED, 0 SKIPPED, 0 FAILED\n"))
	require.NoError(t, err)
	require.Equal(t, 1, r.Passed)
	require.True(t, r.counted())
	r.Passed++
	require.False(t, r.counted(), "a test was counted that is not there")
}

func TestParseUnfinished(t *testing.T) {
	r, err := parse(strings.NewReader("#0/p one OK\n#1/p two "))
	require.NoError(t, err)
	require.Equal(t, 1, r.Passed)
	require.Len(t, r.Failed, 1, "a test without a verdict did not pass")
	require.Empty(t, r.Summary)
}
