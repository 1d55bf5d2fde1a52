// SPDX-License-Identifier: Apache-2.0

package kernels

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/u-root/u-root/pkg/cpio"
)

// bzImage is a boot header with a release, enough for Release.
func bzImage(release string) []byte {
	b := make([]byte, 0x400)
	binary.LittleEndian.PutUint16(b[0x20e:], 0x100)
	copy(b[0x300:], release+" (builder) #1")
	return b
}

func put(t *testing.T, dir, release string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "bzImage"), bzImage(release), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestListIsOldestFirst(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(Env, dir)
	put(t, filepath.Join(dir, "a"), "6.1.0-9-amd64")
	put(t, filepath.Join(dir, "b"), "3.10.0-1160.el7.x86_64")
	put(t, filepath.Join(dir, "c"), "3.10.0-514.el7.x86_64")
	put(t, filepath.Join(dir, ".new-1"), "2.6.0")
	ks, err := List()
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, k := range ks {
		got += k.Name
	}
	if got != "cba" {
		t.Errorf("order %q", got)
	}
}

func TestMissing(t *testing.T) {
	t.Setenv(Env, t.TempDir())
	for name, hint := range map[string]string{"el7-514": "import-rpm", "debian-6.1": "ensure debian-6.1"} {
		_, err := Find(name)
		if !errors.Is(err, ErrMissing) || !strings.Contains(err.Error(), hint) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Find("../x"); err == nil || errors.Is(err, ErrMissing) {
		t.Errorf("../x: %v", err)
	}
}

// rpm is the least that unpacks: lead, signature, header, compressed cpio.
func rpm(t *testing.T, files map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	lead := make([]byte, 96)
	copy(lead, "\xed\xab\xee\xdb\x03\x00")
	b.Write(lead)
	header := []byte{0x8e, 0xad, 0xe8, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	b.Write(header)
	b.Write(header)
	z := gzip.NewWriter(&b)
	w := cpio.Newc.Writer(z)
	for name, data := range files {
		for _, r := range []cpio.Record{
			cpio.Directory(filepath.Dir(name), 0o755), cpio.StaticFile(name, string(data), 0o644),
		} {
			r.NLink = 1
			if err := w.WriteRecord(r); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cpio.WriteTrailer(w); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestImportRPM(t *testing.T) {
	if _, err := exec.LookPath("busybox"); err != nil {
		t.Skip("no busybox: make deps")
	}
	t.Setenv(Env, filepath.Join(t.TempDir(), "kernels"))
	dir := t.TempDir()
	const release = "3.10.0-514.el7.x86_64"
	for name, files := range map[string]map[string][]byte{
		"kernel.rpm":       {"boot/vmlinuz-" + release: bzImage(release)},
		"kernel-devel.rpm": {"usr/src/kernels/" + release + "/Makefile": []byte("all:\n")},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), rpm(t, files), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	k, err := ImportRPM(t.Context(), "el7-x", dir, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := k.Release(); err != nil || r != release {
		t.Errorf("release %q, %v", r, err)
	}
	if !k.HasBuild() || k.HasBTF() {
		t.Errorf("build %v, BTF %v", k.HasBuild(), k.HasBTF())
	}
	if _, err := ImportRPM(t.Context(), "el7-x", dir, io.Discard); err == nil {
		t.Error("imported over a kernel that was there")
	}
	if _, err := ImportRPM(t.Context(), "el7-y", t.TempDir(), io.Discard); err == nil {
		t.Error("imported nothing")
	}
}
