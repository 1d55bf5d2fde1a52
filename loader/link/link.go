// SPDX-License-Identifier: Apache-2.0

// Package link attaches programs. Its names are those of
// github.com/cilium/ebpf/link.
package link

import (
	"errors"
	"fmt"

	"github.com/bpfshim/bpfshim/ioctl"
	"github.com/bpfshim/bpfshim/loader"
	"github.com/bpfshim/bpfshim/loader/internal/attach"
)

// Link is a program that is attached.
type Link interface {
	// Close detaches the program, unless the link is pinned.
	Close() error
	// Detach detaches the program while others may hold the link.
	Detach() error
	// Update replaces the program.
	Update(*loader.Program) error
	// Pin makes the link outlive this process, under that path.
	Pin(path string) error
	// Unpin undoes Pin; the program stays attached while the link is open.
	Unpin() error
	// IsPinned reports whether the link was pinned or opened by path.
	IsPinned() bool
	// Info describes the link.
	Info() (*Info, error)
	// FD is the link's file descriptor.
	FD() int
	// String says what the program is attached to.
	String() string
}

// Type is the kind of a link.
type Type = ioctl.LinkType

// ID is the id of a link.
type ID uint32

// Info describes a link.
type Info struct {
	Type    Type
	ID      ID
	Program loader.ProgramID
}

type link struct{ *attach.Link }

func (l link) Update(p *loader.Program) error { return l.Link.Update(p.FD()) }

func (l link) Info() (*Info, error) {
	i, err := l.Link.Info()
	if err != nil {
		return nil, err
	}
	return &Info{Type: Type(i.Type), ID: ID(i.Id), Program: loader.ProgramID(i.ProgId)}, nil
}

// KprobeOptions are kprobes' and kretprobes'.
type KprobeOptions struct {
	// Cookie is what bpf_get_attach_cookie returns.
	Cookie uint64
	// Offset of the probe from the symbol, for kprobes.
	Offset uint64
	// RetprobeMaxActive is how many calls can be under way at once without a
	// return being missed; 0: the kernel decides.
	RetprobeMaxActive int
}

func usable(p *loader.Program, types ...loader.ProgramType) (int, error) {
	if p == nil {
		return -1, errors.New("no program to attach")
	}
	for _, t := range types {
		if p.Type() == t {
			if fd := p.FD(); fd >= 0 {
				return fd, nil
			}
			return -1, fmt.Errorf("attach %v: %w", p, loader.ErrClosed)
		}
	}
	return -1, fmt.Errorf("attach %v: it is no %v program", p, types[0])
}

func wrap(l *attach.Link, err error) (Link, error) {
	if err != nil {
		return nil, err
	}
	return link{l}, nil
}

func kprobe(symbol string, p *loader.Program, ret bool, opts *KprobeOptions) (Link, error) {
	fd, err := usable(p, loader.Kprobe)
	if err != nil {
		return nil, err
	}
	var o attach.KprobeOptions
	if opts != nil {
		o = attach.KprobeOptions{Cookie: opts.Cookie, Offset: opts.Offset, Maxactive: opts.RetprobeMaxActive}
	}
	return wrap(attach.Kprobe(p.Device(), fd, symbol, ret, o))
}

// Kprobe attaches to a kernel function's entry, or to opts.Offset bytes into
// it. An unknown function is loader.ErrNoSymbol; system calls' functions are
// found by loader.SyscallSymbol.
func Kprobe(symbol string, p *loader.Program, opts *KprobeOptions) (Link, error) {
	return kprobe(symbol, p, false, opts)
}

// Kretprobe attaches to a kernel function's return.
func Kretprobe(symbol string, p *loader.Program, opts *KprobeOptions) (Link, error) {
	return kprobe(symbol, p, true, opts)
}

// TracepointOptions are Tracepoint's.
type TracepointOptions struct {
	// Cookie is what bpf_get_attach_cookie returns.
	Cookie uint64
}

// Tracepoint attaches to a trace event, such as sched/sched_switch.
func Tracepoint(group, name string, p *loader.Program, opts *TracepointOptions) (Link, error) {
	fd, err := usable(p, loader.TracePoint)
	if err != nil {
		return nil, err
	}
	var cookie uint64
	if opts != nil {
		cookie = opts.Cookie
	}
	return wrap(attach.Tracepoint(p.Device(), fd, group, name, cookie))
}

// RawTracepointOptions are AttachRawTracepoint's.
type RawTracepointOptions struct {
	// Name of the tracepoint.
	Name string
	// Program to attach.
	Program *loader.Program
}

// AttachRawTracepoint attaches to a tracepoint itself, before its record is made.
func AttachRawTracepoint(opts RawTracepointOptions) (Link, error) {
	fd, err := usable(opts.Program, loader.RawTracepoint, loader.RawTracepointWritable)
	if err != nil {
		return nil, err
	}
	if opts.Name == "" {
		return nil, errors.New("a raw tracepoint without a name")
	}
	return wrap(attach.RawTracepoint(opts.Program.Device(), fd, opts.Name))
}

// AttachPerfEvent attaches to an event that perf_event_open(2) returned: a
// trace event, a sampling event or a uprobe. The event stays the caller's.
func AttachPerfEvent(perfFD int, p *loader.Program, cookie uint64) (Link, error) {
	fd, err := usable(p, loader.PerfEvent, loader.Kprobe, loader.TracePoint)
	if err != nil {
		return nil, err
	}
	return wrap(attach.PerfEvent(p.Device(), fd, perfFD, cookie))
}

// AttachProgram attaches a program to what its section names, as
// loader.Program.Attach does.
func AttachProgram(p *loader.Program) (Link, error) {
	return wrap(p.Attach())
}

// LoadPinnedLink opens a link of the default device by path.
func LoadPinnedLink(path string, opts *loader.LoadPinOptions) (Link, error) {
	dev, err := loader.DefaultDevice()
	if err != nil {
		return nil, err
	}
	return wrap(loader.LoadPinnedLinkFrom(dev, path, opts))
}

// NewFromID opens a link of the default device by its id.
func NewFromID(id ID) (Link, error) {
	dev, err := loader.DefaultDevice()
	if err != nil {
		return nil, err
	}
	return wrap(loader.LinkByID(dev, loader.LinkID(id)))
}
