// SPDX-License-Identifier: Apache-2.0

package support

import (
	"fmt"
	"os"

	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// Values that belong to an object: a task, a program's attachment to a cgroup.

func init() {
	for name, do := range map[string]func(r *run, fd int){"task_storage": ofTasks, "cgroup_storage": ofCgroups, "percpu_cgroup_storage": ofCgroups} {
		mapCases[name] = do
	}
	made := func(name string, do func(r *run, fd int)) func(r *run) {
		return func(r *run) {
			fd, errno := r.create(name)
			if errno != 0 {
				r.Fatalf("%s: %s: %s", r.machine.Name, name, errName(errno))
			}
			defer unix.Close(fd)
			do(r, fd)
		}
	}
	cases["task_storage_get"], cases["task_storage_delete"] = made("task_storage", ofTasks), made("task_storage", ofTasks)
	cases["get_local_storage"] = func(r *run) {
		for _, name := range []string{"cgroup_storage", "percpu_cgroup_storage"} {
			made(name, ofCgroups)(r)
		}
	}
}

// taskKey is a key of task storage: a pidfd, or where the kernel has none the
// process's directory.
func (r *run) taskKey(pid int) []byte {
	r.Helper()
	fd, err := unix.PidfdOpen(pid, 0)
	if err == unix.ENOSYS {
		fd, err = unix.Open(fmt.Sprintf("/proc/%d", pid), unix.O_RDONLY|unix.O_DIRECTORY, 0)
	}
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { unix.Close(fd) })
	return k32(fd)
}

// ofTasks works on the value of this process's first thread.
func ofTasks(r *run, fd int) {
	self := r.taskKey(os.Getpid())
	first := is{asm.FnGetCurrentTaskBtf.Call(), asm.LoadMem(asm.R2, asm.R0, r.offsetOf("task_struct", "group_leader"), asm.DWord), asm.LoadMapPtr(asm.R1, fd)}
	get := func(initial int64, flags int32) int64 {
		return int64(r.value(join(is{st(asm.RFP, -8, initial, asm.DWord)}, first, pointer(asm.R3, -8), is{asm.Mov.Imm(asm.R4, flags), asm.FnTaskStorageGet.Call(),
			asm.JNE.Imm(asm.R0, 0, "found"), asm.Mov.Imm(asm.R1, -1), asm.Ja.Label("none"), asm.LoadMem(asm.R1, asm.R0, 0, asm.DWord).WithSymbol("found"),
			asm.Add.Imm(asm.R1, 1), asm.StoreMem(asm.R0, 0, asm.R1, asm.DWord), asm.Mov.Reg(asm.R0, asm.R1).WithSymbol("none")})))
	}
	del := func() int64 { return int64(r.value(join(first, is{asm.FnTaskStorageDelete.Call()}))) }
	r.update(fd, self, k64(41), raw.UpdateExist, "ENOENT")
	r.update(fd, self, k64(41), raw.UpdateNoexist, "ok")
	r.update(fd, self, k64(42), raw.UpdateNoexist, "EEXIST")
	r.want("a program adds to it", get(0, 0), 42)
	r.want("value", r.word(fd, self), 42)
	r.want("a program deletes it", del(), 0)
	r.want("again", del(), -2)
	r.want("a program finds none", get(0, 0), -1)
	r.want("a program makes it", get(70, 1), 71)
	r.want("value", r.word(fd, self), 71)
	r.want("delete", errName(r.Delete(fd, self)), "ok")
	r.want("delete again", errName(r.Delete(fd, self)), "ENOENT")
	_, errno := r.NextKey(fd, nil, 4)
	r.want("the first key", errName(errno), "ENOTSUPP")
	r.update(fd, k32(-1), k64(1), 0, "EBADF")
}

// ofCgroups counts a program's runs in its storage, which is new with each
// PROG_TEST_RUN.
func ofCgroups(r *run, fd int) {
	out := r.newMap(raw.Array, 4, 8, 1, 0)
	prog := r.prog("cgroup_skb", join(is{asm.LoadMapPtr(asm.R1, fd), asm.Mov.Imm(asm.R2, 0), asm.FnGetLocalStorage.Call(),
		asm.LoadMem(asm.R7, asm.R0, 0, asm.DWord), asm.Add.Imm(asm.R7, 1), asm.StoreMem(asm.R0, 0, asm.R7, asm.DWord)}, value(out),
		is{asm.StoreMem(asm.R9, 0, asm.R7, asm.DWord), asm.Mov.Imm(asm.R0, 1).WithSymbol("exit"), asm.Return()}))
	for _, repeat := range []uint32{5, 1} {
		p := packet()
		a := raw.NewAttr().U32(0, uint32(prog)).U32(8, uint32(len(p))).U64(16, raw.Ptr(p)).U32(32, repeat)
		_, errno := r.Do(raw.ProgTestRun, a)
		r.want("run", []any{errName(errno), a.Get32(4)}, []any{"ok", 1})
		r.want("runs that it counted", r.word(out, k32(0)), repeat)
	}
	_, errno := r.NextKey(fd, nil, 8)
	r.want("a key without an attachment", errName(errno), "ENOENT")
}
