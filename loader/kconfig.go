// SPDX-License-Identifier: Apache-2.0

package loader

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/cilium/ebpf/btf"
)

// KernelConfig is the running kernel's configuration: values of CONFIG_*, as
// its file has them.
type KernelConfig struct {
	// Path is the file it was read from.
	Path   string
	values map[string]string
}

// Get is the value of an option, such as y, m, "text" or 64, and "" when unset.
func (c *KernelConfig) Get(name string) string { return c.values[name] }

// LoadKernelConfig reads the running kernel's configuration from
// /proc/config.gz or beside the kernel's image, or that of SetKernel.
func LoadKernelConfig() (*KernelConfig, error) {
	if k := assumedKernel(); k != nil {
		return firstConfig(k.config)
	}
	return kernelConfig()
}

var kernelConfig = sync.OnceValues(func() (*KernelConfig, error) {
	release, err := runningRelease()
	if err != nil {
		return nil, err
	}
	return firstConfig(append([]string{"/proc/config.gz"}, inRoot("/", configPaths(release))...))
})

func firstConfig(paths []string) (*KernelConfig, error) {
	var errs []error
	for _, path := range paths {
		c, err := readKernelConfig(path)
		if err == nil {
			return c, nil
		}
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%s: not there", path)
		}
		errs = append(errs, err)
	}
	return nil, fmt.Errorf("no configuration of the kernel: %w", errors.Join(errs...))
}

func readKernelConfig(path string) (*KernelConfig, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	c := &KernelConfig{Path: path, values: map[string]string{}}
	sc := bufio.NewScanner(r)
	for sc.Scan() {
		name, value, ok := strings.Cut(sc.Text(), "=")
		if ok && strings.HasPrefix(name, "CONFIG_") {
			c.values[name] = value
		}
	}
	if err := sc.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// kernelVersion is KERNEL_VERSION(a, b, c) of a release.
func kernelVersion(release string) uint32 {
	var v [3]uint64
	rest := release
	for i := range v {
		end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
		digits := rest
		if end >= 0 {
			digits = rest[:end]
		}
		v[i], _ = strconv.ParseUint(digits, 10, 32)
		if end < 0 || rest[end] != '.' {
			break
		}
		rest = rest[end+1:]
	}
	return uint32(v[0]<<16 | v[1]<<8 | min(v[2], 255))
}

// resolveKconfig gives the .kconfig variables their values on this kernel.
func resolveKconfig(ds *btf.Datasec, weak func(name string) bool) ([]byte, error) {
	data := make([]byte, ds.Size)
	for _, vsi := range ds.Vars {
		v, ok := vsi.Type.(*btf.Var)
		if !ok {
			return nil, fmt.Errorf("%v is not a variable", vsi.Type)
		}
		if uint64(vsi.Offset)+uint64(vsi.Size) > uint64(len(data)) {
			return nil, fmt.Errorf("%s lies outside of its section", v.Name)
		}
		out := data[vsi.Offset:][:vsi.Size]
		var err error
		switch v.Name {
		case "LINUX_KERNEL_VERSION":
			var release string
			if release, err = KernelRelease(); err == nil {
				err = putInt(out, v.Type, uint64(kernelVersion(release)))
			}
		case "LINUX_HAS_SYSCALL_WRAPPER":
			var has bool
			if has, err = hasSyscallWrapper(); err == nil {
				err = putInt(out, v.Type, boolInt(has))
			}
		case "LINUX_HAS_BPF_COOKIE":
			// The driver has bpf_get_attach_cookie, as 6.1 does.
			err = putInt(out, v.Type, 1)
		default:
			err = putConfig(out, v, weak)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", v.Name, err)
		}
	}
	return data, nil
}

func putConfig(out []byte, v *btf.Var, weak func(string) bool) error {
	if !strings.HasPrefix(v.Name, "CONFIG_") {
		if weak(v.Name) {
			return nil
		}
		return errors.New("neither CONFIG_* nor a known extern")
	}
	c, err := LoadKernelConfig()
	if err != nil {
		if weak(v.Name) {
			return nil
		}
		return err
	}
	value := c.Get(v.Name)
	switch {
	case value == "" && weak(v.Name):
		return nil
	case value == "":
		return fmt.Errorf("not set in %s", c.Path)
	case value == "y" || value == "n" || value == "m":
		return putTristate(out, v.Type, value[0])
	case value[0] == '"':
		return putString(out, v.Type, strings.Trim(value, `"`))
	}
	n, err := strconv.ParseInt(value, 0, 64)
	if err != nil {
		u, uerr := strconv.ParseUint(value, 0, 64)
		if uerr != nil {
			return err
		}
		n = int64(u)
	}
	return putInt(out, v.Type, uint64(n))
}

func putTristate(out []byte, typ btf.Type, value byte) error {
	switch t := btf.UnderlyingType(typ).(type) {
	case *btf.Enum: // enum libbpf_tristate { TRI_NO = 0, TRI_YES = 1, TRI_MODULE = 2 }
		return putInt(out, &btf.Int{Size: t.Size}, map[byte]uint64{'n': 0, 'y': 1, 'm': 2}[value])
	case *btf.Int:
		switch {
		case t.Encoding == btf.Char:
			out[0] = value
			return nil
		case t.Encoding == btf.Bool && value == 'm':
			return errors.New("a module, which a bool cannot say")
		case t.Encoding == btf.Bool:
			return putInt(out, t, boolInt(value == 'y'))
		case t.Size == 1: // char is an int of one byte to clang
			out[0] = value
			return nil
		}
	}
	return fmt.Errorf("%c does not fit %v", value, typ)
}

func putString(out []byte, typ btf.Type, value string) error {
	arr, ok := btf.UnderlyingType(typ).(*btf.Array)
	if !ok {
		return fmt.Errorf("a string does not fit %v", typ)
	}
	if elem, ok := btf.UnderlyingType(arr.Type).(*btf.Int); !ok || elem.Size != 1 {
		return fmt.Errorf("a string does not fit %v", typ)
	}
	n := copy(out, value)
	if n == len(out) && n > 0 {
		out[n-1] = 0
	}
	return nil
}

func putInt(out []byte, typ btf.Type, v uint64) error {
	t, ok := btf.UnderlyingType(typ).(*btf.Int)
	if !ok || int(t.Size) != len(out) && len(out) != 0 {
		return fmt.Errorf("a number does not fit %v", typ)
	}
	if t.Encoding == btf.Bool && v > 1 {
		return fmt.Errorf("%d does not fit a bool", v)
	}
	if bits := 8 * t.Size; bits < 64 {
		high := int64(v) >> (bits - 1)
		if t.Encoding == btf.Signed && high != 0 && high != -1 || t.Encoding != btf.Signed && v>>bits != 0 {
			return fmt.Errorf("%d does not fit %v", int64(v), typ)
		}
	}
	switch t.Size {
	case 1:
		out[0] = byte(v)
	case 2:
		binary.NativeEndian.PutUint16(out, uint16(v))
	case 4:
		binary.NativeEndian.PutUint32(out, uint32(v))
	case 8:
		binary.NativeEndian.PutUint64(out, v)
	default:
		return fmt.Errorf("a number does not fit %v", typ)
	}
	return nil
}

func boolInt(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}
