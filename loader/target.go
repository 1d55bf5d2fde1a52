// SPDX-License-Identifier: Apache-2.0

package loader

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
)

// attachTarget finds the BTF id of what a program of a BTF-typed kind attaches
// to: a kernel function, or a tracepoint's typedef. 0: its kind needs none.
func attachTarget(spec *ProgramSpec, opts *ProgramOptions) (btf.TypeID, error) {
	if spec.AttachTo == "" {
		return 0, nil
	}
	name := spec.AttachTo
	switch {
	case spec.Type == ebpf.LSM:
		name = "bpf_lsm_" + name
	case spec.Type != ebpf.Tracing:
		return 0, nil
	case spec.AttachType == ebpf.AttachTraceIter:
		name = "bpf_iter_" + name
	case spec.AttachType == ebpf.AttachTraceRawTp:
		name = "btf_trace_" + name
	}
	kernel := opts.KernelTypes
	if kernel == nil {
		var err error
		if kernel, err = kernelTypes(); err != nil {
			return 0, fmt.Errorf("to attach to %s: %w", spec.AttachTo, err)
		}
	}
	var typ btf.Type
	var err error
	if spec.AttachType == ebpf.AttachTraceRawTp && spec.Type == ebpf.Tracing {
		var td *btf.Typedef
		err = kernel.TypeByName(name, &td)
		typ = td
	} else {
		var fn *btf.Func
		err = kernel.TypeByName(name, &fn)
		typ = fn
	}
	if errors.Is(err, btf.ErrNotFound) {
		return 0, fmt.Errorf("to attach to %s: the kernel has none: %w", spec.AttachTo, ErrNotSupported)
	} else if err != nil {
		return 0, fmt.Errorf("to attach to %s: %w", spec.AttachTo, err)
	}
	return kernel.TypeID(typ)
}
