// SPDX-License-Identifier: Apache-2.0

package loader

import (
	"fmt"
	"runtime"
	"sync"
)

// syscallPrefix is what functions of system calls start with on kernels that
// wrap them (since 4.17), by architecture.
var syscallPrefix = map[string]string{
	"amd64": "__x64_", "arm64": "__arm64_", "s390x": "__s390x_", "riscv64": "__riscv_",
}[runtime.GOARCH]

func hasSyscallWrapper() (bool, error) {
	if assumedKernel() != nil {
		return findSyscallWrapper()
	}
	return runningSyscallWrapper()
}

var runningSyscallWrapper = sync.OnceValues(findSyscallWrapper)

func findSyscallWrapper() (bool, error) {
	if syscallPrefix == "" {
		return false, nil
	}
	probe := syscallPrefix + "sys_read"
	found, err := lookupSymbols([]string{probe})
	if err != nil {
		return false, err
	}
	_, has := found[probe]
	return has, nil
}

// SyscallSymbol is the kernel function that serves a system call, such as
// "openat": __x64_sys_openat where system calls are wrapped, sys_openat or
// SyS_openat where not. An error is ErrNoSymbol.
func SyscallSymbol(name string) (string, error) {
	candidates := []string{}
	if syscallPrefix != "" {
		candidates = append(candidates, syscallPrefix+"sys_"+name)
	}
	// On kernels before 4.17 sys_X and SyS_X are one address, or SyS_X is a
	// function that gcc left apart.
	candidates = append(candidates, "sys_"+name, "SyS_"+name, "__se_sys_"+name)
	found, err := lookupSymbols(candidates)
	if err != nil {
		return "", err
	}
	for _, c := range candidates {
		if _, ok := found[c]; ok {
			return c, nil
		}
	}
	return "", fmt.Errorf("system call %s: %w", name, ErrNoSymbol)
}
