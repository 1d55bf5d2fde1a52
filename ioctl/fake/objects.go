// SPDX-License-Identifier: Apache-2.0

package fake

import (
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/bpfshim/bpfshim/ioctl"
)

func (d *Device) progLoad(a *ioctl.ProgLoadAttr) (int, error) {
	if a.InsnCnt == 0 {
		return -1, unix.E2BIG
	}
	p := &Program{
		Name: ioctl.NameString(a.ProgName[:]), Type: ioctl.ProgType(a.ProgType),
		Insns: slices.Clone(bytesAt(a.Insns, int(a.InsnCnt)*8)), License: stringAt(a.License),
		FuncInfos: int(a.FuncInfoCnt), LineInfos: int(a.LineInfoCnt),
		AttachType: ioctl.AttachType(a.ExpectedAttachType), LogLevel: a.LogLevel,
	}
	if a.ProgBtfFd != 0 {
		o, err := d.get(a.ProgBtfFd, "btf")
		if err != nil {
			return -1, err
		}
		p.BTF = o.btf
	}
	var log string
	var err error
	if d.Verify != nil {
		log, err = d.Verify(p)
	}
	if a.LogLevel != 0 {
		buf := bytesAt(a.LogBuf, int(a.LogSize))
		if len(log)+1 > len(buf) {
			copy(buf, log[:len(buf)-1])
			return -1, unix.ENOSPC
		}
		copy(buf, log+"\x00")
	}
	if err != nil {
		return -1, err
	}
	o := &object{kind: "prog", p: p}
	fd := d.install(o)
	p.ID = o.id
	return fd, nil
}

func (d *Device) link(cmd ioctl.Cmd, attr unsafe.Pointer) (int, error) {
	l := &Link{Cmd: cmd}
	var prog uint32
	switch cmd {
	case ioctl.ExtKprobe:
		a := (*ioctl.ExtKprobeAttr)(attr)
		prog = a.ProgFd
		l.Symbol, l.Offset, l.Cookie, l.Return = stringAt(a.Symbol), a.Offset, a.Cookie, a.Flags&ioctl.KprobeReturn != 0
	case ioctl.ExtTracepoint:
		a := (*ioctl.ExtTracepointAttr)(attr)
		prog, l.Event, l.Cookie = a.ProgFd, a.EventId, a.Cookie
	case ioctl.ExtPerfAttach:
		a := (*ioctl.ExtPerfAttachAttr)(attr)
		prog, l.Event, l.Cookie = a.ProgFd, uint64(a.PerfFd), a.Cookie
	case ioctl.RawTracepointOpen:
		a := (*ioctl.RawTracepointAttr)(attr)
		prog, l.Symbol = a.ProgFd, stringAt(a.Name)
	}
	o, err := d.get(prog, "prog")
	if err != nil {
		return -1, err
	}
	l.Program = o.p
	lo := &object{kind: "link", l: l}
	fd := d.install(lo)
	l.ID = lo.id
	return fd, nil
}

func (d *Device) info(a *ioctl.InfoAttr) error {
	o := d.fds[int(int32(a.BpfFd))]
	if o == nil {
		return unix.EBADF
	}
	switch o.kind {
	case "map":
		i := (*ioctl.MapInfo)(a.Info.Unsafe())
		c := o.m.attr
		*i = ioctl.MapInfo{
			Type: c.MapType, Id: o.id, KeySize: c.KeySize, ValueSize: c.ValueSize, MaxEntries: c.MaxEntries,
			MapFlags: c.MapFlags, Name: c.MapName, BtfKeyTypeId: c.BtfKeyTypeId, BtfValueTypeId: c.BtfValueTypeId,
		}
		if o.m.btf != nil {
			i.BtfId = o.m.btf.id
		}
	case "prog":
		i := (*ioctl.ProgInfo)(a.Info.Unsafe())
		*i = ioctl.ProgInfo{
			Type: uint32(o.p.Type), Id: o.id, Name: ioctl.ObjName(o.p.Name), XlatedProgLen: uint32(len(o.p.Insns)),
			RunCnt: o.p.Runs, RunTimeNs: o.p.RunTime, RecursionMisses: o.p.Misses,
		}
	case "btf":
		i := (*ioctl.BtfInfo)(a.Info.Unsafe())
		copy(bytesAt(i.Btf, int(i.BtfSize)), o.btf)
		i.BtfSize, i.Id = uint32(len(o.btf)), o.id
		if o == d.kernel {
			i.KernelBtf = 1
			copy(bytesAt(i.Name, int(i.NameLen)), "vmlinux\x00")
		}
	case "link":
		i := (*ioctl.LinkInfo)(a.Info.Unsafe())
		*i = ioctl.LinkInfo{Type: uint32(ioctl.LinkTypePerfEvent), Id: o.id, ProgId: o.l.Program.ID}
		if o.l.Cmd == ioctl.RawTracepointOpen {
			i.Type = uint32(ioctl.LinkTypeRawTracepoint)
		}
	default:
		return unix.EINVAL
	}
	return nil
}
