// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/bpfshim/bpfshim/loader"
	"github.com/bpfshim/bpfshim/loader/support"
)

const keyHelp = `
KEY and VALUE are numbers (10, -1, 0x10) for sizes of 1, 2, 4 and 8 bytes,
hex:0a00ff01 for bytes of any size, or, where the map has type information,
what dump prints: names of enums, text for arrays of char, JSON objects for
structs (members that are left out are zero). A per-CPU map's VALUE is set for
every CPU.`

func mapCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "map",
		Short:   "Show and change maps",
		Example: "  bpfshim map list\n  bpfshim map dump 12\n  bpfshim map lookup 12 0x10\n  bpfshim map top counts",
	}
	flags := updateFlags{}
	update := &cobra.Command{
		Use: "update ID|NAME|PATH KEY VALUE", Short: "Set the value of a key",
		Long:    "Set the value of a key.\n" + keyHelp,
		Example: "  bpfshim map update 12 3 100\n  bpfshim map update start 7 '{\"flags\": 2}' --exist\n  bpfshim map update 12 hex:03000000 hex:6400000000000000",
		Args:    cobra.ExactArgs(3),
		RunE: func(_ *cobra.Command, args []string) error {
			return a.mapUpdate(args[0], args[1], args[2], flags)
		},
	}
	update.Flags().BoolVar(&flags.exist, "exist", false, "only if the key is there")
	update.Flags().BoolVar(&flags.noExist, "no-exist", false, "only if the key is not there")
	update.MarkFlagsMutuallyExclusive("exist", "no-exist")
	cmd.AddCommand(
		&cobra.Command{
			Use: "list", Aliases: []string{"ls"}, Short: "List maps",
			Example: "  bpfshim map list\n  bpfshim map list --json",
			Args:    cobra.NoArgs,
			RunE:    func(*cobra.Command, []string) error { return a.mapList() },
		},
		&cobra.Command{
			Use: "dump ID|NAME|PATH", Short: "Print all entries of a map",
			Long:    "Print all entries of a map, decoded by its type information where it has any.",
			Example: "  bpfshim map dump 12\n  bpfshim map dump start --json",
			Args:    cobra.ExactArgs(1),
			RunE:    func(_ *cobra.Command, args []string) error { return a.mapDump(args[0]) },
		},
		&cobra.Command{
			Use: "lookup ID|NAME|PATH KEY", Short: "Print the value of a key",
			Long:    "Print the value of a key. The exit status is 1 when it is not there.\n" + keyHelp,
			Example: "  bpfshim map lookup 12 0x10\n  bpfshim map lookup counts '{\"pid\": 1, \"cpu\": 0}'",
			Args:    cobra.ExactArgs(2),
			RunE:    func(_ *cobra.Command, args []string) error { return a.mapLookup(args[0], args[1]) },
		},
		update,
		&cobra.Command{
			Use: "delete ID|NAME|PATH KEY", Short: "Remove a key",
			Long:    "Remove a key. The exit status is 1 when it is not there.\n" + keyHelp,
			Example: "  bpfshim map delete 12 0x10",
			Args:    cobra.ExactArgs(2),
			RunE:    func(_ *cobra.Command, args []string) error { return a.mapDelete(args[0], args[1]) },
		},
		mapTopCommand(a),
		pinCommand(a, "map", "ID|NAME|PATH", "a map", func(which string) (pinner, error) { return a.mapNamed(which) }),
	)
	for _, c := range cmd.Commands() {
		if c.Name() != "list" {
			c.ValidArgsFunction = a.completeMaps
		}
	}
	return cmd
}

// mapReport is a map as --json prints it.
type mapReport struct {
	ID         uint32 `json:"id"`
	Type       string `json:"type"`
	Name       string `json:"name,omitempty"`
	KeySize    uint32 `json:"bytes_key"`
	ValueSize  uint32 `json:"bytes_value"`
	MaxEntries uint32 `json:"max_entries"`
	Flags      uint32 `json:"flags"`
	BTF        uint32 `json:"btf_id,omitempty"`
}

func describeMap(m *loader.Map) (mapReport, error) {
	i, err := m.Info()
	if err != nil {
		return mapReport{}, err
	}
	r := mapReport{
		Type: support.MapTypeName(uint32(i.Type)), Name: i.Name, KeySize: i.KeySize, ValueSize: i.ValueSize,
		MaxEntries: i.MaxEntries, Flags: i.Flags,
	}
	if id, ok := i.ID(); ok {
		r.ID = uint32(id)
	}
	if id, ok := i.BTFID(); ok {
		r.BTF = uint32(id)
	}
	return r, nil
}

