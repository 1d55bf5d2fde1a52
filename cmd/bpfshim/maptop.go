// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/cilium/ebpf/btf"
	"github.com/spf13/cobra"
)

func mapTopCommand(a *app) *cobra.Command {
	var f liveFlags
	var by string
	cmd := &cobra.Command{
		Use:   "top ID|NAME|PATH",
		Short: "Show which entries grow fastest, live",
		Long: `Show again and again the entries whose value grew most since the last table:
those of a map that a program counts in.

The value is a number, or a struct with a number that --by names, of as many
members as it takes: --by count, --by disk.bytes. Of a per-CPU map it is the sum
over all CPUs. Entries that are new count from zero.

  VALUE     as it is now
  CHANGE    since the last table; CHANGE/S: in a second

--json prints an object a line for each table, with all the entries.`,
		Example: `  bpfshim map top counts
  bpfshim map top io --by bytes --interval 5s --rows 10
  bpfshim map top 12 --count 1 --json`,
		Args:              cobra.ExactArgs(1),
		RunE:              func(cmd *cobra.Command, args []string) error { return a.mapTop(cmd.Context(), args[0], by, &f) },
		ValidArgsFunction: a.completeMaps,
	}
	f.add(cmd)
	cmd.Flags().StringVar(&by, "by", "", "the member of the value that counts")
	return cmd
}

// number is where a value has the number that counts.
type number struct {
	offset, size int
	signed       bool
}

var errNoNumber = errors.New("no number")

// findNumber looks for the member, a name after the other.
func findNumber(typ btf.Type, size uint32, by string) (number, error) {
	if typ == nil {
		switch {
		case by != "":
			return number{}, fmt.Errorf("--by %s: the map has no type information: %w", by, errNoNumber)
		case size == 1 || size == 2 || size == 4 || size == 8:
			return number{0, int(size), false}, nil
		}
		return number{}, fmt.Errorf("a value of %d bytes without type information: %w", size, errNoNumber)
	}
	at := uint32(0)
	for rest := by; rest != ""; {
		var name string
		name, rest, _ = strings.Cut(rest, ".")
		members := membersOf(typ)
		i := slices.IndexFunc(members, func(m btf.Member) bool { return m.Name == name })
		if i < 0 || members[i].BitfieldSize != 0 {
			return number{}, fmt.Errorf("--by %s: there is no number %s, but %s", by, name, memberNames(members))
		}
		at += members[i].Offset.Bytes()
		typ = members[i].Type
	}
	switch t := btf.UnderlyingType(typ).(type) {
	case *btf.Int:
		if t.Size <= 8 {
			return number{int(at), int(t.Size), t.Encoding == btf.Signed}, nil
		}
	case *btf.Enum:
		return number{int(at), int(t.Size), t.Signed}, nil
	case *btf.Struct, *btf.Union:
		return number{}, fmt.Errorf("name the number to look at: --by %s%s", prefix(by), memberNames(membersOf(typ)))
	}
	return number{}, fmt.Errorf("a value of %v: %w", typ, errNoNumber)
}

func prefix(by string) string {
	if by == "" {
		return ""
	}
	return by + "."
}

func membersOf(typ btf.Type) []btf.Member {
	switch t := btf.UnderlyingType(typ).(type) {
	case *btf.Struct:
		return t.Members
	case *btf.Union:
		return t.Members
	}
	return nil
}

func memberNames(members []btf.Member) string {
	var names []string
	for _, m := range members {
		if m.Name != "" && m.BitfieldSize == 0 && countable(m.Type) {
			names = append(names, m.Name)
		}
	}
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}

// countable reports whether a member is a number or holds some.
func countable(typ btf.Type) bool {
	switch t := btf.UnderlyingType(typ).(type) {
	case *btf.Int:
		return t.Size <= 8
	case *btf.Enum, *btf.Struct, *btf.Union:
		return true
	}
	return false
}

