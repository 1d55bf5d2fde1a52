// SPDX-License-Identifier: Apache-2.0

package differ

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"golang.org/x/sys/unix"
)

// pinKinds are what can be pinned, and what cannot.
func (r *run) pinKinds() (names []string, fds []int) {
	m := r.mapOf(raw.Hash, 4, 8, 4)
	p := r.once0()
	l, errno := r.tgt.RawTP(p, "sched_process_exit")
	if errno != 0 {
		r.Fatal(raw.ErrName(errno))
	}
	b := raw.BTF()
	btf, errno := r.tgt.Do(raw.BTFLoad, raw.NewAttr().U64(0, raw.Ptr(b)).U32(16, uint32(len(b))))
	if errno != 0 {
		r.Fatal(raw.ErrName(errno))
	}
	null, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { closeAll(l, btf, null) })
	return []string{"map", "program", "link", "BTF", "file", "nothing"}, []int{m, p, l, btf, null, 900}
}

func closeAll(fds ...int) {
	for _, fd := range fds {
		unix.Close(fd)
	}
}

// once0 loads the smallest program.
func (r *run) once0() int {
	fd, errno := r.tgt.Do(raw.ProgLoad, raw.Prog(raw.RawTracepoint, raw.Return0()...))
	if errno != 0 {
		r.Fatal(raw.ErrName(errno))
	}
	r.Cleanup(func() { unix.Close(fd) })
	return fd
}

// says is an errno's name, whatever wraps it.
func says(err error) string {
	var errno unix.Errno
	if errors.As(err, &errno) {
		return raw.ErrName(errno)
	}
	if err != nil {
		return err.Error()
	}
	return "ok"
}

// about is what stat tells of a path.
func about(path string) string {
	var s unix.Stat_t
	if err := unix.Lstat(path, &s); err != nil {
		return says(err)
	}
	return fmt.Sprintf("mode %o, %d links, size %d, owner %d:%d", s.Mode, s.Nlink, s.Size, s.Uid, s.Gid)
}

// mountPins tries mount options.
func mountPins(r *run) {
	fs := r.tgt.PinFS()
	for _, options := range []string{"", "mode=0711", "mode=7777", "mode=0", "mode=abc", "mode=", "mode", "mode=99", "mode=017777777", "foo", "foo=bar,mode=750", "mode=700,mode=711"} {
		dir := r.TempDir()
		err := unix.Mount("none", dir, fs, 0, options)
		r.sayf("options %q: %s", options, says(err))
		if err != nil {
			continue
		}
		b, _ := os.ReadFile("/proc/self/mounts")
		for _, line := range strings.Split(string(b), "\n") {
			if f := strings.Fields(line); len(f) > 3 && f[1] == dir {
				r.sayf("  mounted %s, %s", f[3], about(dir))
			}
		}
		r.sayf("  again: %s", says(unix.Mount("none", dir, fs, unix.MS_REMOUNT, "mode=0500")))
		r.sayf("  read-only: %s", says(unix.Mount("none", dir, fs, unix.MS_REMOUNT|unix.MS_RDONLY, "")))
		r.sayf("  mkdir: %s", says(unix.Mkdir(dir+"/d", 0o777)))
		r.sayf("  umount: %s", says(unix.Unmount(dir, 0)))
	}
	var s unix.Statfs_t
	dir := r.tgt.MountPins(r, "")
	err := unix.Statfs(dir, &s)
	r.sayf("statfs: %s, type %#x, blocks of %d, names of %d, %d files", says(err), s.Type, s.Bsize, s.Namelen, s.Files)
	e, err := os.ReadDir(dir)
	r.sayf("holds %d names, %s", len(e), says(err))
}

// pins names objects, and what cannot be named.
func pins(r *run) {
	dir := r.tgt.MountPins(r, "")
	old := unix.Umask(0o022)
	defer unix.Umask(old)
	_ = os.Mkdir(dir+"/d", 0o755)
	names, fds := r.pinKinds()
	for i, what := range names {
		at := dir + "/" + what
		r.sayf("%s: pin: %s; %s", what, raw.ErrName(r.tgt.Pin(fds[i], at)), about(at))
		for _, p := range []string{"", "/", what, what + "/", what + "/x", "new/", "none/x", "a.b", ".a", ".", "..", "d/" + what, "d/../" + what + "2", strings.Repeat("n", 255), strings.Repeat("n", 256), strings.Repeat("x/", 3000)} {
			short := p
			if len(p) > 20 {
				short = fmt.Sprintf("%s of %d", p[:3], len(p))
			}
			if p != "" {
				p = dir + "/" + p
			}
			r.sayf("%s: pin as %q: %s", what, short, raw.ErrName(r.tgt.Pin(fds[i], p)))
		}
		r.sayf("%s: pin elsewhere: %s", what, raw.ErrName(r.tgt.Pin(fds[i], "/tmp/pin-elsewhere")))
		_ = os.Symlink("nowhere", dir+"/dangling")
		r.sayf("%s: pin as a dangling link: %s", what, raw.ErrName(r.tgt.Pin(fds[i], dir+"/dangling")))
		unix.Umask(0o777)
		r.sayf("%s: pin with umask 777: %s; %s", what, raw.ErrName(r.tgt.Pin(fds[i], dir+"/u"+what)), about(dir+"/u"+what))
		unix.Umask(0o022)
		for _, flags := range []int{unix.O_RDONLY, unix.O_WRONLY, unix.O_RDWR, unix.O_RDWR | unix.O_TRUNC, unix.O_CREAT, unix.O_CREAT | unix.O_EXCL} {
			fd, err := unix.Open(at, flags, 0o600)
			closeAll(fd)
			r.sayf("%s: open %#x: %s", what, flags, says(err))
		}
	}
	e, _ := os.ReadDir(dir)
	for _, f := range e {
		r.sayf("there is %.12s: %s", f.Name(), f.Type())
	}
	r.sayf("root: %s", about(dir))
}

