// SPDX-License-Identifier: Apache-2.0

package loader

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/bpfshim/bpfshim/loader/internal/attach"
)

// Link is a program that is attached. Close detaches it.
type Link = attach.Link

// ErrNoEvent: the kernel has no such tracepoint.
var ErrNoEvent = attach.ErrNoEvent

// ErrNoSymbol: the kernel has no such symbol.
var ErrNoSymbol = attach.ErrNoSymbol

// ErrNotAttachable: a program's section does not say where to attach it.
var ErrNotAttachable = errors.New("the section names no hook that is attached by itself")

// Attach attaches the program to what its section names: kprobe/SYMBOL[+OFFSET],
// kretprobe/SYMBOL, ksyscall/NAME, kretsyscall/NAME, tracepoint/GROUP/NAME
// (or tp/), raw_tracepoint/NAME (or raw_tp/). ErrNotAttachable for others.
func (p *Program) Attach() (*Link, error) {
	fd, err := p.value()
	if err != nil {
		return nil, err
	}
	kind, target, _ := strings.Cut(p.SectionName(), "/")
	fail := func(err error) (*Link, error) {
		return nil, fmt.Errorf("program %s (section %s): %w", p.name, p.SectionName(), err)
	}
	if target == "" {
		return fail(ErrNotAttachable)
	}
	var l *Link
	switch kind {
	case "kprobe", "kretprobe":
		symbol, offset, err := splitOffset(target)
		if err != nil {
			return fail(err)
		}
		if kind == "kretprobe" && offset != 0 {
			return fail(errors.New("a kretprobe has no offset"))
		}
		l, err = attach.Kprobe(p.dev, int(fd), symbol, kind == "kretprobe", attach.KprobeOptions{Offset: offset})
		if err != nil {
			return fail(err)
		}
	case "ksyscall", "kretsyscall":
		symbol, err := SyscallSymbol(target)
		if err != nil {
			return fail(err)
		}
		if l, err = attach.Kprobe(p.dev, int(fd), symbol, kind == "kretsyscall", attach.KprobeOptions{}); err != nil {
			return fail(err)
		}
	case "tracepoint", "tp":
		group, name, ok := strings.Cut(target, "/")
		if !ok {
			return fail(errors.New("a tracepoint is GROUP/NAME"))
		}
		if l, err = attach.Tracepoint(p.dev, int(fd), group, name, 0); err != nil {
			return fail(err)
		}
	case "raw_tracepoint", "raw_tp", "raw_tracepoint.w", "raw_tp.w":
		if l, err = attach.RawTracepoint(p.dev, int(fd), target); err != nil {
			return fail(err)
		}
	default:
		return fail(ErrNotAttachable)
	}
	return l, nil
}

// splitOffset parses SYMBOL+OFFSET.
func splitOffset(target string) (string, uint64, error) {
	symbol, text, ok := strings.Cut(target, "+")
	if !ok {
		return symbol, 0, nil
	}
	offset, err := strconv.ParseUint(text, 0, 64)
	if err != nil {
		return "", 0, fmt.Errorf("offset %q: %w", text, err)
	}
	return symbol, offset, nil
}

// AttachOptions control AttachAllWithOptions.
type AttachOptions struct {
	// Skip is asked about a program that cannot be attached: true goes on
	// without it. nil: none is skipped.
	Skip func(p *Program, err error) bool
}

// AttachAll attaches every program to what its section names. When one fails,
// none stays attached. Programs whose section names no hook are left alone.
func (c *Collection) AttachAll() ([]*Link, error) {
	return c.AttachAllWithOptions(AttachOptions{})
}

// AttachAllWithOptions is AttachAll with options.
func (c *Collection) AttachAllWithOptions(opts AttachOptions) ([]*Link, error) {
	var links []*Link
	for _, name := range slices.Sorted(maps.Keys(c.Programs)) {
		p := c.Programs[name]
		l, err := p.Attach()
		switch {
		case err == nil:
			links = append(links, l)
		case errors.Is(err, ErrNotAttachable):
		case opts.Skip != nil && opts.Skip(p, err):
		default:
			for _, l := range links {
				l.Close()
			}
			return nil, err
		}
	}
	return links, nil
}

// FindTraceFS is where tracefs is mounted.
func FindTraceFS() (string, error) { return attach.FindTraceFS() }
