// SPDX-License-Identifier: Apache-2.0

// Package attach makes links: it is what loader and loader/link share.
package attach

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/bpfshim/bpfshim/ioctl"
)

// Link is a program that is attached, until it is closed.
type Link struct {
	dev    ioctl.Device
	fd     atomic.Int64
	what   string
	pinned string
}

// FromFD takes over a link's file descriptor. what is String's.
func FromFD(dev ioctl.Device, fd int, what string) *Link { return newLink(dev, fd, what) }

func newLink(dev ioctl.Device, fd int, what string) *Link {
	l := &Link{dev: dev, what: what}
	l.fd.Store(int64(fd))
	return l
}

// FD is the link's file descriptor, -1 once closed.
func (l *Link) FD() int { return int(l.fd.Load()) }

// String says what the program is attached to.
func (l *Link) String() string { return l.what }

// Close detaches the program.
func (l *Link) Close() error {
	fd := l.fd.Swap(-1)
	if fd < 0 {
		return nil
	}
	if err := l.dev.CloseFD(int(fd)); err != nil {
		return fmt.Errorf("detach from %s: %w", l.what, err)
	}
	return nil
}

// Detach detaches the program while others may hold the link.
func (l *Link) Detach() error {
	_, err := ioctl.Do(l.dev, ioctl.LinkDetach, &ioctl.LinkDetachAttr{LinkFd: uint32(l.FD())})
	return l.wrap("detach from", err)
}

// Update replaces the link's program.
func (l *Link) Update(prog int) error {
	_, err := ioctl.Do(l.dev, ioctl.LinkUpdate, &ioctl.LinkUpdateAttr{LinkFd: uint32(l.FD()), NewProgFd: uint32(prog)})
	return l.wrap("replace the program at", err)
}

// Pin makes the link outlive this process, under that path.
func (l *Link) Pin(path string) error {
	_, err := ioctl.Do(l.dev, ioctl.ObjPin, &ioctl.ObjPinAttr{Pathname: ioctl.StringPointer(path), BpfFd: uint32(l.FD())})
	if err == nil {
		l.pinned = path
	}
	return l.wrap("pin to "+path+" the link to", err)
}

// Unpin undoes Pin. The program stays attached as long as the link is open.
func (l *Link) Unpin() error {
	if l.pinned == "" {
		return nil
	}
	if err := os.Remove(l.pinned); err != nil && !os.IsNotExist(err) {
		return err
	}
	l.pinned = ""
	return nil
}

// IsPinned reports whether the link was pinned or opened by path.
func (l *Link) IsPinned() bool { return l.pinned != "" }

// SetPinned says which path the link was opened by.
func (l *Link) SetPinned(path string) { l.pinned = path }

// Target is what the driver says the program is attached to, such as
// "kprobe user_statfs+0x4"; empty: it does not.
func (l *Link) Target() string {
	info, err := l.Info()
	if err != nil {
		return ""
	}
	name := make([]byte, 256)
	if ioctl.LinkType(info.Type) == ioctl.LinkTypeRawTracepoint {
		raw := ioctl.LinkInfoRawTracepoint{TpName: ioctl.SlicePointer(name), TpNameLen: uint32(len(name))}
		if _, err := ioctl.Do(l.dev, ioctl.ObjGetInfoByFd, &ioctl.InfoAttr{
			BpfFd: uint32(l.FD()), InfoLen: uint32(unsafe.Sizeof(raw)), Info: ioctl.NewPointer(unsafe.Pointer(&raw)),
		}); err != nil {
			return ""
		}
		return "raw_tracepoint " + ioctl.NameString(name)
	}
	q := ioctl.TaskFdQueryAttr{
		Pid: uint32(os.Getpid()), Fd: uint32(l.FD()), Buf: ioctl.SlicePointer(name), BufLen: uint32(len(name)),
	}
	if _, err := ioctl.Do(l.dev, ioctl.TaskFdQuery, &q); err != nil {
		return ""
	}
	kinds := []string{"raw_tracepoint", "tracepoint", "kprobe", "kretprobe", "uprobe", "uretprobe"}
	if int(q.FdType) >= len(kinds) {
		return ""
	}
	what := strings.TrimSpace(kinds[q.FdType] + " " + ioctl.NameString(name))
	switch {
	case q.ProbeAddr != 0:
		what += fmt.Sprintf(" %#x", q.ProbeAddr)
	case q.ProbeOffset != 0:
		what += fmt.Sprintf("+%#x", q.ProbeOffset)
	}
	return what
}

// Info asks about the link.
func (l *Link) Info() (ioctl.LinkInfo, error) {
	var info ioctl.LinkInfo
	_, err := ioctl.Do(l.dev, ioctl.ObjGetInfoByFd, &ioctl.InfoAttr{
		BpfFd: uint32(l.FD()), InfoLen: uint32(unsafe.Sizeof(info)), Info: ioctl.NewPointer(unsafe.Pointer(&info)),
	})
	return info, l.wrap("ask about", err)
}

func (l *Link) wrap(verb string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s: %w", verb, l.what, err)
}