// of reads it, extended to 64 bits.
func (n number) of(value []byte) int64 {
	b := value[n.offset:][:n.size]
	switch n.size {
	case 1:
		if n.signed {
			return int64(int8(b[0]))
		}
		return int64(b[0])
	case 2:
		v := binary.NativeEndian.Uint16(b)
		if n.signed {
			return int64(int16(v))
		}
		return int64(v)
	case 4:
		v := binary.NativeEndian.Uint32(b)
		if n.signed {
			return int64(int32(v))
		}
		return int64(v)
	}
	return int64(binary.NativeEndian.Uint64(b))
}

// counted is a number as JSON and text have it: one of 64 bits without a sign
// may be larger than an int64.
type counted struct {
	v      int64
	signed bool
}

func (c counted) String() string {
	if c.signed {
		return strconv.FormatInt(c.v, 10)
	}
	return strconv.FormatUint(uint64(c.v), 10)
}

// MarshalJSON is the number.
func (c counted) MarshalJSON() ([]byte, error) { return []byte(c.String()), nil }

// growth is what became of an entry, as --json prints it.
type growth struct {
	Key     json.RawMessage `json:"key"`
	Value   counted         `json:"value"`
	Change  int64           `json:"change"`
	PerS    float64         `json:"change_per_s"`
	keyText string
}

// mapTopReport is a table, as map top --json prints it.
type mapTopReport struct {
	Interval float64  `json:"interval_s"`
	Entries  []growth `json:"entries"`
}

// numbers are all keys' at this time.
func (v *mapView) numbers(n number) (map[string]int64, error) {
	out := map[string]int64{}
	err := v.eachRaw(func(key, value []byte) error {
		sum := int64(0)
		if v.perCPU {
			size := int(v.m.ValueSize())
			stride := (size + 7) &^ 7
			for at := 0; at+size <= len(value); at += stride {
				sum += n.of(value[at:])
			}
		} else {
			sum = n.of(value)
		}
		out[string(key)] = sum
		return nil
	})
	return out, err
}

// grown are the entries, those first that grew most.
func (v *mapView) grown(n number, now, before map[string]int64, took time.Duration) ([]growth, error) {
	out := []growth{}
	for _, key := range sortedKeys(now) {
		g := growth{Value: counted{now[key], n.signed}, Change: now[key] - before[key]}
		if took > 0 {
			g.PerS = float64(g.Change) / took.Seconds()
		}
		var err error
		if g.Key, g.keyText, err = render(v.key, []byte(key)); err != nil {
			return nil, err
		}
		out = append(out, g)
	}
	slices.SortStableFunc(out, func(x, y growth) int {
		return cmp.Or(cmp.Compare(y.Change, x.Change), compareNumbers(y.Value, x.Value))
	})
	return out, nil
}

func compareNumbers(x, y counted) int {
	if x.signed {
		return cmp.Compare(x.v, y.v)
	}
	return cmp.Compare(uint64(x.v), uint64(y.v))
}

func (a *app) mapTop(ctx context.Context, which, by string, f *liveFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	return a.withMap(which, func(v *mapView) error {
		n, err := findNumber(v.value, v.m.ValueSize(), by)
		if err != nil {
			return err
		}
		before, err := v.numbers(n)
		if err != nil {
			return err
		}
		first := true
		return a.every(ctx, f, func(took time.Duration) error {
			now, err := v.numbers(n)
			if err != nil {
				return err
			}
			list, err := v.grown(n, now, before, took)
			if err != nil {
				return err
			}
			before = now
			if a.json {
				return printJSONLine(a.out, mapTopReport{took.Seconds(), list})
			}
			err = a.showTable(first, func(w io.Writer) error { return printGrowth(w, list, f.rows) })
			first = false
			return err
		})
	})
}

func printGrowth(out io.Writer, list []growth, rows int) error {
	fmt.Fprintf(out, "%d entries\n", len(list))
	if rows > 0 && len(list) > rows {
		list = list[:rows]
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "VALUE\tCHANGE\tCHANGE/S\tKEY")
	for _, g := range list {
		fmt.Fprintf(w, "%v\t%d\t%.1f\t%s\n", g.Value, g.Change, g.PerS, g.keyText)
	}
	return w.Flush()
}
