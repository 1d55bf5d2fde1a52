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

// knownMaps are the tests that cannot pass through the driver, and why:
// docs/SELFTESTS.md has the same rows.
var knownMaps = map[string]string{
	"devmap":          "map types DEVMAP and DEVMAP_HASH are not offered",
	"devmap_hash":     "map types DEVMAP and DEVMAP_HASH are not offered",
	"sockmap":         "map types SOCKMAP and SOCKHASH are not offered",
	"reuseport_array": "map type REUSEPORT_SOCKARRAY is not offered",
	"btf_map_in_map":  "its object has a map of sockets' maps, which are not offered",
}

// runMaps runs the tests of maps; an error: one failed that should not.
func runMaps(g guest, only string, list bool) error {
	if err := build("maps"); err != nil {
		return err
	}
	files, err := filepath.Glob("build/selftests/maps/*")
	if err != nil {
		return err
	}
	steps := []string{"test_maps", "progs"}
	command := ""
	for _, s := range steps {
		command += fmt.Sprintf("./%s %s; echo \"%s ended with $?\"; ", s, only, s)
	}
	if only == "" {
		for _, s := range []string{"test_lru_map", "test_lpm_map"} {
			command += fmt.Sprintf("./%s && echo \"maps %s: ok\" || echo \"maps %s: FAIL\"; ", s, s, s)
		}
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
	if ended != 2 {
		return got, errors.New("test_maps or progs did not come to its end")
	}
	return got, sc.Err()
}

// judgeMaps prints the sum, and says which failures were not expected.
func judgeMaps(w io.Writer, kernel string, got map[string]string, native bool) error {
	var passed, skipped, known int
	var bad []string
	for name, v := range got {
		base, _, _ := strings.Cut(name, ",")
		switch {
		case v == "ok":
			passed++
		case v == "SKIP":
			skipped++
		case knownMaps[base] != "" && !native:
			known++
		default:
			bad = append(bad, name)
		}
	}
	sort.Strings(bad)
	fmt.Fprintf(w, "maps on %s: %d passed, %d skipped, %d not offered, %d failed\n", kernel, passed, skipped, known, len(bad))
	if len(bad) > 0 || passed == 0 {
		return fmt.Errorf("failed: %s", strings.Join(bad, ", "))
	}
	return nil
}
