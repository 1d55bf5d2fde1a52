// SPDX-License-Identifier: Apache-2.0

// Package initramfs builds what guests boot into: a base archive with init,
// a shell and the usual tools, cached, and an archive of one run's files that
// is laid over it. The kernel unpacks both from one image.
package initramfs

import (
	"crypto/sha256"
	"debug/elf"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"sort"
	"strings"

	"github.com/u-root/u-root/pkg/cpio"
)

// Archive collects the files of one cpio archive; a later file of the same
// name replaces an earlier one.
type Archive struct {
	recs map[string]cpio.Record
}

// New returns an empty archive.
func New() *Archive { return &Archive{recs: map[string]cpio.Record{}} }

func (a *Archive) put(r cpio.Record) {
	a.parents(r.Name)
	a.recs[r.Name] = r
}

func (a *Archive) parents(name string) {
	for dir := path.Dir(name); dir != "." && dir != "/"; dir = path.Dir(dir) {
		if _, ok := a.recs[dir]; !ok {
			a.recs[dir] = cpio.Directory(dir, 0o755)
		}
	}
}

func clean(name string) string { return strings.TrimPrefix(path.Clean("/"+name), "/") }

// Dir adds a folder.
func (a *Archive) Dir(name string, mode uint64) { a.put(cpio.Directory(clean(name), mode)) }

// Data adds a file of that content.
func (a *Archive) Data(name string, content []byte, mode uint64) {
	a.put(cpio.StaticRecord(content, cpio.Info{Name: clean(name), Mode: cpio.S_IFREG | mode}))
}

// Symlink adds a symbolic link.
func (a *Archive) Symlink(name, target string) { a.put(cpio.Symlink(clean(name), target)) }

// CharDev adds a character device.
func (a *Archive) CharDev(name string, mode, major, minor uint64) {
	a.put(cpio.CharDev(clean(name), mode, major, minor))
}

// File adds a copy of the host's file.
func (a *Archive) File(name, host string, mode uint64) error {
	b, err := os.ReadFile(host)
	if err != nil {
		return err
	}
	a.Data(name, b, mode)
	return nil
}

// Tree adds what is in the host's folder, at the folder name of the guest.
func (a *Archive) Tree(name, host string) error {
	return filepath.WalkDir(host, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(host, p)
		if err != nil || rel == "." {
			return err
		}
		to := path.Join(name, filepath.ToSlash(rel))
		info, err := d.Info()
		if err != nil {
			return err
		}
		switch {
		case d.IsDir():
			a.Dir(to, uint64(info.Mode().Perm()))
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(p)
			if err != nil {
				return err
			}
			a.Symlink(to, target)
		case info.Mode().IsRegular():
			return a.File(to, p, uint64(info.Mode().Perm()))
		default:
			return fmt.Errorf("%s: neither file, folder nor link", p)
		}
		return nil
	})
}

// WriteTo writes the archive in the format the kernel unpacks.
func (a *Archive) WriteTo(w io.Writer) (int64, error) {
	names := make([]string, 0, len(a.recs))
	for n := range a.recs {
		names = append(names, n)
	}
	sort.Strings(names) // folders come before what is in them
	cw := &counter{w: w}
	rw := cpio.Newc.Writer(cw)
	for i, n := range names {
		r := a.recs[n]
		r.Ino, r.NLink = uint64(i+1), 1
		if err := rw.WriteRecord(r); err != nil {
			return cw.n, fmt.Errorf("%s: %w", n, err)
		}
	}
	return cw.n, cpio.WriteTrailer(rw)
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// Base returns the path of the archive with init and the tools, made anew in
// the folder cache only when one of them changed.
func Base(cache, init string) (string, error) {
	busybox, err := findBusybox()
	if err != nil {
		return "", err
	}
	h := sha256.New()
	fmt.Fprintln(h, "layout 1")
	for _, f := range []string{init, busybox} {
		b, err := os.ReadFile(f)
		if err != nil {
			return "", err
		}
		h.Write(b)
	}
	out := filepath.Join(cache, fmt.Sprintf("base-%x.cpio", h.Sum(nil)[:8]))
	if _, err := os.Stat(out); err == nil {
		return out, nil
	}
	a := New()
	if err := baseFiles(a, init, busybox); err != nil {
		return "", err
	}
	old, _ := filepath.Glob(filepath.Join(cache, "base-*.cpio"))
	tmp, err := os.CreateTemp(cache, "base-*.tmp")
	if err != nil {
		return "", err
	}
	defer os.Remove(tmp.Name())
	if _, err := a.WriteTo(tmp); err != nil {
		tmp.Close()
		return "", err
	}
	if err := tmp.Close(); err != nil {
		return "", err
	}
	for _, o := range old {
		os.Remove(o) // a run that has it open keeps it
	}
	return out, os.Rename(tmp.Name(), out)
}

func baseFiles(a *Archive, init, busybox string) error {
	for _, d := range []string{"dev", "proc", "sys", "run", "mnt", "root", "etc", "var", "usr/sbin", "lib/modules"} {
		a.Dir(d, 0o755)
	}
	a.Dir("tmp", 0o1777)
	a.CharDev("dev/console", 0o600, 5, 1)
	a.CharDev("dev/null", 0o666, 1, 3)
	a.Symlink("bin", "usr/bin")
	a.Symlink("sbin", "usr/bin")
	a.Symlink("usr/sbin", "bin")
	a.Symlink("var/run", "/run")
	a.Symlink("var/tmp", "/tmp")
	a.Data("etc/passwd", []byte("root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n"), 0o644)
	a.Data("etc/group", []byte("root:x:0:\nnogroup:x:65534:\n"), 0o644)
	a.Data("etc/hosts", []byte("127.0.0.1 localhost\n"), 0o644)
	if err := a.File("init", init, 0o755); err != nil {
		return err
	}
	if err := a.File("usr/bin/busybox", busybox, 0o755); err != nil {
		return err
	}
	applets, err := exec.Command(busybox, "--list").Output()
	if err != nil {
		return fmt.Errorf("%s --list: %w", busybox, err)
	}
	for _, name := range strings.Fields(string(applets)) {
		if name != "busybox" && name != "init" {
			a.Symlink("usr/bin/"+name, "busybox")
		}
	}
	return nil
}

func findBusybox() (string, error) {
	for _, p := range []string{"/bin/busybox", "/usr/bin/busybox"} {
		f, err := elf.Open(p)
		if err != nil {
			continue
		}
		static := true
		for _, prog := range f.Progs {
			static = static && prog.Type != elf.PT_INTERP
		}
		f.Close()
		if static {
			return p, nil
		}
	}
	return "", fmt.Errorf("no static busybox: run `make deps`, or install the package busybox-static")
}