func (a *app) maps() ([]mapReport, error) {
	dev, err := a.openDevice()
	if err != nil {
		return nil, err
	}
	found := []mapReport{}
	err = loader.EachMap(dev, func(m *loader.Map) error {
		r, err := describeMap(m)
		if err == nil {
			found = append(found, r)
		}
		return err
	})
	return found, err
}

func (a *app) mapList() error {
	found, err := a.maps()
	if err != nil {
		return err
	}
	if a.json {
		return printJSON(a.out, found)
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tTYPE\tNAME\tKEY\tVALUE\tMAX\tFLAGS")
	for _, r := range found {
		fmt.Fprintf(w, "%d\t%s\t%s\t%d\t%d\t%d\t%#x\n", r.ID, r.Type, r.Name, r.KeySize, r.ValueSize, r.MaxEntries, r.Flags)
	}
	return w.Flush()
}

// mapNamed opens a map by id, name or path. A name must be one map's only.
func (a *app) mapNamed(which string) (*loader.Map, error) {
	if isPath(which) {
		dev, err := a.openDevice()
		if err != nil {
			return nil, err
		}
		return loader.LoadPinnedMapFrom(dev, which, nil)
	}
	if id, err := strconv.ParseUint(which, 10, 32); err == nil {
		dev, err := a.openDevice()
		if err != nil {
			return nil, err
		}
		return loader.MapByID(dev, loader.MapID(id))
	}
	found, err := a.maps()
	if err != nil {
		return nil, err
	}
	var ids []uint32
	for _, r := range found {
		if r.Name != "" && r.Name == which[:min(len(which), 15)] {
			ids = append(ids, r.ID)
		}
	}
	switch len(ids) {
	case 0:
		return nil, fmt.Errorf("map %s: %w", which, os.ErrNotExist)
	case 1:
		return loader.NewMapFromID(loader.MapID(ids[0]))
	}
	return nil, fmt.Errorf("map %s: there are several, of the ids %s", which, joinIDs(ids))
}

func (a *app) withMap(which string, do func(*mapView) error) error {
	m, err := a.mapNamed(which)
	if err != nil {
		return err
	}
	defer m.Close()
	v, err := newMapView(m)
	if err != nil {
		return err
	}
	return do(v)
}

func (a *app) mapDump(which string) error {
	return a.withMap(which, func(v *mapView) error {
		entries := []entryReport{}
		err := v.each(func(e entryReport) error {
			if !a.json {
				return e.print(a.out)
			}
			entries = append(entries, e)
			return nil
		})
		if err != nil {
			return err
		}
		if a.json {
			return printJSON(a.out, entries)
		}
		return nil
	})
}

func (a *app) mapLookup(which, key string) error {
	return a.withMap(which, func(v *mapView) error {
		k, err := v.parseKey(key)
		if err != nil {
			return err
		}
		b, err := v.m.LookupBytes(k)
		if err != nil {
			return err
		}
		if b == nil {
			return fmt.Errorf("key %s: %w", key, loader.ErrKeyNotExist)
		}
		e, err := v.entry(k, b)
		if err != nil {
			return err
		}
		if a.json {
			return printJSON(a.out, e)
		}
		return e.print(a.out)
	})
}

type updateFlags struct{ exist, noExist bool }

func (a *app) mapUpdate(which, key, value string, f updateFlags) error {
	return a.withMap(which, func(v *mapView) error {
		k, err := v.parseKey(key)
		if err != nil {
			return err
		}
		val, err := v.parseValue(value)
		if err != nil {
			return err
		}
		flags := loader.UpdateAny
		if f.exist {
			flags = loader.UpdateExist
		} else if f.noExist {
			flags = loader.UpdateNoExist
		}
		if err := v.m.Update(k, val, flags); err != nil {
			return err
		}
		return a.printDone(v, k)
	})
}

func (a *app) mapDelete(which, key string) error {
	return a.withMap(which, func(v *mapView) error {
		k, err := v.parseKey(key)
		if err != nil {
			return err
		}
		if err := v.m.Delete(k); err != nil {
			return err
		}
		return a.printDone(v, k)
	})
}

// printDone says with --json whose entry was changed.
func (a *app) printDone(v *mapView, key []byte) error {
	if !a.json {
		return nil
	}
	k, _, err := render(v.key, key)
	if err != nil {
		return err
	}
	return printJSON(a.out, entryReport{Key: k})
}

func (a *app) completeMaps(_ *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 || isPath(word) {
		return nil, cobra.ShellCompDirectiveDefault
	}
	found, err := a.maps()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var out []string
	for _, r := range found {
		out = append(out, cobra.CompletionWithDesc(strconv.Itoa(int(r.ID)), r.Type+" "+r.Name))
	}
	return out, cobra.ShellCompDirectiveDefault
}

var errNoElements = errors.New("its entries cannot be read")
