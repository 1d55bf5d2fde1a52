// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/cilium/ebpf/btf"
	"github.com/spf13/cobra"

	"github.com/bpfshim/bpfshim/loader"
	"github.com/bpfshim/bpfshim/loader/decode"
)

type loadFlags struct {
	types       []string
	set         []string
	duration    time.Duration
	count       int
	buffer      int
	logLevel    int
	skipMissing bool
	noAttach    bool
	pinMaps     string
	pin         string
}

func loadCommand(a *app) *cobra.Command {
	var f loadFlags
	cmd := &cobra.Command{
		Use:   "load FILE.o",
		Short: "Load an object, attach its programs, print their events",
		Long: `Load a BPF object, attach every program to the hook that its section names
(kprobe/, kretprobe/, ksyscall/, kretsyscall/, tracepoint/ or tp/,
raw_tracepoint/ or raw_tp/), and print what programs send to perf event arrays
and ring buffers, until interrupted. Then everything is detached.

When all is attached, "attached N programs" is said on stderr.

An event is printed by its BTF type, which is, in this order: --type; the map's
value type; the struct that a global pointer names for this purpose, as
    struct event *unused_event __attribute__((unused));
does; a struct of the map's name (map events: struct event). Events without a
type are printed as hex.

With --json, each line is one object:
    {"map":"events","cpu":0,"type":"event","event":{...}}
    {"map":"events","cpu":0,"lost":N}      records that did not fit the buffer
    {"map":"events","cpu":0,"raw":"00ff"}  records without a type`,
		Example: `  bpfshim load opensnoop.o
  bpfshim load --json --duration 10s execsnoop.o
  bpfshim load --set filter_pid=1234 --type events='struct event' opensnoop.o
  bpfshim load --pin /sys/fs/bpf/tool tool.o      # rm -r the directory to detach
  bpfshim --device native load opensnoop.o`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.load(cmd.Context(), args[0], &f)
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"o"}, cobra.ShellCompDirectiveFilterFileExt
		},
	}
	fl := cmd.Flags()
	fl.StringArrayVar(&f.types, "type", nil, "MAP=TYPE: the type of a map's events")
	fl.StringArrayVar(&f.set, "set", nil, "VAR=VALUE: set a global variable before load")
	fl.DurationVar(&f.duration, "duration", 0, "end after this time")
	fl.IntVar(&f.count, "count", 0, "end after this many events")
	fl.IntVar(&f.buffer, "buffer", 256, "KiB of buffer a CPU for perf event arrays")
	fl.IntVar(&f.logLevel, "log-level", 0, "print the verifier's log: 1 branches, 2 instructions, 4 statistics")
	fl.BoolVar(&f.skipMissing, "skip-missing", false, "go on without programs whose symbol or tracepoint this kernel lacks")
	fl.BoolVar(&f.noAttach, "no-attach", false, "load only: say whether the verifier accepts the programs")
	fl.StringVar(&f.pinMaps, "pin-maps", "", "directory of maps that the object pins by name (default: see bpfshim mount)")
	fl.StringVar(&f.pin, "pin", "", "pin everything under this directory (maps, progs, links) and end: the programs stay attached")
	return cmd
}

