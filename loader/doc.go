// SPDX-License-Identifier: Apache-2.0

// Package loader loads CO-RE BPF objects and drives them through the bpfshim
// module, or natively through bpf(2) on kernels that have it.
//
// Names and habits are those of github.com/cilium/ebpf, so porting a tool is a
// change of import: ebpf becomes loader, ebpf/link becomes loader/link,
// ebpf/perf becomes loader/perf, ebpf/ringbuf becomes loader/ringbuf. Objects
// are parsed and relocated by cilium/ebpf itself; its specs are used as they
// are. What differs is who is called: a [github.com/bpfshim/bpfshim/ioctl.Device],
// the driver where it is loaded (see [DefaultDevice]), or the one given in
// [CollectionOptions], [MapOptions] and [ProgramOptions].
//
//	spec, err := loader.LoadCollectionSpec("opensnoop.o")
//	coll, err := loader.NewCollection(spec)
//	defer coll.Close()
//	rd, err := perf.NewReader(coll.Maps["events"], 64*os.Getpagesize())
//	links, err := coll.AttachAll()
package loader
