// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
)

// mapVerdict is a line of the map tests: what ran, and how it ended.
var mapVerdict = regexp.MustCompile(`^(maps|progs) (.*): (ok|SKIP|FAIL.*)$`)

// knownMaps are the tests that do not pass through the driver, and why:
// docs/SELFTESTS.md has the same rows.
var knownMaps = map[string]string{
	"lru_sanity2":     "asserts that 128 keys go at a time, of a table of 192",
	"lru_sanity3":     "asserts that 128 keys go at a time, of a table of 256",
	"devmap":          "map types DEVMAP and DEVMAP_HASH are not offered",
	"devmap_hash":     "map types DEVMAP and DEVMAP_HASH are not offered",
	"sockmap":         "map types SOCKMAP and SOCKHASH are not offered",
	"reuseport_array": "map type REUSEPORT_SOCKARRAY is not offered",
	"btf_map_in_map":  "its object has a map of sockets' maps, which are not offered",
}

// knownNative are those that do not on a kernel with an eBPF of its own.
var knownNative = map[string]string{
	"htab_update": "a program of its is fentry on a function of the kernel's own hash",
}

// whyFails says why a test is not expected to pass through the driver, or "".
func whyFails(kernel, test string) string {
	base, _, _ := strings.Cut(test, ",")
	if why := knownMaps[base]; why != "" || !strings.HasPrefix(kernel, "debian-") {
		return why
	}
	return knownNative[base]
}

// mapSteps are the programs that run tests by name.
var mapSteps = []string{"test_maps", "test_lru_map", "progs"}

// runMaps runs the tests of maps; an error: one failed that should not.
func runMaps(g guest, only string, list bool) error {
	if err := build("maps"); err != nil {
		return err
	}
	files, err := filepath.Glob("build/selftests/maps/*")
	if err != nil {
		return err
	}
	command := ""
	for _, s := range mapSteps {
		command += fmt.Sprintf("./%s %s; echo \"%s ended with $?\"; ", s, only, s)
	}
	if only == "" {
		command += "./test_lpm_map && echo \"maps test_lpm_map: ok\" || echo \"maps test_lpm_map: FAIL\"; "
	}
	var got map[string]string
	err = g.run(files, strings.TrimSuffix(command, "; "), func(f io.Reader) (err error) {
		got, err = parseMaps(f, os.Stdout, list)
		return err
	}, "-mem", "2048", "-smp", "4")
	if err != nil {
		return err
	}
	return judgeMaps(os.Stdout, g.kernel, got, g.native)
}

// parseMaps reads verdicts by test; what a test printed goes to w if it failed,
// or all of it with list.
func parseMaps(r io.Reader, w io.Writer, list bool) (map[string]string, error) {
	got := map[string]string{}
	var text []string
	ended := 0
	sc := bufio.NewScanner(r)
	sc.Buffer(make([]byte, 1<<20), 64<<20)
	for sc.Scan() {
		l := sc.Text()
		m := mapVerdict.FindStringSubmatch(l)
		switch {
		case strings.HasSuffix(l, " ended with 0"):
			ended++
		case strings.HasPrefix(l, "progs run "):
			text = nil
		case m == nil || strings.HasPrefix(m[2], "subtest "):
			text = append(text, l)
		default:
			if list || strings.HasPrefix(m[3], "FAIL") {
				for i, t := range text {
					if list || i >= len(text)-15 {
						fmt.Fprintln(w, "   ", t)
					}
				}
				fmt.Fprintln(w, l)
			}
			got[m[2]], text = m[3], nil
		}
	}
	if ended != len(mapSteps) {
		return got, fmt.Errorf("one of %s did not come to its end", strings.Join(mapSteps, ", "))
	}
	return got, sc.Err()
}

// judgeMaps prints what is known to fail and why, and the sum; an error: what
// failed that should not, or passed that is said to fail.
func judgeMaps(w io.Writer, kernel string, got map[string]string, native bool) error {
	var passed, skipped int
	var known, bad, stale []string
	for name, v := range got {
		why := whyFails(kernel, name)
		excused := why != "" && !native
		switch {
		case v == "ok":
			passed++
			if excused {
				stale = append(stale, name)
			}
		case v == "SKIP":
			skipped++
		case excused:
			known = append(known, fmt.Sprintf("known: %s: %s: %s", name, v, why))
		default:
			bad = append(bad, name)
		}
	}
	for _, names := range [][]string{known, bad, stale} {
		sort.Strings(names)
	}
	for _, k := range known {
		fmt.Fprintln(w, k)
	}
	fmt.Fprintf(w, "maps on %s: %d passed, %d skipped, %d known to fail, %d failed\n", kernel, passed, skipped, len(known), len(bad))
	switch {
	case len(bad) > 0:
		return fmt.Errorf("failed: %s", strings.Join(bad, ", "))
	case passed == 0:
		return errors.New("no test passed")
	case len(stale) > 0:
		return fmt.Errorf("passed, and is said to fail: %s", strings.Join(stale, ", "))
	}
	return nil
}
