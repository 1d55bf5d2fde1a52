// SPDX-License-Identifier: Apache-2.0

package loader

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/cilium/ebpf/btf"
)

const kallsymsPath = "/proc/kallsyms"

// lookupSymbols finds addresses of kernel symbols, 0 when hidden. Names that
// the kernel does not have are absent in the result.
func lookupSymbols(names []string) (map[string]uint64, error) {
	if k := assumedKernel(); k != nil {
		return k.lookup(names)
	}
	return lookupIn(kallsymsPath, names)
}

// lookup reads System.map; without it, what the types name is there, too.
func (k *kernel) lookup(names []string) (map[string]uint64, error) {
	for _, p := range k.symbols {
		if isFile(p) {
			return lookupIn(p, names)
		}
	}
	types, err := kernelTypes()
	if err != nil {
		return nil, err
	}
	found := map[string]uint64{}
	for _, n := range names {
		all, err := types.AnyTypesByName(n)
		if err != nil && !errors.Is(err, btf.ErrNotFound) {
			return nil, err
		}
		for _, t := range all {
			switch t.(type) {
			case *btf.Func, *btf.Var:
				found[n] = 0
			}
		}
	}
	return found, nil
}

func lookupIn(path string, names []string) (map[string]uint64, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	found, err := scanSymbols(f, names)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return found, nil
}

// scanSymbols reads lines such as "ffffffff81000000 T _text [module]". The
// kernel's own symbols win over a module's, the first over later ones.
func scanSymbols(r io.Reader, names []string) (map[string]uint64, error) {
	wanted := make(map[string]bool, len(names))
	for _, n := range names {
		wanted[n] = true
	}
	found := make(map[string]uint64, len(names))
	sc := bufio.NewScanner(r)
	for sc.Scan() && len(found) < len(wanted) {
		addr, rest, ok := bytes.Cut(sc.Bytes(), []byte(" "))
		if !ok || len(rest) < 3 {
			continue
		}
		name := rest[2:]
		if i := bytes.IndexByte(name, '\t'); i >= 0 {
			name = name[:i]
		}
		if !wanted[string(name)] {
			continue
		}
		if _, dup := found[string(name)]; dup {
			continue
		}
		v, err := strconv.ParseUint(string(addr), 16, 64)
		if err != nil {
			return nil, fmt.Errorf("line %q: %w", sc.Text(), err)
		}
		found[string(name)] = v
	}
	return found, sc.Err()
}
