// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/bpfshim/bpfshim/loader"
)

func linkCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "link",
		Short:   "Show, pin and detach what programs are attached by",
		Example: "  bpfshim link list\n  bpfshim link pin 3 /sys/fs/bpf/probe\n  bpfshim link detach /sys/fs/bpf/probe",
	}
	cmd.AddCommand(
		&cobra.Command{
			Use: "list", Aliases: []string{"ls"}, Short: "List links",
			Example: "  bpfshim link list\n  bpfshim link list --json",
			Args:    cobra.NoArgs,
			RunE:    func(*cobra.Command, []string) error { return a.linkList() },
		},
		&cobra.Command{
			Use: "show ID|PATH", Short: "Describe a link",
			Example: "  bpfshim link show 3\n  bpfshim link show /sys/fs/bpf/probe --json",
			Args:    cobra.ExactArgs(1),
			RunE:    func(_ *cobra.Command, args []string) error { return a.linkShow(args[0]) },
		},
		pinCommand(a, "link", "ID|PATH", "a link: its program stays attached", func(which string) (pinner, error) {
			return a.linkNamed(which)
		}),
		&cobra.Command{
			Use: "detach ID|PATH", Short: "Take a program off its hook",
			Long: `Take a program off its hook.

Of a PATH that is the link's last holder, removing the pin does it. Links of
kprobes, tracepoints and perf events cannot be taken off while others hold them,
here as in Linux 6.1: end the process, or remove the pin.`,
			Example: "  bpfshim link detach /sys/fs/bpf/probe",
			Args:    cobra.ExactArgs(1),
			RunE:    func(_ *cobra.Command, args []string) error { return a.linkDetach(args[0]) },
		},
	)
	for _, c := range cmd.Commands() {
		if c.Name() != "list" {
			c.ValidArgsFunction = a.completeLinks
		}
	}
	return cmd
}

var linkTypes = []string{"unspec", "raw_tracepoint", "tracing", "cgroup", "iter", "netns", "xdp", "perf_event", "kprobe_multi", "struct_ops"}

func linkType(t uint32) string {
	if int(t) < len(linkTypes) {
		return linkTypes[t]
	}
	return fmt.Sprintf("type %d", t)
}

// linkReport is a link as --json prints it.
type linkReport struct {
	ID     uint32 `json:"id"`
	Type   string `json:"type"`
	Prog   uint32 `json:"prog_id"`
	Name   string `json:"prog_name,omitempty"`
	Target string `json:"target,omitempty"`
}

func describeLink(dev loader.Device, l *loader.Link) (linkReport, error) {
	i, err := l.Info()
	if err != nil {
		return linkReport{}, err
	}
	r := linkReport{ID: i.Id, Type: linkType(i.Type), Prog: i.ProgId, Target: l.Target()}
	p, err := loader.ProgramByID(dev, loader.ProgramID(i.ProgId))
	if errors.Is(err, unix.ENOENT) {
		return r, nil
	}
	if err != nil {
		return r, err
	}
	defer p.Close()
	info, err := p.Info()
	if err == nil {
		r.Name = info.Name
	}
	return r, err
}

func (a *app) links() ([]linkReport, error) {
	dev, err := a.openDevice()
	if err != nil {
		return nil, err
	}
	found := []linkReport{}
	err = loader.EachLink(dev, func(l *loader.Link) error {
		r, err := describeLink(dev, l)
		if err == nil {
			found = append(found, r)
		}
		return err
	})
	return found, err
}

func (a *app) linkList() error {
	found, err := a.links()
	if err != nil {
		return err
	}
	if a.json {
		return printJSON(a.out, found)
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tTYPE\tPROG\tNAME\tTARGET")
	for _, r := range found {
		fmt.Fprintf(w, "%d\t%s\t%d\t%s\t%s\n", r.ID, r.Type, r.Prog, r.Name, r.Target)
	}
	return w.Flush()
}

// linkNamed opens a link by id or path.
func (a *app) linkNamed(which string) (*loader.Link, error) {
	dev, err := a.openDevice()
	if err != nil {
		return nil, err
	}
	if isPath(which) {
		return loader.LoadPinnedLinkFrom(dev, which, nil)
	}
	id, err := strconv.ParseUint(which, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("link %s: neither an id nor a path with a /", which)
	}
	return loader.LinkByID(dev, loader.LinkID(id))
}

func (a *app) linkShow(which string) error {
	l, err := a.linkNamed(which)
	if err != nil {
		return err
	}
	defer l.Close()
	dev, err := a.openDevice()
	if err != nil {
		return err
	}
	r, err := describeLink(dev, l)
	if err != nil {
		return err
	}
	if a.json {
		return printJSON(a.out, r)
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "id\t%d\ntype\t%s\nprogram\t%d\nname\t%s\ntarget\t%s\n", r.ID, r.Type, r.Prog, r.Name, r.Target)
	return w.Flush()
}

func (a *app) linkDetach(which string) error {
	l, err := a.linkNamed(which)
	if err != nil {
		return err
	}
	defer l.Close()
	err = l.Detach()
	if !errors.Is(err, unix.EOPNOTSUPP) {
		return err
	}
	if !isPath(which) {
		return fmt.Errorf("%w: it goes with its last holder (bpfshim link detach --help)", err)
	}
	return l.Unpin()
}

func (a *app) completeLinks(_ *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 || strings.Contains(word, "/") {
		return nil, cobra.ShellCompDirectiveDefault
	}
	found, err := a.links()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var out []string
	for _, r := range found {
		out = append(out, cobra.CompletionWithDesc(strconv.Itoa(int(r.ID)), r.Name+" "+r.Target))
	}
	return out, cobra.ShellCompDirectiveDefault
}
