// SPDX-License-Identifier: Apache-2.0

package support

import (
	"bytes"
	"os"
	"testing"

	"github.com/bpfshim/bpfshim/ioctl"
	reasons "github.com/bpfshim/bpfshim/loader/support"
	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"github.com/bpfshim/bpfshim/qemu-tests/support"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// commands use each command for what it is there for, and check what came of
// it. The errno says that the kernel cannot do it.
var commands = map[string]func(r *run) unix.Errno{
	"map_create": func(r *run) unix.Errno { return closed(r.create("hash")) },
	"map_lookup_elem": func(r *run) unix.Errno {
		r.want("value", r.word(r.filled(), k32(1)), 10)
		return 0
	},
	"map_update_elem": func(r *run) unix.Errno { r.filled(); return 0 },
	"map_delete_elem": func(r *run) unix.Errno {
		fd := r.filled()
		r.want("delete", r.Delete(fd, k32(1)), unix.Errno(0))
		return r.wantErr(r.Delete(fd, k32(1)), unix.ENOENT)
	},
	"map_get_next_key": func(r *run) unix.Errno {
		fd, n := r.filled(), 0
		var key []byte
		for {
			next, errno := r.NextKey(fd, key, 4)
			if errno != 0 {
				r.want("keys", n, 3)
				return r.wantErr(errno, unix.ENOENT)
			}
			key, n = next, n+1
		}
	},
	"map_lookup_and_delete_elem": func(r *run) unix.Errno {
		fd := r.filled()
		v := raw.Alloc(8)
		if _, errno := r.Do(raw.MapLookupDelete, raw.Elem(fd, raw.Ptr(k32(2)), raw.Addr(v), 0)); errno != 0 {
			return errno
		}
		r.want("value", le64(v), 20)
		return r.wantErr(r.Delete(fd, k32(2)), unix.ENOENT)
	},
	"map_freeze": func(r *run) unix.Errno {
		fd := r.newMap(raw.Array, 4, 8, 1, 0)
		if _, errno := r.Do(raw.MapFreeze, raw.NewAttr().U32(0, uint32(fd))); errno != 0 {
			return errno
		}
		return r.wantErr(r.Update(fd, k32(0), k64(1), 0), unix.EPERM)
	},
	"map_lookup_batch":            func(r *run) unix.Errno { return r.batch(raw.MapLookupBatch, 3) },
	"map_lookup_and_delete_batch": func(r *run) unix.Errno { return r.batch(raw.MapLookupDeleteBatch, 0) },
	"map_update_batch": func(r *run) unix.Errno {
		fd := r.newMap(raw.Hash, 4, 8, 8, 0)
		keys, values := raw.Ptr(append(k32(5), k32(6)...)), raw.Ptr(append(k64(50), k64(60)...))
		if _, errno := r.Do(raw.MapUpdateBatch, raw.Batch(fd, 0, 0, keys, values, 2)); errno != 0 {
			return errno
		}
		r.want("values", []uint64{r.word(fd, k32(5)), r.word(fd, k32(6))}, []uint64{50, 60})
		return 0
	},
	"map_delete_batch": func(r *run) unix.Errno {
		fd := r.filled()
		if _, errno := r.Do(raw.MapDeleteBatch, raw.Batch(fd, 0, 0, raw.Ptr(append(k32(1), k32(2)...)), 0, 2)); errno != 0 {
			return errno
		}
		_, errno := r.Lookup(fd, k32(1), 8)
		r.want("the third stays", r.word(fd, k32(3)), 30)
		return r.wantErr(errno, unix.ENOENT)
	},
	"prog_load": func(r *run) unix.Errno { r.prog("kprobe", return0); return 0 },
	"prog_test_run": func(r *run) unix.Errno {
		v, errno := r.Target.Run(r.prog("raw_tracepoint", is{asm.LoadMem(asm.R0, asm.R1, 8, asm.DWord), asm.Return()}), 1, 99)
		r.want("its second argument", v, 99)
		return errno
	},
	"prog_get_next_id": func(r *run) unix.Errno {
		return r.ids(raw.ProgNextID, raw.ProgFDByID, r.prog("kprobe", return0), 4)
	},
	"map_get_next_id":  func(r *run) unix.Errno { return r.ids(raw.MapNextID, raw.MapFDByID, r.filled(), 4) },
	"btf_get_next_id":  func(r *run) unix.Errno { return r.ids(raw.BTFNextID, raw.BTFFDByID, r.mbtf, 12) },
	"link_get_next_id": func(r *run) unix.Errno { return r.ids(raw.LinkNextID, raw.LinkFDByID, r.link(), 4) },
	"prog_get_fd_by_id": func(r *run) unix.Errno {
		return r.ids(raw.ProgNextID, raw.ProgFDByID, r.prog("kprobe", return0), 4)
	},
	"map_get_fd_by_id":  func(r *run) unix.Errno { return r.ids(raw.MapNextID, raw.MapFDByID, r.filled(), 4) },
	"btf_get_fd_by_id":  func(r *run) unix.Errno { return r.ids(raw.BTFNextID, raw.BTFFDByID, r.mbtf, 12) },
	"link_get_fd_by_id": func(r *run) unix.Errno { return r.ids(raw.LinkNextID, raw.LinkFDByID, r.link(), 4) },
	"obj_get_info_by_fd": func(r *run) unix.Errno {
		info, errno := r.info(r.filled())
		r.want("type, key and value", []uint64{le64(info) & 0xffffffff, le64(info[8:]) & 0xffffffff, le64(info[12:]) & 0xffffffff}, []uint64{raw.Hash, 4, 8})
		return errno
	},
	"raw_tracepoint_open": func(r *run) unix.Errno { return hooks["raw_tracepoint"](r) },
	"btf_load":            func(r *run) unix.Errno { r.btf(r.T, valueTypes()); return 0 },
	"task_fd_query": func(r *run) unix.Errno {
		buf := raw.Alloc(64)
		a := raw.NewAttr().U32(0, uint32(os.Getpid())).U32(4, uint32(r.link())).U32(12, 64).U64(16, raw.Addr(buf))
		if _, errno := r.Do(raw.TaskFDQuery, a); errno != 0 {
			return errno
		}
		r.want("kind and name", []any{a.Get32(28), unix.ByteSliceToString(buf)}, []any{0, "sched_process_fork"})
		return 0
	},
	"link_create": func(r *run) unix.Errno { return hooks["perf_event"](r) },
	"enable_stats": func(r *run) unix.Errno {
		fd, errno := r.Do(raw.EnableStats, raw.NewAttr())
		if errno != 0 {
			return errno
		}
		defer unix.Close(fd)
		prog := r.prog("raw_tracepoint", return0)
		for range 5 {
			if _, errno := r.Target.Run(prog); errno != 0 {
				return errno
			}
		}
		info, errno := r.info(prog)
		r.want("runs", le64(info[200:]), 5)
		return errno
	},
	"prog_bind_map": func(r *run) unix.Errno {
		prog := r.prog("kprobe", return0)
		if _, errno := r.Do(raw.ProgBindMap, raw.NewAttr().U32(0, uint32(prog)).U32(4, uint32(r.filled()))); errno != 0 {
			return errno
		}
		info, errno := r.info(prog)
		r.want("maps", le64(info[52:])&0xffffffff, 1)
		return errno
	},
	"obj_pin": func(r *run) unix.Errno { return r.pinned() },
	"obj_get": func(r *run) unix.Errno { return r.pinned() },
	"prog_attach": func(r *run) unix.Errno {
		return r.cgroup(func(dir, prog int) unix.Errno { return r.attachDetach(dir, prog) })
	},
	"prog_detach": func(r *run) unix.Errno {
		return r.cgroup(func(dir, prog int) unix.Errno { return r.attachDetach(dir, prog) })
	},
	"prog_query": func(r *run) unix.Errno {
		return r.cgroup(func(dir, prog int) unix.Errno {
			_, errno := r.Do(raw.ProgQuery, raw.NewAttr().U32(0, uint32(dir)))
			return errno
		})
	},
	"link_update": func(r *run) unix.Errno { return r.otherLink(raw.LinkUpdate) },
	"link_detach": func(r *run) unix.Errno { return r.otherLink(raw.LinkDetach) },
	"iter_create": func(r *run) unix.Errno {
		prog, errno := r.load(r.T, target{typ: 26, attach: atIter, funcs: []string{"bpf_iter_task"}}, return0)
		link := -1
		if errno == 0 {
			defer unix.Close(prog)
			if link, errno = r.Do(raw.LinkCreate, raw.NewAttr().U32(0, uint32(prog)).U32(8, atIter)); errno == 0 {
				defer unix.Close(link)
			}
		}
		if errno != 0 { // of something else, then
			link = r.link()
		}
		return closed(r.Do(raw.IterCreate, raw.NewAttr().U32(0, uint32(link))))
	},

	"ext_info": func(r *run) unix.Errno {
		i, errno := r.Info()
		r.want("version", i.ABI, ioctl.AbiVersion)
		return errno
	},
	"ext_kprobe":     func(r *run) unix.Errno { return hooks["kprobe"](r) },
	"ext_tracepoint": func(r *run) unix.Errno { return hooks["tracepoint"](r) },
	"ext_perf_attach": func(r *run) unix.Errno {
		return r.hit("perf_event", func(prog int) (int, unix.Errno) {
			perf, err := unix.PerfEventOpen(&unix.PerfEventAttr{Type: unix.PERF_TYPE_SOFTWARE, Config: unix.PERF_COUNT_SW_CPU_CLOCK,
				Sample: 1_000_000, Size: unix.PERF_ATTR_SIZE_VER1}, -1, 0, -1, 0)
			if err != nil {
				r.Fatal(err)
			}
			defer unix.Close(perf)
			return r.Call(raw.ExtPerfAttach, raw.NewAttr().U32(0, uint32(prog)).U32(4, uint32(perf)).Addr(), 24)
		}, spin)
	},
	"ext_output_open": func(r *run) unix.Errno { return closed(r.Target.Output(0, 1)) },
	"ext_set_kernel_btf": func(r *run) unix.Errno { // done once, by driver()
		_, errno := r.load(r.T, target{typ: 26, attach: atFentry, funcs: []string{"vfs_read"}}, return0)
		return errno
	},
}

func closed(fd int, errno unix.Errno) unix.Errno {
	if errno == 0 {
		unix.Close(fd)
	}
	return errno
}

func (r *run) wantErr(got, want unix.Errno) unix.Errno {
	r.Helper()
	r.want("then", errName(got), errName(want))
	return 0
}

// filled is a hash of three.
func (r *run) filled() int {
	r.Helper()
	fd := r.newMap(raw.Hash, 4, 8, 8, 0)
	for i := 1; i <= 3; i++ {
		r.update(fd, k32(i), k64(uint64(10*i)), 0, "ok")
	}
	return fd
}

// batch reads all of a map; left is how many stay.
func (r *run) batch(cmd uint32, left int) unix.Errno {
	fd := r.filled()
	keys, values, out := raw.Alloc(64), raw.Alloc(64), raw.Alloc(8)
	a := raw.Batch(fd, 0, raw.Addr(out), raw.Addr(keys), raw.Addr(values), 8)
	if _, errno := r.Do(cmd, a); errno != unix.ENOENT { // the end was reached
		return errno
	}
	sum := uint64(0)
	for i := range a.Get32(32) {
		sum += le64(values[8*i:])
	}
	r.want("count and sum", []any{a.Get32(32), sum}, []any{3, 60})
	n := 0
	for i := 1; i <= 3; i++ {
		if _, errno := r.Lookup(fd, k32(i), 8); errno == 0 {
			n++
		}
	}
	r.want("left", n, left)
	return 0
}

// info is what OBJ_GET_INFO_BY_FD tells.
func (r *run) info(fd int) ([]byte, unix.Errno) {
	b := raw.Alloc(256)
	_, errno := r.Do(raw.ObjInfo, raw.NewAttr().U32(0, uint32(fd)).U32(4, uint32(len(b))).U64(8, raw.Addr(b)))
	return b, errno
}

// ids walks the ids of a kind, and finds the object's own among them; at is
// where its info has it.
func (r *run) ids(next, byID uint32, fd int, at int) unix.Errno {
	r.Helper()
	info, errno := r.info(fd)
	if errno != 0 {
		return errno
	}
	own := uint32(le64(info[at:]))
	a := raw.NewAttr()
	found := false
	for id := uint32(0); ; {
		if _, errno := r.Do(next, a.U32(0, id)); errno != 0 {
			r.want("the end", errName(errno), "ENOENT")
			break
		}
		id = a.Get32(4)
		found = found || id == own
	}
	r.want("its id is among them", found, true)
	again, errno := r.Do(byID, raw.NewAttr().U32(0, own))
	if errno != 0 {
		return errno
	}
	defer unix.Close(again)
	same, errno := r.info(again)
	r.want("the same object", bytes.Equal(same, info), true)
	return errno
}

// link is one on a tracepoint, for as long as the test lives.
func (r *run) link() int {
	r.Helper()
	fd, errno := r.RawTP(r.prog("raw_tracepoint", return0), "sched_process_fork")
	if errno != 0 {
		r.Fatal(errName(errno))
	}
	r.Cleanup(func() { unix.Close(fd) })
	return fd
}

// pinned pins a map, closes it, and gets it again by its path.
func (r *run) pinned() unix.Errno {
	dir := "/sys/fs/bpf"
	if !r.IsNative() {
		dir = "/tmp/support-pins"
		_ = os.Mkdir(dir, 0o755)
		if err := unix.Mount("bpfshim", dir, "bpfshim", 0, ""); err == nil {
			defer func() { _ = unix.Unmount(dir, 0) }()
		}
	}
	path := dir + "/support"
	fd, errno := r.create("hash")
	if errno != 0 {
		r.Fatal(errName(errno))
	}
	r.update(fd, k32(7), k64(70), 0, "ok")
	_, errno = r.Do(raw.ObjPin, raw.NewAttr().U64(0, raw.CStr(path)).U32(8, uint32(fd)))
	unix.Close(fd)
	if errno != 0 {
		return errno
	}
	defer os.Remove(path)
	fd, errno = r.Do(raw.ObjGet, raw.NewAttr().U64(0, raw.CStr(path)))
	if errno != 0 {
		return errno
	}
	defer unix.Close(fd)
	r.want("value", r.word(fd, k32(7)), 70)
	return 0
}

// cgroup does something with a cgroup and a program for it.
func (r *run) cgroup(do func(dir, prog int) unix.Errno) unix.Errno {
	dir, err := unix.Open("/sys/fs/cgroup", unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		r.Fatal(err)
	}
	defer unix.Close(dir)
	return do(dir, r.prog("cgroup_skb", is{asm.Mov.Imm(asm.R0, 1), asm.Return()}))
}

func (r *run) attachDetach(dir, prog int) unix.Errno {
	if _, errno := r.Do(raw.ProgAttach, raw.NewAttr().U32(0, uint32(dir)).U32(4, uint32(prog))); errno != 0 {
		return errno
	}
	_, errno := r.Do(raw.ProgDetach, raw.NewAttr().U32(0, uint32(dir)).U32(4, uint32(prog)))
	return errno
}

// otherLink makes a link that can change its program or be forced off, and does
// that; the driver is asked with a link of its own when it has none.
func (r *run) otherLink(cmd uint32) unix.Errno {
	return r.cgroup(func(dir, prog int) unix.Errno {
		link, errno := r.Do(raw.LinkCreate, raw.NewAttr().U32(0, uint32(prog)).U32(4, uint32(dir)))
		if errno != 0 {
			link, prog = r.link(), r.prog("raw_tracepoint", return0)
		} else {
			defer unix.Close(link)
		}
		a := raw.NewAttr().U32(0, uint32(link))
		if cmd == raw.LinkUpdate {
			a.U32(4, uint32(prog))
		}
		_, errno = r.Do(cmd, a)
		return errno
	})
}

// TestCommands uses each command.
func TestCommands(t *testing.T) {
	drv, native := machines(t)
	for _, e := range ioctl.Enumerators("bpfshim_cmd", "") {
		t.Run(e.Name, func(t *testing.T) {
			onCPU0(t)
			do, ok := commands[e.Name]
			if !ok {
				t.Fatal("nothing here uses it")
			}
			row := support.Row{Kind: reasons.Command, Name: e.Name}
			if native != nil && e.Value < uint32(ioctl.CmdExt) {
				row.Native = map[string]string{"": errName(do(&run{t, native}))}
			}
			errno := do(&run{t, drv})
			row.Driver = map[string]string{"": errName(errno)}
			record(row)
			if errno != 0 {
				refused(t, reasons.Command, e.Name, "", errno)
			}
		})
	}
}
