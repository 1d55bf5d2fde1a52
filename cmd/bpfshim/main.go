// SPDX-License-Identifier: Apache-2.0

// bpfshim loads BPF objects and shows what is loaded, through the bpfshim
// module or the kernel's own bpf(2).
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/bpfshim/bpfshim/loader"
)

func main() {
	cmd := rootCommand(os.Stdout, os.Stderr)
	err := cmd.Execute()
	if err == nil {
		return
	}
	var quiet *exitError
	if errors.As(err, &quiet) {
		os.Exit(quiet.status)
	}
	// The verifier's reasons are worth the lines.
	var v *loader.VerifierError
	if errors.As(err, &v) {
		fmt.Fprintf(os.Stderr, "bpfshim: %+v\n", v)
		os.Exit(1)
	}
	fmt.Fprintf(os.Stderr, "bpfshim: %v\n", err)
	var known *statusError
	if errors.As(err, &known) {
		os.Exit(known.status)
	}
	os.Exit(1)
}

// statusError ends with a status of its own.
type statusError struct {
	status int
	err    error
}

func (e *statusError) Error() string { return e.err.Error() }
func (e *statusError) Unwrap() error { return e.err }

// exitError ends with a status when all has been said.
type exitError struct{ status int }

func (e *exitError) Error() string { return fmt.Sprintf("exit status %d", e.status) }
