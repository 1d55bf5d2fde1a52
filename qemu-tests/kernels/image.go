// SPDX-License-Identifier: Apache-2.0

package kernels

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/u-root/u-root/pkg/boot/bzimage"
)

// ExtractBTF writes the raw BTF that the bzImage's kernel carries.
func ExtractBTF(image, out string) error {
	data, err := os.ReadFile(image)
	if err != nil {
		return err
	}
	var b bzimage.BzImage
	if err := b.UnmarshalBinary(data); err != nil {
		return fmt.Errorf("%s: %w", image, err)
	}
	f, err := b.ELF()
	if err != nil {
		return fmt.Errorf("%s: %w", image, err)
	}
	sec := f.Section(".BTF")
	if sec == nil {
		return fmt.Errorf("%s carries no BTF", image)
	}
	btf, err := sec.Data()
	if err != nil {
		return fmt.Errorf("%s: .BTF: %w", image, err)
	}
	return os.WriteFile(out, btf, 0o644)
}

// Release reads the release string (uname -r) out of the bzImage's header.
func (k Kernel) Release() (string, error) {
	f, err := os.Open(k.Image())
	if err != nil {
		return "", err
	}
	defer f.Close()
	// Offsets of the x86 boot protocol: the pointer at 0x20e counts from 0x200.
	var ptr [2]byte
	if _, err := f.ReadAt(ptr[:], 0x20e); err != nil {
		return "", fmt.Errorf("%s: %w", k.Image(), err)
	}
	var ver [128]byte
	if _, err := f.ReadAt(ver[:], 0x200+int64(ptr[0])+int64(ptr[1])<<8); err != nil {
		return "", fmt.Errorf("%s: %w", k.Image(), err)
	}
	r, _, ok := strings.Cut(string(ver[:]), " ")
	if !ok || r == "" || r[0] < '0' || r[0] > '9' {
		return "", fmt.Errorf("%s is no bzImage", k.Image())
	}
	return r, nil
}

// olderThan orders by release, and by name where the release cannot be read.
func olderThan(a, b Kernel) bool {
	ra, ea := a.Release()
	rb, eb := b.Release()
	if ea != nil || eb != nil || ra == rb {
		return a.Name < b.Name
	}
	na, nb := numbers(ra), numbers(rb)
	for i := 0; i < len(na) && i < len(nb); i++ {
		if na[i] != nb[i] {
			return na[i] < nb[i]
		}
	}
	return len(na) < len(nb)
}

func numbers(release string) []int {
	var ns []int
	for _, f := range strings.FieldsFunc(release, func(r rune) bool { return r == '.' || r == '-' }) {
		n, err := strconv.Atoi(f)
		if err != nil {
			break
		}
		ns = append(ns, n)
	}
	return ns
}