func (a *app) load(ctx context.Context, file string, f *loadFlags) error {
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()

	spec, err := loader.LoadCollectionSpec(file)
	if err != nil {
		return err
	}
	if err := setVariables(spec, f.set); err != nil {
		return err
	}
	types, err := eventTypes(spec, f.types)
	if err != nil {
		return err
	}
	dev, err := a.openDevice()
	if err != nil {
		return err
	}
	opts := loader.CollectionOptions{Device: dev}
	opts.Programs.LogLevel = loader.LogLevel(f.logLevel)
	if opts.Maps.PinPath, err = pinByName(dev, spec, f.pinMaps); err != nil {
		return err
	}
	coll, err := loader.NewCollectionWithOptions(spec, opts)
	if err != nil {
		return err
	}
	defer coll.Close()
	if f.logLevel != 0 {
		a.printLogs(coll)
	}
	if f.noAttach {
		fmt.Fprintf(a.err, "loaded %d programs\n", len(coll.Programs))
		return nil
	}

	out := newEventWriter(a.out, a.json)
	readers := &readers{}
	if f.pin == "" {
		if readers, err = openReaders(coll, spec, types, f.buffer*1024, out); err != nil {
			return err
		}
	}
	defer readers.close()
	links, err := coll.AttachAllWithOptions(loader.AttachOptions{Skip: func(p *loader.Program, err error) bool {
		if f.skipMissing && (errors.Is(err, loader.ErrNoSymbol) || errors.Is(err, loader.ErrNoEvent)) {
			fmt.Fprintf(a.err, "warning: skipped: %v\n", err)
			return true
		}
		return false
	}})
	if err != nil {
		return err
	}
	defer closeLinks(links)
	if f.pin != "" {
		if err := pinAll(f.pin, coll, links); err != nil {
			return err
		}
	}
	a.reportAttached(coll, links)
	if f.pin != "" {
		return nil
	}

	if f.duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.duration)
		defer cancel()
	}
	ctx, enough := context.WithCancel(ctx)
	defer enough()
	out.limit(f.count, enough)
	return readers.run(ctx, func() { closeLinks(links) })
}

func closeLinks(links []*loader.Link) {
	for _, l := range links {
		l.Close()
	}
}

func (a *app) printLogs(coll *loader.Collection) {
	for _, name := range sortedKeys(coll.Programs) {
		fmt.Fprintf(a.err, "program %s:\n%s\n", name, strings.TrimRight(coll.Programs[name].VerifierLog, "\n"))
	}
}

func (a *app) reportAttached(coll *loader.Collection, links []*loader.Link) {
	var b strings.Builder
	for _, l := range links {
		fmt.Fprintf(&b, "  %s\n", l)
	}
	for _, name := range sortedKeys(coll.Programs) {
		if p := coll.Programs[name]; p.SectionName() != "" && !attachable(p.SectionName()) {
			fmt.Fprintf(&b, "  (not attached: %s, section %s)\n", name, p.SectionName())
		}
	}
	// Last in one write: whoever waits for it may read the list, too.
	io.WriteString(a.err, b.String()+fmt.Sprintf("attached %d programs\n", len(links)))
}

// attachable: AttachAll has done or said something about it.
func attachable(section string) bool {
	kind, target, _ := strings.Cut(section, "/")
	switch kind {
	case "kprobe", "kretprobe", "ksyscall", "kretsyscall", "tracepoint", "tp", "raw_tracepoint", "raw_tp", "raw_tracepoint.w", "raw_tp.w":
		return target != ""
	}
	return false
}

// setVariables handles --set.
func setVariables(spec *loader.CollectionSpec, set []string) error {
	for _, s := range set {
		name, value, ok := strings.Cut(s, "=")
		if !ok {
			return fmt.Errorf("--set %s: not VAR=VALUE", s)
		}
		v := spec.Variables[name]
		if v == nil {
			return fmt.Errorf("--set %s: the object has the variables %s", s, strings.Join(sortedKeys(spec.Variables), ", "))
		}
		var typ btf.Type
		if t := v.Type(); t != nil {
			typ = t.Type
		}
		b, err := decode.Parse(typ, int(v.Size()), value)
		if err != nil {
			return fmt.Errorf("--set %s: %w", s, err)
		}
		if err := v.Set(b); err != nil {
			return fmt.Errorf("--set %s: %w", s, err)
		}
	}
	return nil
}

// eventTypes handles --type, and finds the others.
func eventTypes(spec *loader.CollectionSpec, given []string) (map[string]btf.Type, error) {
	types := map[string]btf.Type{}
	names := decode.EventMaps(spec)
	for _, name := range names {
		if t := decode.EventType(spec, name); t != nil {
			types[name] = t
		}
	}
	for _, g := range given {
		name, typ, ok := strings.Cut(g, "=")
		if !ok {
			return nil, fmt.Errorf("--type %s: not MAP=TYPE", g)
		}
		if spec.Maps[name] == nil {
			return nil, fmt.Errorf("--type %s: the object has the event maps %s", g, strings.Join(names, ", "))
		}
		t, err := decode.NamedType(spec, typ)
		if err != nil {
			return nil, fmt.Errorf("--type %s: %w", g, err)
		}
		types[name] = t
	}
	return types, nil
}
