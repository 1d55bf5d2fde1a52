// SPDX-License-Identifier: Apache-2.0

// Command selftests runs Linux 6.1's test_verifier, or its tests of maps, in a
// guest, their bpf(2) turned into the driver's ioctl, and sums up what came of
// it: of test_verifier what passed, failed by reason, and wrong accepts, of
// which there must be none; of the maps' tests each one's verdict, of which none
// may be worse than docs/SELFTESTS.md says.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
)

func main() {
	test := flag.String("test", "verifier", "`WHICH`: verifier, or maps (test_maps, test_lru_map, test_lpm_map, and prog_tests about maps)")
	only := flag.String("run", "", "maps: only the test with this `NAME`")
	kernel := flag.String("kernel", "debian-6.1", "`NAME` of the kernel")
	native := flag.Bool("native", false, "the kernel's own bpf(2) instead of the driver")
	unpriv := flag.Bool("unpriv", false, "run its tests for unprivileged users as well, by the driver's rules for them")
	least := flag.Int("min", 0, "fail when fewer tests pass")
	list := flag.Bool("v", false, "list each failed test")
	timeout := flag.String("timeout", "15m", "for the guest")
	module := flag.String("module", "", "load this `FILE` instead of building the module")
	keep := flag.String("log", "", "keep the test's output in `FILE`")
	flag.Parse()
	g := guest{kernel: *kernel, native: *native, unpriv: *unpriv, timeout: *timeout, module: *module, keep: *keep}

	if *test == "maps" {
		if err := runMaps(g, *only, *list); err != nil {
			fmt.Fprintln(os.Stderr, "selftests:", err)
			os.Exit(1)
		}
		return
	} else if *test != "verifier" {
		flag.Usage()
		os.Exit(2)
	}
	r, err := run(g)
	if err != nil {
		fmt.Fprintln(os.Stderr, "selftests:", err)
		os.Exit(1)
	}
	r.print(os.Stdout, *list)
	if len(r.wrongAccepts()) > 0 || r.Passed < *least || !r.counted() {
		fmt.Printf("selftests: FAILED on %s (at least %d must pass, no wrong accept, and as many as it says itself: %q)\n", *kernel, *least, r.Summary)
		os.Exit(1)
	}
	fmt.Printf("selftests: ok on %s\n", *kernel)
}

// guest is where and how the tests run.
type guest struct {
	kernel  string
	native  bool
	unpriv  bool // by the driver's rules for unprivileged users
	timeout string
	module  string // "": built
	keep    string // file that gets the output
}

// build makes a target of qemu-tests/selftests.
func build(target string) error {
	c := exec.Command("make", "-s", "-C", "qemu-tests/selftests", target)
	c.Stderr = os.Stderr
	if err := c.Run(); err != nil {
		return fmt.Errorf("building the tests: %w", err)
	}
	return nil
}

// run parses what test_verifier printed.
func run(g guest) (*report, error) {
	if err := build("all"); err != nil {
		return nil, err
	}
	var r *report
	command := "/selftests/test_verifier"
	if g.unpriv { // as the tests want it where the kernel has it
		command = "echo 0 2>/dev/null >/proc/sys/kernel/unprivileged_bpf_disabled; " + command
	}
	err := g.run([]string{"build/selftests/test_verifier"}, command, func(f io.Reader) (err error) {
		r, err = parse(f)
		return err
	})
	return r, err
}

// run boots the guest with these files in /selftests, runs the shell's command
// there, and gives its output to read.
func (g guest) run(files []string, command string, read func(io.Reader) error, more ...string) error {
	root, err := os.MkdirTemp("", "selftests")
	if err != nil {
		return err
	}
	defer os.RemoveAll(root)
	bin := filepath.Join(root, "root", "selftests")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return err
	}
	for _, f := range files {
		if err := copyFile(f, filepath.Join(bin, filepath.Base(f))); err != nil {
			return err
		}
	}
	out := filepath.Join(root, "out")
	if err := os.Mkdir(out, 0o755); err != nil {
		return err
	}

	args := []string{"run", "./qemu-tests/cmd/vmexec", "-kernel", g.kernel, "-timeout", g.timeout,
		"-overlay", filepath.Join(root, "root"), "-out", out}
	args = append(args, more...)
	if g.module != "" {
		args = append(args, "-module", g.module)
	}
	if g.native {
		args = append(args, "-no-module", "-env", "BPFSHIM_NATIVE=1")
	}
	if g.unpriv {
		args = append(args, "-env", "BPFSHIM_UNPRIV=1")
	}
	// The tests' own status says only that something failed.
	args = append(args, "--", "sh", "-c", "cd /selftests; { "+command+"; } >/out/log 2>&1; true")
	guest := exec.Command("go", args...)
	guest.Stdout, guest.Stderr = os.Stdout, os.Stderr
	guestErr := guest.Run()

	f, err := os.Open(filepath.Join(out, "log"))
	if err != nil {
		return fmt.Errorf("the guest left no log (%v): %w", guestErr, err)
	}
	defer f.Close()
	if g.keep != "" {
		if err := copyFile(f.Name(), g.keep); err != nil {
			return err
		}
	}
	if err := read(f); err != nil {
		return err
	}
	return guestErr
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}

func (r *report) print(w io.Writer, list bool) {
	if list {
		for _, t := range r.Failed {
			fmt.Fprintf(w, "%s: %s\n", t.Name, t.Reason)
		}
	}
	classes := map[string]int{}
	for _, t := range r.Failed {
		classes[t.class()]++
	}
	names := make([]string, 0, len(classes))
	for name := range classes {
		names = append(names, name)
	}
	sort.Slice(names, func(i, j int) bool {
		return classes[names[i]] > classes[names[j]] || classes[names[i]] == classes[names[j]] && names[i] < names[j]
	})
	for _, name := range names {
		fmt.Fprintf(w, "%5d  %s\n", classes[name], name)
	}
	for _, t := range r.wrongAccepts() {
		fmt.Fprintf(w, "wrong accept: %s\n", t.Name)
	}
	fmt.Fprintf(w, "test_verifier: %d passed, %d failed, %d skipped, %d wrong accepts\n",
		r.Passed, len(r.Failed), r.Skipped, len(r.wrongAccepts()))
}
