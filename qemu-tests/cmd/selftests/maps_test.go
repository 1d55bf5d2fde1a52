// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const mapSample = `maps hashmap: ok
Failed to create sockmap -1
maps sockmap: FAIL status 1
maps sockmap, no preallocation: FAIL status 1
maps devmap: SKIP
maps: done
test_maps ended with 0
maps lru_sanity1, LRU_HASH: ok
maps: done
test_lru_map ended with 0
progs run ringbuf
progs subtest one: ok
a line
progs ringbuf: FAIL 2 errors, 0 of 1 subtests
progs run mmap
progs mmap: ok
progs: done
progs ended with 0
maps test_lpm_map: ok
`

func TestMapVerdicts(t *testing.T) {
	var out strings.Builder
	got, err := parseMaps(strings.NewReader(mapSample), &out, false)
	require.NoError(t, err)
	require.Equal(t, map[string]string{
		"hashmap": "ok", "sockmap": "FAIL status 1", "sockmap, no preallocation": "FAIL status 1", "devmap": "SKIP",
		"ringbuf": "FAIL 2 errors, 0 of 1 subtests", "mmap": "ok", "lru_sanity1, LRU_HASH": "ok", "test_lpm_map": "ok",
	}, got)
	require.Contains(t, out.String(), "a line", "what a failed test printed is shown")

	out.Reset()
	err = judgeMaps(&out, "k", got, false)
	require.EqualError(t, err, "failed: ringbuf")
	require.Contains(t, out.String(), "4 passed, 1 skipped, 2 known to fail, 1 failed")
	require.Contains(t, out.String(), "known: sockmap, no preallocation: FAIL status 1: map types SOCKMAP and SOCKHASH are not offered")
	require.ErrorContains(t, judgeMaps(&out, "k", got, true), "sockmap", "natively nothing is excused")
	got["ringbuf"] = "ok"
	require.NoError(t, judgeMaps(&out, "k", got, false))
	got["sockmap"] = "ok"
	require.EqualError(t, judgeMaps(&out, "k", got, false), "passed, and is said to fail: sockmap")
}

func TestMapVerdictsByKernel(t *testing.T) {
	got := map[string]string{"htab_update": "FAIL 1 errors, 1 of 2 subtests", "mmap": "ok"}
	require.NoError(t, judgeMaps(&strings.Builder{}, "debian-6.1", got, false))
	require.EqualError(t, judgeMaps(&strings.Builder{}, "el7-514", got, false), "failed: htab_update")
}

func TestMapVerdictsUnfinished(t *testing.T) {
	_, err := parseMaps(strings.NewReader("maps hashmap: ok\n"), &strings.Builder{}, false)
	require.Error(t, err)
}
