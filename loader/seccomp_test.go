// SPDX-License-Identifier: Apache-2.0

package loader_test

import (
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bpfshim/bpfshim/ioctl"
	"github.com/bpfshim/bpfshim/ioctl/fake"
	"github.com/bpfshim/bpfshim/loader"
	"github.com/bpfshim/bpfshim/loader/perf"
	"github.com/bpfshim/bpfshim/loader/testbpf"
)

// forbidBPF makes bpf(2) the death of this process.
func forbidBPF(t *testing.T) {
	const nrOffset = 0 // of struct seccomp_data
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: nrOffset},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_BPF, Jt: 0, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0x80000000}, // SECCOMP_RET_KILL_PROCESS
		{Code: unix.BPF_RET | unix.BPF_K, K: 0x7fff0000}, // SECCOMP_RET_ALLOW
	}
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	require.NoError(t, unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
	const setModeFilter, tsync = 1, 1
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, setModeFilter, tsync, uintptr(unsafe.Pointer(&prog)))
	require.Zero(t, errno, "seccomp: %v", errno)
}

// asDriver is a fake that claims to be the driver.
type asDriver struct{ *fake.Device }

func (asDriver) Kind() ioctl.Kind { return ioctl.KindDriver }

// TestNoSyscall: through the driver nothing makes bpf(2), which is ENOSYS on
// the kernels that this is for: not the loader, and nothing of cilium/ebpf's
// that it uses, which asks the kernel for features here and there.
func TestNoSyscall(t *testing.T) {
	const env = "BPFSHIM_TEST_NO_BPF"
	switch os.Getenv(env) {
	case "":
	case "native":
		forbidBPF(t)
		loader.NewMapWithOptions(&loader.MapSpec{Type: loader.Array, KeySize: 4, ValueSize: 4, MaxEntries: 1},
			loader.MapOptions{Device: ioctl.Native()})
		t.Fatal("alive")
	case "driver":
		object := os.Getenv("BPFSHIM_TEST_OBJECT")
		d := asDriver{fake.New(loader.MustPossibleCPU())}
		types, err := loader.LoadBTF(os.Getenv("BPFSHIM_TEST_BTF"))
		require.NoError(t, err)
		forbidBPF(t)
		everything(t, d, object, loader.ProgramOptions{KernelTypes: types})
		return
	}
	run := func(mode string) error {
		cmd := exec.Command(os.Args[0], "-test.run=^TestNoSyscall$", "-test.count=1")
		cmd.Env = append(os.Environ(), env+"="+mode,
			"BPFSHIM_TEST_OBJECT="+testbpf.Build(t, "testdata/all.bpf.c"),
			"BPFSHIM_TEST_BTF="+testbpf.Build(t, "testdata/kernel.bpf.c"))
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Logf("%s: %v\n%s", mode, err, out)
		}
		return err
	}
	err := run("native")
	require.Error(t, err, "bpf(2) was not noticed: the test shows nothing")
	require.ErrorContains(t, err, "bad system call")
	assert.NoError(t, run("driver"), "bpf(2) was made")
}

// everything does what a tool does from start to end.
func everything(t *testing.T, d ioctl.Device, object string, opts loader.ProgramOptions) {
	spec, err := loader.LoadCollectionSpec(object)
	require.NoError(t, err)
	require.NoError(t, spec.Variables["filter_pid"].Set(uint32(1)))
	coll, err := loader.NewCollectionWithOptions(spec, loader.CollectionOptions{Device: d, Programs: opts})
	require.NoError(t, err)
	defer coll.Close()
	rd, err := perf.NewReader(coll.Maps["events"], 8192)
	require.NoError(t, err)
	defer rd.Close()
	links, err := coll.AttachAll()
	require.NoError(t, err)
	rd.SetDeadline(time.Now().Add(10 * time.Millisecond))
	_, err = rd.Read()
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	var total uint64
	require.NoError(t, coll.Variables["total"].Get(&total))
	_, _, err = coll.Maps["counts"].Types()
	require.NoError(t, err)
	require.NoError(t, loader.EachProgram(d, func(p *loader.Program) error {
		_, err := p.Info()
		return err
	}))
	_, err = loader.Info(d)
	require.NoError(t, err)
	for _, l := range links {
		_, err := l.Info()
		require.NoError(t, err)
		require.NoError(t, l.Close())
	}
}