// Errors that loader gives its own names.
var (
	// ErrNoSymbol: no such function.
	ErrNoSymbol = errors.New("no such symbol in the kernel")
	// ErrNoEvent: no such tracepoint.
	ErrNoEvent = errors.New("no such tracepoint in the kernel")
)

// KprobeOptions are kprobes' and kretprobes'.
type KprobeOptions struct {
	Cookie    uint64
	Offset    uint64
	Maxactive int
}

// Kprobe attaches to a function's entry or an offset into it, or to its return.
func Kprobe(dev ioctl.Device, prog int, symbol string, ret bool, opts KprobeOptions) (*Link, error) {
	what := "kprobe"
	attr := &ioctl.ExtKprobeAttr{
		ProgFd: uint32(prog), Symbol: ioctl.StringPointer(symbol), Offset: opts.Offset,
		Cookie: opts.Cookie, Maxactive: uint32(opts.Maxactive),
	}
	if ret {
		what = "kretprobe"
		attr.Flags = ioctl.KprobeReturn
	}
	what += " " + symbol
	if opts.Offset != 0 {
		what += fmt.Sprintf("+%#x", opts.Offset)
	}
	if symbol == "" {
		return nil, fmt.Errorf("%s: no symbol given: %w", what, unix.EINVAL)
	}
	fd, err := ioctl.Do(dev, ioctl.ExtKprobe, attr)
	switch {
	case err == nil:
		return newLink(dev, fd, what), nil
	case errors.Is(err, unix.ENOENT):
		err = fmt.Errorf("%w (%w)", ErrNoSymbol, err)
	case errors.Is(err, unix.EADDRNOTAVAIL): // native kernels', for the same
		err = fmt.Errorf("%w (%w)", ErrNoSymbol, err)
	case errors.Is(err, unix.EINVAL):
		err = fmt.Errorf("the address cannot be probed, or the program is no kprobe program (%w)", err)
	}
	return nil, fmt.Errorf("attach %s: %w", what, err)
}

// Tracepoint attaches to a trace event by its name.
func Tracepoint(dev ioctl.Device, prog int, group, name string, cookie uint64) (*Link, error) {
	what := "tracepoint " + group + ":" + name
	id, err := EventID(group, name)
	if err != nil {
		return nil, fmt.Errorf("attach %s: %w", what, err)
	}
	fd, err := ioctl.Do(dev, ioctl.ExtTracepoint, &ioctl.ExtTracepointAttr{ProgFd: uint32(prog), EventId: id, Cookie: cookie})
	if err != nil {
		return nil, fmt.Errorf("attach %s: %w", what, err)
	}
	return newLink(dev, fd, what), nil
}

// RawTracepoint attaches to a tracepoint of that name.
func RawTracepoint(dev ioctl.Device, prog int, name string) (*Link, error) {
	what := "raw tracepoint " + name
	fd, err := ioctl.Do(dev, ioctl.RawTracepointOpen, &ioctl.RawTracepointAttr{Name: ioctl.StringPointer(name), ProgFd: uint32(prog)})
	if errors.Is(err, unix.ENOENT) {
		err = fmt.Errorf("%w (%w)", ErrNoEvent, err)
	}
	if err != nil {
		return nil, fmt.Errorf("attach %s: %w", what, err)
	}
	return newLink(dev, fd, what), nil
}

// PerfEvent attaches to an event that perf_event_open(2) returned.
func PerfEvent(dev ioctl.Device, prog, perf int, cookie uint64) (*Link, error) {
	what := fmt.Sprintf("perf event (fd %d)", perf)
	fd, err := ioctl.Do(dev, ioctl.ExtPerfAttach, &ioctl.ExtPerfAttachAttr{ProgFd: uint32(prog), PerfFd: uint32(perf), Cookie: cookie})
	if err != nil {
		return nil, fmt.Errorf("attach %s: %w", what, err)
	}
	return newLink(dev, fd, what), nil
}

// TraceFS are the places where tracefs is, or was before 4.1.
var TraceFS = []string{"/sys/kernel/tracing", "/sys/kernel/debug/tracing"}

// FindTraceFS is the one of TraceFS that is mounted.
func FindTraceFS() (string, error) {
	for _, dir := range TraceFS {
		if _, err := os.Stat(filepath.Join(dir, "events")); err == nil {
			return dir, nil
		}
	}
	return "", fmt.Errorf("tracefs is not mounted (looked at %s; mount -t debugfs debugfs /sys/kernel/debug): %w",
		strings.Join(TraceFS, ", "), fs.ErrNotExist)
}

// EventID is the number of a trace event.
func EventID(group, name string) (uint64, error) {
	dir, err := FindTraceFS()
	if err != nil {
		return 0, err
	}
	if strings.ContainsAny(group+name, "/") || group == "" || name == "" {
		return 0, fmt.Errorf("%q: %w", group+"/"+name, ErrNoEvent)
	}
	b, err := os.ReadFile(filepath.Join(dir, "events", group, name, "id"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("%w (%w)", ErrNoEvent, err)
	}
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
}
