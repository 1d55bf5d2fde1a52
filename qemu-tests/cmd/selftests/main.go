// SPDX-License-Identifier: Apache-2.0

// Command selftests runs Linux 6.1's test_verifier (or test_maps) in a guest,
// its bpf(2) turned into the driver's ioctl, and sums up what came of it:
// passed, failed by reason, and wrong accepts, of which there must be none.
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
	kernel := flag.String("kernel", "debian-6.1", "`NAME` of the kernel")
	native := flag.Bool("native", false, "the kernel's own bpf(2) instead of the driver")
	least := flag.Int("min", 0, "fail when fewer tests pass")
	list := flag.Bool("v", false, "list each failed test")
	timeout := flag.String("timeout", "15m", "for the guest")
	keep := flag.String("log", "", "keep the test's output in `FILE`")
	flag.Parse()

	r, err := run(*kernel, *native, *timeout, *keep)
	if err != nil {
		fmt.Fprintln(os.Stderr, "selftests:", err)
		os.Exit(1)
	}
	r.print(os.Stdout, *list)
	if len(r.wrongAccepts()) > 0 || r.Passed < *least || r.Summary == "" {
		fmt.Printf("selftests: FAILED on %s (at least %d must pass, no wrong accept)\n", *kernel, *least)
		os.Exit(1)
	}
	fmt.Printf("selftests: ok on %s\n", *kernel)
}

// run boots the guest and parses what test_verifier printed.
func run(kernel string, native bool, timeout, keep string) (*report, error) {
	make := exec.Command("make", "-s", "-C", "qemu-tests/selftests")
	make.Stderr = os.Stderr
	if err := make.Run(); err != nil {
		return nil, fmt.Errorf("building the tests: %w", err)
	}
	root, err := os.MkdirTemp("", "selftests")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(root)
	bin := filepath.Join(root, "root", "selftests")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return nil, err
	}
	if err := copyFile("build/selftests/test_verifier", filepath.Join(bin, "test_verifier")); err != nil {
		return nil, err
	}
	out := filepath.Join(root, "out")
	if err := os.Mkdir(out, 0o755); err != nil {
		return nil, err
	}

	args := []string{"run", "./qemu-tests/cmd/vmexec", "-kernel", kernel, "-timeout", timeout,
		"-overlay", filepath.Join(root, "root"), "-out", out}
	if native {
		args = append(args, "-no-module", "-env", "BPFSHIM_NATIVE=1")
	}
	// The test's own status says only that something failed.
	args = append(args, "--", "sh", "-c", "/selftests/test_verifier >/out/log 2>&1; true")
	guest := exec.Command("go", args...)
	guest.Stdout, guest.Stderr = os.Stdout, os.Stderr
	guestErr := guest.Run()

	f, err := os.Open(filepath.Join(out, "log"))
	if err != nil {
		return nil, fmt.Errorf("the guest left no log (%v): %w", guestErr, err)
	}
	defer f.Close()
	if keep != "" {
		if err := copyFile(f.Name(), keep); err != nil {
			return nil, err
		}
	}
	r, err := parse(f)
	if err == nil {
		err = guestErr
	}
	return r, err
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