// pinsGet opens by name.
func pinsGet(r *run) {
	dir := r.tgt.MountPins(r, "")
	names, fds := r.pinKinds()
	_ = os.Mkdir(dir+"/d", 0o755)
	for i, what := range names[:3] {
		at := dir + "/" + what
		if errno := r.tgt.Pin(fds[i], at); errno != 0 {
			r.Fatal(raw.ErrName(errno))
		}
		_ = os.Symlink(what, dir+"/to"+what)
		_ = os.Link(at, dir+"/d/"+what)
		for _, flags := range []uint32{0, 1, 8, 16, 24, 32, 8 | 1} {
			for _, p := range []string{what, "to" + what, "d/" + what} {
				fd, errno := r.tgt.Get(dir+"/"+p, flags)
				r.sayf("%s: get, flags %d: %s", p, flags, raw.ErrName(errno))
				if errno == 0 {
					r.opened(what, fd, fds[i])
					unix.Close(fd)
				}
			}
		}
		r.unprivileged(what, at)
		r.sayf("%s: unlinked: %s", what, says(unix.Unlink(at)))
		_, errno := r.tgt.Get(at, 0)
		r.sayf("%s: get: %s", what, raw.ErrName(errno))
		fd, errno := r.tgt.Get(dir+"/d/"+what, 0)
		r.sayf("%s: get by the other name: %s", what, raw.ErrName(errno))
		closeAll(fd)
	}
	for _, p := range []string{"", dir, dir + "/d", dir + "/tomap", dir + "/none", dir + "/a.b", dir + "/d/map/", dir + "/d/map/x", "/dev/null", "/proc/self/status", "/tmp", "/none", strings.Repeat("x", 5000)} {
		fd, errno := r.tgt.Get(p, 0)
		closeAll(fd)
		p = strings.TrimPrefix(p, dir)
		r.sayf("get %.20q: %s", p, raw.ErrName(errno))
	}
}

// opened is what an fd got by name is.
func (r *run) opened(what string, fd, orig int) {
	fl, _ := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	fdfl, _ := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	link, _ := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
	ids := [2]uint32{}
	for i, f := range []int{fd, orig} {
		info := raw.Alloc(256)
		if _, errno := r.tgt.Do(raw.ObjInfo, raw.NewAttr().U32(0, uint32(f)).U32(4, 80).U64(8, raw.Addr(info))); errno != 0 {
			r.Fatal(raw.ErrName(errno))
		}
		ids[i] = raw.Over(info).Get32(4)
	}
	r.sayf("  flags %#x %#x, %s, same object: %v", fl&unix.O_ACCMODE, fdfl, link, ids[0] == ids[1] && ids[0] != 0)
	if what == "map" {
		up := r.tgt.Update(fd, k32(1), make([]byte, 8), 0)
		_, look := r.tgt.Lookup(fd, k32(1), 8)
		r.sayf("  update %s, lookup %s", raw.ErrName(up), raw.ErrName(look))
	}
}

// unprivileged gets without the capabilities that override modes.
func (r *run) unprivileged(what, at string) {
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var all [2]unix.CapUserData
	if err := unix.Capget(&hdr, &all[0]); err != nil {
		r.Fatal(err)
	}
	less := all
	less[0].Effective &^= 1<<unix.CAP_DAC_OVERRIDE | 1<<unix.CAP_DAC_READ_SEARCH
	for _, mode := range []uint32{0, 0o200, 0o400, 0o600, 0o066} {
		_ = unix.Chmod(at, mode)
		if err := unix.Capset(&hdr, &less[0]); err != nil {
			r.Fatal(err)
		}
		for _, flags := range []uint32{0, 8, 16} {
			fd, errno := r.tgt.Get(at, flags)
			closeAll(fd)
			r.sayf("%s of mode %o, flags %d: %s", what, mode, flags, raw.ErrName(errno))
		}
		if err := unix.Capset(&hdr, &all[0]); err != nil {
			r.Fatal(err)
		}
	}
}

