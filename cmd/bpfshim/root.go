// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/bpfshim/bpfshim/loader"
)

// app is what all verbs share.
type app struct {
	out, err io.Writer
	device   string
	json     bool
	btf      string
	// open opens the device; tests put a fake there.
	open func(name string) (loader.Device, error)
	// wait is waitFor when it is nil; tests have another.
	wait func(context.Context, time.Duration) (time.Duration, error)
}

func (a *app) openDevice() (loader.Device, error) {
	d, err := a.open(a.device)
	if err != nil {
		return nil, err
	}
	loader.SetDefaultDevice(d)
	return d, nil
}

func rootCommand(out, err io.Writer) *cobra.Command {
	return newRoot(&app{out: out, err: err, open: loader.OpenDevice})
}

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "bpfshim",
		Short: "Load and inspect BPF programs",
		Long: `bpfshim loads BPF objects built for modern kernels (CO-RE, BTF) and shows what
is loaded: through the bpfshim module, or through the kernel's own bpf(2).`,
		Example: `  bpfshim doctor                    what this machine has and lacks
  bpfshim load opensnoop.o          attach all of an object, print its events
  bpfshim load --json opensnoop.o   the same, one JSON object a line
  bpfshim verify tool.o             what the verifier says of it, without the module
  bpfshim prog list                 programs that are loaded
  bpfshim map dump 12               a map's entries
  bpfshim link list                 where programs are attached
  bpfshim top                       what programs cost, live`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetOut(a.out)
	root.SetErr(a.err)
	f := root.PersistentFlags()
	f.StringVar(&a.device, "device", loader.DeviceAuto, "who runs the programs: driver (the module), native (bpf(2)), auto (the module if it is loaded)")
	f.BoolVar(&a.json, "json", false, "print JSON")
	f.StringVar(&a.btf, "btf", "", "the kernel's type information, a BTF or ELF file (default: looked for, see doctor)")
	root.RegisterFlagCompletionFunc("device", cobra.FixedCompletions(
		[]string{loader.DeviceAuto, loader.DeviceDriver, loader.DeviceNative}, cobra.ShellCompDirectiveNoFileComp))
	root.PersistentPreRun = func(*cobra.Command, []string) {
		if a.btf != "" {
			loader.SetKernelBTF(a.btf)
		}
	}
	root.AddCommand(loadCommand(a), verifyCommand(a), progCommand(a), mapCommand(a), linkCommand(a), mountCommand(a), topCommand(a), doctorCommand(a), versionCommand(a))
	return root
}
