// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/bpfshim/bpfshim/loader"
)

const statsHelp = `
  RUNS    in that time; RUNS/S: in a second
  NS/RUN  nanoseconds that a run took on average, with what it calls
  CPU     share of one CPU; more than 100% on several
  MISSED  runs that did not happen: a program was running on that CPU already

Runs are timed while the command runs only, as reading the clock costs each of
them a little.`

func statsCommand(a *app) *cobra.Command {
	f := liveFlags{count: 1}
	cmd := &cobra.Command{
		Use:   "stats [ID|NAME|PATH]...",
		Short: "Measure how often programs run, and how long",
		Long:  "Measure for a time how often programs run, and how long: all, or those named.\n" + statsHelp,
		Example: `  bpfshim prog stats
  bpfshim prog stats openat_enter openat_leave --interval 10s
  bpfshim prog stats --json | jq '.[] | select(.cpu_percent > 1)'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.progStats(cmd.Context(), args, &f)
		},
		ValidArgsFunction: func(c *cobra.Command, _ []string, text string) ([]string, cobra.ShellCompDirective) {
			return a.completeProgs(c, nil, text)
		},
	}
	cmd.Flags().DurationVar(&f.interval, "interval", time.Second, "time to measure for")
	return cmd
}

func topCommand(a *app) *cobra.Command {
	var f liveFlags
	cmd := &cobra.Command{
		Use:   "top",
		Short: "Show what programs cost, live",
		Long: `Show again and again which programs ran, the most costly first.
` + statsHelp + `

--json prints an object a line for each table, with all the programs' figures.`,
		Example: `  bpfshim top
  bpfshim top --interval 5s --rows 5
  bpfshim top --count 1 --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.top(cmd.Context(), &f) },
	}
	f.add(cmd)
	return cmd
}

// statReport is what a program did in an interval, as --json prints it.
type statReport struct {
	ID       uint32  `json:"id"`
	Type     string  `json:"type"`
	Name     string  `json:"name,omitempty"`
	Runs     uint64  `json:"run_cnt"`
	RunTime  uint64  `json:"run_time_ns"`
	Misses   uint64  `json:"recursion_misses"`
	RunsPerS float64 `json:"runs_per_s"`
	NsPerRun float64 `json:"ns_per_run"`
	CPU      float64 `json:"cpu_percent"` // of one
}

// topReport is a table, as top --json prints it.
type topReport struct {
	Interval float64      `json:"interval_s"`
	CPU      float64      `json:"cpu_percent"` // of all programs
	Programs []statReport `json:"programs"`
}

// meter has programs' counters at its last reading.
type meter struct {
	wanted func(progReport) bool
	last   map[uint32]progReport
}

// read returns what each program did since the last reading, by id.
func (m *meter) read(a *app, took time.Duration) ([]statReport, error) {
	progs, err := a.progs(m.wanted)
	if err != nil {
		return nil, err
	}
	out := []statReport{}
	now := map[uint32]progReport{}
	for _, p := range progs {
		now[p.ID] = p
		// One that was loaded meanwhile started at nothing.
		was := m.last[p.ID]
		s := statReport{
			ID: p.ID, Type: p.Type, Name: p.Name,
			Runs: change(p.Runs, was.Runs), RunTime: change(p.RunTime, was.RunTime), Misses: change(p.Misses, was.Misses),
		}
		if took > 0 {
			s.RunsPerS = float64(s.Runs) / took.Seconds()
			s.CPU = 100 * float64(s.RunTime) / float64(took.Nanoseconds())
		}
		if s.Runs > 0 {
			s.NsPerRun = float64(s.RunTime) / float64(s.Runs)
		}
		out = append(out, s)
	}
	m.last = now
	return out, nil
}

// measure calls show with programs' statistics, of interval after interval.
func (a *app) measure(ctx context.Context, f *liveFlags, wanted func(progReport) bool, show func([]statReport, time.Duration) error) error {
	if err := f.check(); err != nil {
		return err
	}
	dev, err := a.openDevice()
	if err != nil {
		return err
	}
	on, err := loader.EnableStatsOn(dev, loader.StatsRunTime)
	if err != nil {
		return err
	}
	defer on.Close()
	m := &meter{wanted: wanted}
	if _, err := m.read(a, 0); err != nil {
		return err
	}
	return a.every(ctx, f, func(took time.Duration) error {
		stats, err := m.read(a, took)
		if err != nil {
			return err
		}
		return show(stats, took)
	})
}

func (a *app) progStats(ctx context.Context, which []string, f *liveFlags) error {
	which = slices.Clone(which)
	for i := range which {
		w, err := a.progID(which[i])
		if err != nil {
			return err
		}
		which[i] = w
		found, err := a.progs(func(p progReport) bool { return p.called(w) })
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return fmt.Errorf("program %s: %w", w, os.ErrNotExist)
		}
	}
	wanted := func(p progReport) bool { return len(which) == 0 || slices.ContainsFunc(which, p.called) }
	return a.measure(ctx, f, wanted, func(stats []statReport, _ time.Duration) error {
		if a.json {
			return printJSON(a.out, stats)
		}
		return printStats(a.out, stats)
	})
}

func (a *app) top(ctx context.Context, f *liveFlags) error {
	first := true
	return a.measure(ctx, f, func(progReport) bool { return true }, func(stats []statReport, took time.Duration) error {
		r := topReport{Interval: took.Seconds(), Programs: stats}
		for _, s := range stats {
			r.CPU += s.CPU
		}
		slices.SortStableFunc(stats, func(x, y statReport) int {
			return cmp.Or(cmp.Compare(y.RunTime, x.RunTime), cmp.Compare(y.Runs, x.Runs))
		})
		if a.json {
			return printJSONLine(a.out, r)
		}
		err := a.showTable(first, func(w io.Writer) error {
			fmt.Fprintf(w, "%d programs, %s of one CPU\n", len(stats), percent(r.CPU))
			if f.rows > 0 && len(stats) > f.rows {
				stats = stats[:f.rows]
			}
			return printStats(w, stats)
		})
		first = false
		return err
	})
}

func percent(p float64) string { return strconv.FormatFloat(p, 'f', 2, 64) + "%" }

func printStats(out io.Writer, stats []statReport) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tTYPE\tNAME\tRUNS\tRUNS/S\tNS/RUN\tCPU\tMISSED")
	for _, s := range stats {
		fmt.Fprintf(w, "%d\t%s\t%s\t%d\t%.1f\t%.0f\t%s\t%d\n", s.ID, s.Type, s.Name, s.Runs, s.RunsPerS, s.NsPerRun, percent(s.CPU), s.Misses)
	}
	return w.Flush()
}