// pinsNames does to names what a file system is asked for.
func pinsNames(r *run) {
	dir := r.tgt.MountPins(r, "")
	old := unix.Umask(0o022)
	defer unix.Umask(old)
	_, fds := r.pinKinds()
	at := func(p string) string { return dir + "/" + p }
	do := func(what string, err error, paths ...string) {
		line := what + ": " + says(err)
		for _, p := range paths {
			line += fmt.Sprintf("; %s: %s", p, about(at(p)))
		}
		r.sayf("%s", line)
	}
	for i, p := range []string{"map", "prog", "link"} {
		do("pin "+p, r.pin(fds[i], at(p)), p)
	}
	do("mkdir", unix.Mkdir(at("d"), 0o1777), "d", "")
	do("mkdir in it", unix.Mkdir(at("d/e"), 0o700), "d", "d/e")
	do("mkdir again", unix.Mkdir(at("d"), 0o777))
	do("mkdir with a dot", unix.Mkdir(at("d.e"), 0o777))
	do("mkdir under a pin", unix.Mkdir(at("map/x"), 0o777))
	do("symlink", unix.Symlink("map", at("s")), "s")
	do("symlink with a dot", unix.Symlink("map", at("s.t")))
	do("symlink to a dot", unix.Symlink("a.b", at("t")), "t")
	do("symlink again", unix.Symlink("map", at("s")))
	do("empty symlink", unix.Symlink("", at("empty")))
	text, err := os.Readlink(at("s"))
	do("readlink "+text, err)
	do("link", unix.Link(at("map"), at("map2")), "map", "map2")
	do("link over", unix.Link(at("map"), at("prog")))
	do("link with a dot", unix.Link(at("map"), at("m.2")))
	do("link of a directory", unix.Link(at("d"), at("d2")))
	do("link into a directory", unix.Link(at("map"), at("d/map")), "map")
	do("rename", unix.Rename(at("map2"), at("map3")), "map2", "map3")
	do("rename over a pin", unix.Rename(at("map3"), at("prog")), "prog", "map")
	do("rename to a dot", unix.Rename(at("prog"), at("p.q")))
	do("rename into a directory", unix.Rename(at("link"), at("d/link")), "link", "d/link")
	do("rename over a directory", unix.Rename(at("prog"), at("d")))
	do("rename a directory over a pin", unix.Rename(at("d"), at("prog")))
	do("mkdir", unix.Mkdir(at("full"), 0o755))
	do("mkdir", unix.Mkdir(at("full/x"), 0o755))
	do("rename a directory over a full one", unix.Rename(at("d"), at("full")))
	do("rmdir", unix.Rmdir(at("full/x")), "full")
	do("rename a directory over an empty one", unix.Rename(at("d"), at("full")), "full", "d", "")
	do("rename a directory into itself", unix.Rename(at("full"), at("full/e/f")))
	do("rename to another file system", unix.Rename(at("prog"), "/tmp/pin-away"))
	do("link from another file system", unix.Link("/tmp", at("tmp")))
	do("rmdir of a full one", unix.Rmdir(at("full")))
	do("rmdir of a pin", unix.Rmdir(at("prog")))
	do("unlink of a directory", unix.Unlink(at("full")))
	do("create", func() error { _, err := unix.Open(at("new"), unix.O_CREAT|unix.O_RDWR, 0o600); return err }())
	do("mknod", unix.Mknod(at("fifo"), unix.S_IFIFO|0o600, 0))
	do("mknod of a file", unix.Mknod(at("file"), unix.S_IFREG|0o600, 0))
	do("truncate", unix.Truncate(at("map"), 0))
	do("chmod", unix.Chmod(at("map"), 0o4640), "map")
	do("chown", unix.Chown(at("map"), 1, 2), "map")
	do("setxattr", unix.Setxattr(at("map"), "user.x", []byte("y"), 0))
	do("utimes", unix.Utimes(at("map"), []unix.Timeval{{Sec: 1}, {Sec: 2}}))
	do("access", unix.Access(at("map"), unix.X_OK))
	do("unlink of a link", unix.Unlink(at("s")), "s", "map")
	do("unlink", unix.Unlink(at("map")), "map")
	do("unlink again", unix.Unlink(at("map")))
	do("unlink", unix.Unlink(at("prog")), "full/map")
	e, err := os.ReadDir(at("full"))
	do(fmt.Sprint(len(e), " names"), err)
}

func (r *run) pin(fd int, path string) error {
	if errno := r.tgt.Pin(fd, path); errno != 0 {
		return errno
	}
	return nil
}
