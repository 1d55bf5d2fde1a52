// SPDX-License-Identifier: Apache-2.0

package hostverify

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bpfshim/bpfshim/ioctl"
)

// program is the verifier's name.
const program = "bpfshim-verify"

// Find looks for the verifier: $BPFSHIM_VERIFY, next to this program, in PATH,
// in /usr/libexec/bpfshim. ErrNoVerifier when it is nowhere.
func Find() (string, error) {
	if p := os.Getenv("BPFSHIM_VERIFY"); p != "" {
		return p, nil
	}
	var places []string
	if self, err := os.Executable(); err == nil {
		places = append(places, filepath.Join(filepath.Dir(self), program))
	}
	if p, err := exec.LookPath(program); err == nil {
		places = append(places, p)
	}
	for _, p := range append(places, "/usr/libexec/bpfshim/"+program) {
		if st, err := os.Stat(p); err == nil && st.Mode().IsRegular() {
			return p, nil
		}
	}
	return "", ErrNoVerifier
}

// magic begins a request; see cmd/bpfshim-verify/main.c.
const magic = 0x62767231

const (
	insnSize     = 8
	funcInfoSize = 8
	lineInfoSize = 16
)

// run asks the verifier about one program.
func (d *Device) run(a *ioctl.ProgLoadAttr, types []byte, maps []*mapObject) (Result, []byte, error) {
	var b bytes.Buffer
	put := func(words ...uint32) {
		for _, w := range words {
			b.Write(binary.NativeEndian.AppendUint32(nil, w))
		}
	}
	gpl := uint32(0)
	if isGPL(a.License) {
		gpl = 1
	}
	put(magic, a.InsnCnt, a.ProgType, a.ExpectedAttachType, a.ProgFlags, gpl, a.AttachBtfId, a.LogLevel,
		a.FuncInfoCnt, a.LineInfoCnt, uint32(len(types)), uint32(len(maps)))
	b.Write(bytesAt(a.Insns, int(a.InsnCnt)*insnSize))
	b.Write(records(a.FuncInfo, a.FuncInfoCnt, a.FuncInfoRecSize, funcInfoSize))
	b.Write(records(a.LineInfo, a.LineInfoCnt, a.LineInfoRecSize, lineInfoSize))
	b.Write(types)
	slices.SortFunc(maps, func(x, y *mapObject) int { return int(x.fd) - int(y.fd) })
	for _, m := range maps {
		frozen := uint32(0)
		if m.frozen && m.attr.MapFlags&ioctl.FRdonlyProg != 0 {
			frozen = 1
		}
		put(m.fd, m.attr.MapType, m.attr.KeySize, m.attr.ValueSize, m.attr.MaxEntries, m.attr.MapFlags, frozen,
			uint32(len(m.btf)), m.attr.BtfKeyTypeId, m.attr.BtfValueTypeId, uint32(len(m.data)), m.attr.InnerMapFd)
		b.Write(m.attr.MapName[:])
		b.Write(m.btf)
		b.Write(m.data)
	}
	var args []string
	if d.KernelBTF != "" && a.AttachBtfId != 0 {
		args = append(args, d.KernelBTF)
	}
	cmd := exec.Command(d.path, args...)
	cmd.Stdin = &b
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return Result{}, nil, fmt.Errorf("%w: %s", err, bytes.TrimSpace(errs.Bytes()))
	}
	line, log, _ := bytes.Cut(out, []byte("\n"))
	var r Result
	var errno int
	if _, err := fmt.Sscan(string(line), &errno, &r.Processed, &r.TotalStates, &r.PeakStates, &r.StatesMax,
		&r.Nanoseconds, &r.PeakMemory, &r.StackDepth, &r.Insns); err != nil {
		return Result{}, nil, fmt.Errorf("%s answers %q: %w", d.path, line, err)
	}
	r.Errno = unix.Errno(errno)
	return r, log, nil
}

// records makes records of the size that the verifier knows.
func records(p ioctl.Pointer, n, have, want uint32) []byte {
	from := bytesAt(p, int(n*have))
	var out []byte
	for i := range n {
		rec := make([]byte, want)
		copy(rec, from[i*have:(i+1)*have])
		out = append(out, rec...)
	}
	return out
}

func isGPL(p ioctl.Pointer) bool {
	if p.IsNil() {
		return false
	}
	switch unix.BytePtrToString((*byte)(p.Unsafe())) {
	case "GPL", "GPL v2", "GPL and additional rights", "Dual BSD/GPL", "Dual MIT/GPL", "Dual MPL/GPL":
		return true
	}
	return false
}
