// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/bpfshim/bpfshim/loader"
)

// version is set by the build: -ldflags "-X main.version=...".
var version = ""

func ownVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

type versionReport struct {
	Version string `json:"version"`
	ABI     int    `json:"abi"`
	Go      string `json:"go"`
	Kernel  string `json:"kernel"`
	Module  string `json:"module,omitempty"`
}

func versionCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the versions of this command, the module and the kernel",
		Example: "  bpfshim version\n  bpfshim version --json",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			r := versionReport{Version: ownVersion(), ABI: loader.ABIVersion, Go: runtime.Version()}
			r.Kernel, _ = loader.KernelRelease()
			if d, err := a.open(loader.DeviceDriver); err == nil {
				if info, err := loader.Info(d); err == nil {
					r.Module = info.Version
				}
				d.Close()
			}
			if a.json {
				return printJSON(a.out, r)
			}
			fmt.Fprintf(a.out, "bpfshim %s (ABI %d, %s)\nkernel %s\n", r.Version, r.ABI, r.Go, r.Kernel)
			if r.Module == "" {
				r.Module = "not loaded"
			}
			_, err := fmt.Fprintf(a.out, "module %s\n", r.Module)
			return err
		},
	}
}

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
