// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bpfshim/bpfshim/loader"
)

// isPath tells a pinned object's path from its id or name, which has no slash.
func isPath(which string) bool { return strings.Contains(which, "/") }

// pinner is an open map, program or link.
type pinner interface {
	Pin(path string) error
	Close() error
}

const pinHelp = `
The directory must be on a file system of type bpfshim: see bpfshim mount. A
name cannot have a dot. Removing the file unpins.`

func pinCommand(a *app, verb, which, what string, open func(string) (pinner, error)) *cobra.Command {
	return &cobra.Command{
		Use:     "pin " + which + " PATH",
		Short:   "Give " + what + " a name that outlives processes",
		Long:    "Give " + strings.TrimSuffix(strings.SplitN(what, ":", 2)[0], " ") + " a name that outlives the processes that use it.\n" + pinHelp,
		Example: "  bpfshim " + verb + " pin 12 /sys/fs/bpf/kept\n  rm /sys/fs/bpf/kept",
		Args:    cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			o, err := open(args[0])
			if err != nil {
				return err
			}
			defer o.Close()
			if err := o.Pin(args[1]); err != nil {
				return err
			}
			if a.json {
				return printJSON(a.out, map[string]string{"pinned": args[1]})
			}
			return nil
		},
	}
}

func mountCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "mount [DIR]",
		Short: "Mount the file system in which objects are pinned",
		Long: `Mount the file system in which objects are pinned, and print where it is.

Without DIR that is /sys/fs/bpf, or, where that is in use (by the kernel's own
bpffs), /sys/fs/bpfshim; one that is mounted already will do. It is of type
bpfshim, so

    mount -t bpfshim bpfshim DIR -o mode=0700

does the same, as does a line in fstab. Umount drops all pins in it; while it is
mounted the module cannot be unloaded.`,
		Example: "  bpfshim mount\n  bpfshim mount /run/bpf --json",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			dev, err := a.openDevice()
			if err != nil {
				return err
			}
			dir := ""
			if len(args) > 0 {
				dir = args[0]
			}
			if dir, err = loader.MountPins(dev, dir); err != nil {
				return err
			}
			if a.json {
				return printJSON(a.out, map[string]string{"dir": dir, "type": loader.PinFSType(dev)})
			}
			fmt.Fprintln(a.out, dir)
			return nil
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
	}
}

// pinByName says where an object's maps that are pinned by name go: as libbpf
// has it, to the file system's root unless told otherwise.
func pinByName(dev loader.Device, spec *loader.CollectionSpec, dir string) (string, error) {
	if dir != "" {
		return dir, os.MkdirAll(dir, 0o700)
	}
	for _, m := range spec.Maps {
		if m.Pinning == loader.PinByName {
			return loader.MountPins(dev, "")
		}
	}
	return "", nil
}

// pinAll pins what was loaded and attached, as DIR/maps, /progs and /links;
// nothing stays pinned when one of them cannot be.
func pinAll(dir string, coll *loader.Collection, links []*loader.Link) (err error) {
	var done []string
	defer func() {
		if err == nil {
			return
		}
		for i := len(done) - 1; i >= 0; i-- {
			os.Remove(done[i])
		}
	}()
	mkdir := func(dir string) error {
		err := os.Mkdir(dir, 0o700)
		if err == nil {
			done = append(done, dir)
		}
		if os.IsExist(err) {
			return nil
		}
		return err
	}
	pin := func(o pinner, sub, name string) error {
		path := filepath.Join(dir, sub, strings.NewReplacer(".", "_", "/", "_", " ", "_", ":", "_").Replace(name))
		err := o.Pin(path)
		if err == nil {
			done = append(done, path)
		}
		return err
	}
	for _, d := range []string{dir, filepath.Join(dir, "maps"), filepath.Join(dir, "progs"), filepath.Join(dir, "links")} {
		if err := mkdir(d); err != nil {
			return err
		}
	}
	for _, name := range sortedKeys(coll.Maps) {
		if err := pin(coll.Maps[name], "maps", name); err != nil {
			return err
		}
	}
	for _, name := range sortedKeys(coll.Programs) {
		if err := pin(coll.Programs[name], "progs", name); err != nil {
			return err
		}
	}
	for _, l := range links {
		if err := pin(l, "links", l.String()); err != nil {
			return err
		}
	}
	return nil
}
