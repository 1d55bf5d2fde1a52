// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/bpfshim/bpfshim/loader"
)

func progCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "prog",
		Short:   "Show loaded programs",
		Example: "  bpfshim prog list\n  bpfshim prog show 7\n  bpfshim prog dump jited 7",
	}
	cmd.AddCommand(
		&cobra.Command{
			Use: "list", Aliases: []string{"ls"}, Short: "List loaded programs",
			Example: "  bpfshim prog list\n  bpfshim prog list --json",
			Args:    cobra.NoArgs,
			RunE:    func(*cobra.Command, []string) error { return a.progList() },
		},
		&cobra.Command{
			Use: "show ID|NAME|PATH", Short: "Describe a program",
			Example:           "  bpfshim prog show 7\n  bpfshim prog show openat_enter --json",
			Args:              cobra.ExactArgs(1),
			RunE:              func(_ *cobra.Command, args []string) error { return a.progShow(args[0]) },
			ValidArgsFunction: a.completeProgs,
		},
		progPin(a),
		statsCommand(a),
		dumpCommand(a),
		symbolsCommand(a),
	)
	return cmd
}

// progReport is a program as --json prints it.
type progReport struct {
	ID       uint32   `json:"id"`
	Type     string   `json:"type"`
	Name     string   `json:"name,omitempty"`
	Tag      string   `json:"tag"`
	GPL      bool     `json:"gpl_compatible"`
	UID      uint32   `json:"uid"`
	LoadedAt float64  `json:"loaded_at_s"` // since boot
	Xlated   uint32   `json:"bytes_xlated"`
	Jited    uint32   `json:"bytes_jited"`
	Verified uint32   `json:"verified_insns"`
	Maps     []uint32 `json:"map_ids"`
	BTF      uint32   `json:"btf_id,omitempty"`
	Runs     uint64   `json:"run_cnt"`
	RunTime  uint64   `json:"run_time_ns"`
	Misses   uint64   `json:"recursion_misses"`
}

// called tells whether that is the program's id, or its name.
func (r progReport) called(which string) bool {
	if id, err := strconv.ParseUint(which, 10, 32); err == nil {
		return r.ID == uint32(id)
	}
	// The kernel cuts names at 15 characters.
	return r.Name != "" && r.Name == which[:min(len(which), 15)]
}

func describeProg(p *loader.Program) (progReport, error) {
	i, err := p.Info()
	if err != nil {
		return progReport{}, err
	}
	r := progReport{
		Type: progTypeName(i.Type), Name: i.Name, Tag: i.Tag, GPL: i.GPL, UID: i.UID,
		LoadedAt: i.LoadedAt.Seconds(), Xlated: i.Xlated, Jited: i.Jited, Verified: i.Verified,
		Runs: i.RunCount, RunTime: uint64(i.Runtime), Misses: i.Misses, Maps: []uint32{},
	}
	if id, ok := i.ID(); ok {
		r.ID = uint32(id)
	}
	if id, ok := i.BTFID(); ok {
		r.BTF = uint32(id)
	}
	ids, _ := i.MapIDs()
	for _, id := range ids {
		r.Maps = append(r.Maps, uint32(id))
	}
	return r, nil
}

func (a *app) progs(wanted func(progReport) bool) ([]progReport, error) {
	dev, err := a.openDevice()
	if err != nil {
		return nil, err
	}
	found := []progReport{}
	err = loader.EachProgram(dev, func(p *loader.Program) error {
		r, err := describeProg(p)
		if err == nil && wanted(r) {
			found = append(found, r)
		}
		return err
	})
	return found, err
}

func (a *app) progList() error {
	found, err := a.progs(func(progReport) bool { return true })
	if err != nil {
		return err
	}
	if a.json {
		return printJSON(a.out, found)
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tTYPE\tNAME\tTAG\tXLATED\tJITED\tMAPS")
	for _, r := range found {
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%d\t%d\t%s\n", r.ID, r.Type, r.Name, r.Tag, r.Xlated, r.Jited, joinIDs(r.Maps))
	}
	return w.Flush()
}

func joinIDs(ids []uint32) string {
	text := make([]string, len(ids))
	for i, id := range ids {
		text[i] = strconv.Itoa(int(id))
	}
	return strings.Join(text, ",")
}

func progPin(a *app) *cobra.Command {
	cmd := pinCommand(a, "prog", "ID|NAME|PATH", "a program", func(which string) (pinner, error) {
		var kept *loader.Program
		err := a.withProg(which, func(p *loader.Program) (err error) {
			kept, err = p.Clone()
			return err
		})
		return kept, err
	})
	cmd.ValidArgsFunction = a.completeProgs
	return cmd
}

// progID is a pinned program's id in the place of its path.
func (a *app) progID(which string) (string, error) {
	if !isPath(which) {
		return which, nil
	}
	dev, err := a.openDevice()
	if err != nil {
		return "", err
	}
	p, err := loader.LoadPinnedProgramFrom(dev, which, nil)
	if err != nil {
		return "", err
	}
	defer p.Close()
	i, err := p.Info()
	if err != nil {
		return "", err
	}
	id, _ := i.ID()
	return strconv.Itoa(int(id)), nil
}

func (a *app) progShow(which string) error {
	which, err := a.progID(which)
	if err != nil {
		return err
	}
	_, err = strconv.ParseUint(which, 10, 32)
	byID := err == nil
	found, err := a.progs(func(r progReport) bool { return r.called(which) })
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return fmt.Errorf("program %s: %w", which, os.ErrNotExist)
	}
	if a.json {
		if byID {
			return printJSON(a.out, found[0])
		}
		return printJSON(a.out, found)
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	for i, r := range found {
		if i > 0 {
			fmt.Fprintln(w)
		}
		engine := fmt.Sprintf("%d bytes", r.Jited)
		if r.Jited == 0 {
			engine = "none: interpreted"
		}
		fmt.Fprintf(w, "id\t%d\ntype\t%s\nname\t%s\ntag\t%s\ngpl\t%v\nuid\t%d\n", r.ID, r.Type, r.Name, r.Tag, r.GPL, r.UID)
		fmt.Fprintf(w, "loaded\t%v after boot\n", time.Duration(r.LoadedAt*float64(time.Second)).Round(time.Millisecond))
		fmt.Fprintf(w, "translated\t%d bytes\nmachine code\t%s\nverified\t%d instructions\n", r.Xlated, engine, r.Verified)
		fmt.Fprintf(w, "maps\t%s\nbtf\t%d\nruns\t%d (%v)\nmisses\t%d\n", joinIDs(r.Maps), r.BTF, r.Runs, time.Duration(r.RunTime), r.Misses)
	}
	return w.Flush()
}

func (a *app) completeProgs(_ *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 || isPath(word) {
		return nil, cobra.ShellCompDirectiveDefault
	}
	found, err := a.progs(func(progReport) bool { return true })
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var out []string
	for _, r := range found {
		out = append(out, cobra.CompletionWithDesc(strconv.Itoa(int(r.ID)), r.Type+" "+r.Name))
	}
	return out, cobra.ShellCompDirectiveDefault
}
