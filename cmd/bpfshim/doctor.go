// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/bpfshim/bpfshim/loader/doctor"
)

func doctorCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Say what this machine has and lacks",
		Long: `Check the kernel, its configuration, the module, type information, tracefs and
privileges, and say what would not work and why.

The exit status is 0 when CO-RE objects can be loaded and attached, 1 when
something that this needs is missing, whatever --json says.`,
		Example: "  bpfshim doctor\n  bpfshim doctor --json\n  bpfshim doctor --device native",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			r := doctor.Examine(doctor.Options{Device: a.device, BTF: a.btf, Open: a.open})
			if a.json {
				if err := printJSON(a.out, r); err != nil {
					return err
				}
			} else {
				for _, c := range r.Checks {
					fmt.Fprintf(a.out, "%-4s  %-12s %s\n", c.Status, c.Name, c.Detail)
					if c.Advice != "" {
						fmt.Fprintf(a.out, "      %-12s -> %s\n", "", c.Advice)
					}
				}
			}
			if !r.OK {
				return &exitError{1}
			}
			return nil
		},
	}
}
