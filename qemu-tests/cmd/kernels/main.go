// SPDX-License-Identifier: Apache-2.0

// Command kernels lists the test kernels and provides those that it can.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"github.com/bpfshim/bpfshim/qemu-tests/kernels"
)

const usage = `usage: kernels list                      the kernels that are there, oldest first
       kernels ensure NAME...            provide them where that can be done (debian-6.1)
       kernels path NAME [build|btf]     the path of the bzImage, build folder or BTF
       kernels oldest                    the name of the oldest one (debian-6.1 if none)
       kernels import-rpm NAME DIR       make one of the kernel and kernel-devel RPMs in DIR
       kernels extract-btf BZIMAGE OUT   write the BTF that a bzImage carries
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "kernels:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	verb, args := args[0], args[1:]
	switch {
	case verb == "list" && len(args) == 0:
		return list()
	case verb == "oldest" && len(args) == 0:
		ks, err := kernels.List()
		if err != nil {
			return err
		}
		if len(ks) == 0 {
			fmt.Println("debian-6.1")
			return nil
		}
		fmt.Println(ks[0].Name)
		return nil
	case verb == "ensure" && len(args) > 0:
		for _, name := range args {
			k, err := kernels.Ensure(ctx, name, os.Stderr)
			if err != nil {
				return err
			}
			fmt.Println(k.Dir)
		}
		return nil
	case verb == "path" && (len(args) == 1 || len(args) == 2):
		return path(args)
	case verb == "import-rpm" && len(args) == 2:
		k, err := kernels.ImportRPM(ctx, args[0], args[1], os.Stderr)
		if err != nil {
			return err
		}
		fmt.Println(k.Dir)
		return nil
	case verb == "extract-btf" && len(args) == 2:
		return kernels.ExtractBTF(args[0], args[1])
	}
	fmt.Fprint(os.Stderr, usage)
	os.Exit(2)
	return nil
}

func list() error {
	ks, err := kernels.List()
	if err != nil {
		return err
	}
	for _, k := range ks {
		release, err := k.Release()
		if err != nil {
			release = err.Error()
		}
		note := ""
		if !k.HasBuild() {
			note += " (no build folder)"
		}
		if !k.HasBTF() {
			note += " (no BTF)"
		}
		fmt.Printf("%-14s %s%s\n", k.Name, release, note)
	}
	return nil
}

func path(args []string) error {
	k, err := kernels.Find(args[0])
	if err != nil {
		return err
	}
	if len(args) == 1 {
		fmt.Println(k.Image())
		return nil
	}
	switch args[1] {
	case "build":
		fmt.Println(k.Build())
	case "btf":
		fmt.Println(k.BTF())
	default:
		return fmt.Errorf("%q: say build or btf", args[1])
	}
	return nil
}
