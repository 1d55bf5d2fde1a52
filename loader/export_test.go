// SPDX-License-Identifier: Apache-2.0

package loader

import "github.com/cilium/ebpf/btf"

// What tests need of the inside.
var (
	FindBTFForTest       = findBTF
	ScanSymbolsForTest   = scanSymbols
	KernelVersionForTest = kernelVersion
	ParseCPUsForTest     = parseCPUs
	EncodeForTest        = encode
	DecodeForTest        = decode
)

func ResolveKconfigForTest(ds *btf.Datasec) ([]byte, error) {
	return resolveKconfig(ds, func(name string) bool { return isWeakConfig(ds, name) })
}

// CloseForTest closes the variable's map.
func (v *Variable) CloseForTest() { v.m.Close() }
