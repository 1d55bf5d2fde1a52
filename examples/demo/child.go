// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"unsafe"
)

// child is what the demo's processes do.
func child(what string, args []string) {
	switch what {
	case "child-open":
		runtime.LockOSThread()
		r := report{
			PID: os.Getpid(), PPID: os.Getppid(), UID: os.Getuid(),
			Comm: filepath.Base(os.Args[0]),
		}
		for _, path := range args {
			r.Opens = append(r.Opens, open(path, true), open(path, false), creat(path+"/created"))
		}
		json.NewEncoder(os.Stdout).Encode(r)
	case "child-exit":
		os.Exit(must(strconv.Atoi(args[0])))
	case "child-kill":
		syscall.Kill(os.Getpid(), syscall.Signal(must(strconv.Atoi(args[0]))))
		select {}
	}
}

// creat creates path by creat(2), and says what came of it.
func creat(path string) openEvent {
	name := must(syscall.BytePtrFromString(path))
	fd, _, errno := syscall.Syscall(syscall.SYS_CREAT, uintptr(unsafe.Pointer(name)), 0o600, 0)
	return result(path, syscall.O_WRONLY|syscall.O_CREAT|syscall.O_TRUNC, fd, errno)
}

// open opens path by open(2) or openat(2) and says what came of it.  The
// flags differ, so that each event can be told from the other.
func open(path string, at bool) openEvent {
	const atFDCWD = -100
	flags := syscall.O_RDONLY | syscall.O_CLOEXEC
	name := must(syscall.BytePtrFromString(path))
	var fd uintptr
	var errno syscall.Errno
	if at {
		flags |= syscall.O_NOFOLLOW
		cwd := atFDCWD
		fd, _, errno = syscall.Syscall6(syscall.SYS_OPENAT, uintptr(cwd),
			uintptr(unsafe.Pointer(name)), uintptr(flags), 0, 0, 0)
	} else {
		flags |= syscall.O_NONBLOCK
		fd, _, errno = syscall.Syscall(syscall.SYS_OPEN,
			uintptr(unsafe.Pointer(name)), uintptr(flags), 0)
	}
	return result(path, flags, fd, errno)
}

func result(path string, flags int, fd uintptr, errno syscall.Errno) openEvent {
	ev := openEvent{
		PID: os.Getpid(), TID: syscall.Gettid(), Path: path, Flags: flags,
		Ret: int(fd),
	}
	if errno != 0 {
		ev.Ret = -int(errno)
	} else {
		syscall.Close(int(fd))
	}
	return ev
}
