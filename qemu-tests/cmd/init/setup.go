// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// mounts are tried in order; what a kernel lacks is left out unless needed.
var mounts = []struct {
	fs, dir, data string
	needed        bool
}{
	{"proc", "/proc", "", true},
	{"sysfs", "/sys", "", true},
	{"devtmpfs", "/dev", "mode=0755", true},
	{"tmpfs", "/tmp", "mode=1777", true},
	{"tmpfs", "/run", "mode=0755", true},
	{"devpts", "/dev/pts", "mode=0620", false},
	{"tmpfs", "/dev/shm", "mode=1777", false},
	{"debugfs", "/sys/kernel/debug", "", false},
	{"tracefs", "/sys/kernel/tracing", "", false},
	{"securityfs", "/sys/kernel/security", "", false},
	{"bpf", "/sys/fs/bpf", "mode=0700", false},
}

func setUp() error {
	for _, m := range mounts {
		err := os.MkdirAll(m.dir, 0o755)
		if err == nil || os.IsExist(err) {
			err = unix.Mount(m.fs, m.dir, m.fs, 0, m.data)
		}
		if err != nil && m.needed {
			return fmt.Errorf("%s on %s: %w", m.fs, m.dir, err)
		}
	}
	mountCgroups()
	for name, target := range map[string]string{
		"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2",
	} {
		_ = os.Symlink(target, "/dev/"+name)
	}
	unlimited := unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY}
	_ = unix.Setrlimit(unix.RLIMIT_MEMLOCK, &unlimited)
	_ = unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 65536, Max: 65536})
	_ = unix.Sethostname([]byte("guest"))
	for path, value := range map[string]string{
		"/proc/sys/kernel/kptr_restrict":             "0",
		"/proc/sys/kernel/perf_event_paranoid":       "-1",
		"/proc/sys/kernel/perf_cpu_time_max_percent": "0",
		"/proc/sys/kernel/printk_ratelimit":          "0",
		"/proc/sys/kernel/printk_devkmsg":            "on",
	} {
		_ = os.WriteFile(path, []byte(value), 0o644)
	}
	return loopbackUp()
}

// mountCgroups mounts version 2 where the kernel has it, else the controllers
// of version 1 in one hierarchy each.
func mountCgroups() {
	const dir = "/sys/fs/cgroup"
	if os.MkdirAll(dir, 0o755) == nil && unix.Mount("cgroup2", dir, "cgroup2", 0, "") == nil {
		return
	}
	b, err := os.ReadFile("/proc/cgroups")
	if err != nil || unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=0755") != nil {
		return
	}
	for _, line := range strings.Split(string(b), "\n") {
		f := strings.Fields(line)
		if len(f) < 4 || f[0][0] == '#' || f[3] != "1" {
			continue
		}
		if os.Mkdir(dir+"/"+f[0], 0o755) == nil {
			_ = unix.Mount("cgroup", dir+"/"+f[0], "cgroup", 0, f[0])
		}
	}
}

func loopbackUp() error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil // a kernel without a network
	}
	defer unix.Close(s)
	ifr, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	ifr.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, ifr); err != nil {
		return fmt.Errorf("lo: %w", err)
	}
	return nil
}
