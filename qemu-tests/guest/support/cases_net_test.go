// SPDX-License-Identifier: Apache-2.0

package support

import (
	"bytes"
	"encoding/binary"
	"net"
	"slices"

	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// Fields of contexts.
const (
	skbPktType = 4
	skbVlanTCI = 24
	skbHash    = 68
	skbSk      = 168
)

// sum16 is the Internet checksum of bytes, folded, not inverted.
func sum16(b []byte) uint32 {
	var s uint32
	for ; len(b) >= 2; b = b[2:] {
		s += uint32(binary.BigEndian.Uint16(b))
	}
	for s>>16 != 0 {
		s = s&0xffff + s>>16
	}
	return s
}

// word32 loads 32 bits of the stack.
func word32(off int16) asm.Instruction { return asm.LoadMem(asm.R0, asm.RFP, off, asm.Word) }

func init() {
	packets()
	frames()
	sockets()
}

// packets are helpers on __sk_buff.
func packets() {
	cases["skb_store_bytes"] = func(r *run) {
		ret, p := r.onPacket("sched_cls", asm.FnSkbStoreBytes, 60, atStack{[]byte("abcd")}, 4, 0)
		r.want("stored", string(p[60:64]), "abcd")
		r.want("answer", int32(ret), 0)
		ret, _ = r.onPacket("sched_cls", asm.FnSkbStoreBytes, 62, atStack{[]byte("abcd")}, 4, 0)
		r.want("past the end", int32(ret), -14)
	}
	load := func(fn asm.BuiltinFunc, off int32, more ...asm.Instruction) is {
		return join(is{st(asm.RFP, -8, -1, asm.DWord), asm.Mov.Imm(asm.R2, off)}, pointer(asm.R3, -8), is{asm.Mov.Imm(asm.R4, 4)}, more, is{
			fn.Call(), asm.JNE.Imm(asm.R0, 0, "end"), word32(-8), asm.Return().WithSymbol("end")})
	}
	cases["skb_load_bytes"] = func(r *run) {
		ret, _ := r.pass("sched_cls", load(asm.FnSkbLoadBytes, 56))
		r.want("bytes", ret, uint32(0x3b3a3938))
		ret, _ = r.pass("socket_filter", load(asm.FnSkbLoadBytes, 42)) // begins at the network header
		r.want("bytes of a socket filter", ret, uint32(0x3b3a3938))
		ret, _ = r.pass("sched_cls", load(asm.FnSkbLoadBytes, 61))
		r.want("past the end", int32(ret), -14)
	}
	cases["skb_load_bytes_relative"] = func(r *run) {
		ret, _ := r.pass("sched_cls", load(asm.FnSkbLoadBytesRelative, 0, asm.Mov.Imm(asm.R5, 1)))
		r.want("from the network header", ret, uint32(0x32000045))
	}
	cases["l3_csum_replace"] = func(r *run) {
		// The checksum field at 24 was 0; 0x1234 takes the place of 0.
		ret, p := r.onPacket("sched_cls", asm.FnL3CsumReplace, 24, 0, 0x1234, 2)
		r.want("answer", int32(ret), 0)
		r.want("checksum", p[24:26], []byte{0xcb, 0xed}) // ~(~0 + 0x1234), bytes as they lie
	}
	cases["l4_csum_replace"] = func(r *run) {
		ret, p := r.onPacket("sched_cls", asm.FnL4CsumReplace, 50, 0, 0x1234, 2)
		r.want("answer", int32(ret), 0)
		r.want("checksum", p[50:52], []byte{0xcb, 0xed})
	}
	cases["csum_diff"] = func(r *run) {
		b := []byte{1, 2, 3, 4, 5, 6, 7, 8}
		ret, _ := r.pass("sched_cls", join(is{asm.LoadImm(asm.R1, int64(binary.NativeEndian.Uint64(b)), asm.DWord), asm.StoreMem(asm.RFP, -8, asm.R1, asm.DWord),
			asm.Mov.Imm(asm.R1, 0), asm.Mov.Imm(asm.R2, 0)}, pointer(asm.R3, -8), is{asm.Mov.Imm(asm.R4, 8), asm.Mov.Imm(asm.R5, 0), asm.FnCsumDiff.Call(), asm.Return()}))
		folded := ret>>16 + ret&0xffff
		folded = folded>>16 + folded&0xffff
		r.want("sum", folded>>8|folded&0xff<<8, sum16(b))
	}
	cases["csum_update"] = func(r *run) {
		ret, _ := r.onPacket("sched_cls", asm.FnCsumUpdate, 1)
		r.want("a packet without a sum of its own", int32(ret), -524)
	}
	cases["csum_level"] = func(r *run) {
		ret, _ := r.onPacket("sched_cls", asm.FnCsumLevel, 0) // QUERY
		r.want("no verified sum", int32(ret), -int32(unix.EACCES))
		ret, _ = r.onPacket("sched_cls", asm.FnCsumLevel, 9)
		r.want("no such operation", int32(ret), -int32(unix.EINVAL))
	}
	cases["skb_change_tail"] = func(r *run) {
		ret, p := r.onPacket("sched_cls", asm.FnSkbChangeTail, 100, 0)
		r.want("answer", int32(ret), 0)
		r.want("length", len(p), 100)
		r.want("rest", bytes.Equal(p[64:], make([]byte, 36)) && bytes.Equal(p[:64], packet()), true)
	}
	cases["skb_change_head"] = func(r *run) {
		ret, p := r.onPacket("sched_cls", asm.FnSkbChangeHead, 8, 0)
		r.want("answer", int32(ret), 0)
		r.want("length", len(p), 72)
		r.want("moved", bytes.Equal(p[8:], packet()), true)
	}
	cases["skb_pull_data"] = func(r *run) {
		ret, _ := r.onPacket("sched_cls", asm.FnSkbPullData, 64)
		r.want("all", int32(ret), 0)
		ret, _ = r.onPacket("sched_cls", asm.FnSkbPullData, 65)
		r.want("more", int32(ret), -12)
	}
	field := func(fn asm.BuiltinFunc, arg, off int32) is {
		return is{asm.Mov.Reg(asm.R6, asm.R1), asm.Mov.Imm(asm.R2, arg), fn.Call(), asm.LoadMem(asm.R0, asm.R6, int16(off), asm.Word), asm.Return()}
	}
	cases["skb_change_type"] = func(r *run) {
		ret, _ := r.pass("sched_cls", field(asm.FnSkbChangeType, 3, skbPktType))
		r.want("type", ret, 3)
		ret, _ = r.onPacket("sched_cls", asm.FnSkbChangeType, 4)
		r.want("no such type", int32(ret), -22)
	}
	// A tag pushed lies beside the packet, and the one that lay there goes into it.
	push := func(tci int32) is {
		return is{asm.Mov.Reg(asm.R1, asm.R6), asm.Mov.Imm(asm.R2, 0x0081), asm.Mov.Imm(asm.R3, tci), asm.FnSkbVlanPush.Call(), asm.JNE.Imm(asm.R0, 0, "bad")}
	}
	tag := is{asm.LoadMem(asm.R0, asm.R6, skbVlanTCI, asm.Word), asm.Mov.Reg(asm.R0, asm.R0).WithSymbol("bad"), asm.Return()}
	cases["skb_vlan_push"] = func(r *run) {
		ret, p := r.pass("sched_cls", join(is{asm.Mov.Reg(asm.R6, asm.R1)}, push(5), push(6), tag))
		r.want("the tag beside it", ret, 6)
		r.want("the tag in it", p, slices.Concat(packet()[:12], []byte{0x81, 0, 0, 5}, packet()[12:]))
	}
	cases["skb_vlan_pop"] = func(r *run) {
		pop := is{asm.Mov.Reg(asm.R1, asm.R6), asm.FnSkbVlanPop.Call(), asm.JNE.Imm(asm.R0, 0, "bad")}
		ret, p := r.pass("sched_cls", join(is{asm.Mov.Reg(asm.R6, asm.R1)}, push(5), push(6), pop, tag))
		r.want("the tag that was in it", ret, 5)
		r.want("the packet without it", bytes.Equal(p, packet()), true)
		ret, p = r.pass("sched_cls", join(is{asm.Mov.Reg(asm.R6, asm.R1)}, push(5), pop, pop, tag))
		r.want("none, and what the last one was", []any{ret, bytes.Equal(p, packet())}, []any{5, true})
	}
	cases["set_hash"] = func(r *run) {
		ret, _ := r.pass("sched_cls", field(asm.FnSetHash, 0x1234567, skbHash))
		r.want("hash", ret, 0x1234567)
	}
	cases["set_hash_invalid"] = func(r *run) {
		ret, _ := r.pass("sched_cls", join(is{asm.Mov.Reg(asm.R6, asm.R1), asm.Mov.Imm(asm.R2, 77), asm.FnSetHash.Call(), asm.Mov.Reg(asm.R1, asm.R6)},
			field(asm.FnSetHashInvalid, 0, skbHash)[1:]))
		r.want("hash", ret, 0)
	}
	cases["get_hash_recalc"] = func(r *run) {
		call := is{asm.Mov.Reg(asm.R6, asm.R1), asm.FnGetHashRecalc.Call(), asm.Mov.Reg(asm.R7, asm.R0), asm.Mov.Reg(asm.R1, asm.R6),
			asm.FnGetHashRecalc.Call(), asm.JNE.Reg(asm.R0, asm.R7, "differ"), asm.LoadMem(asm.R1, asm.R6, skbHash, asm.Word), asm.JNE.Reg(asm.R0, asm.R1, "differ"),
			asm.Return(), asm.Mov.Imm(asm.R0, 0).WithSymbol("differ"), asm.Return()}
		ret, _ := r.pass("sched_cls", call)
		r.want("a hash, the same again, in the context", ret != 0, true)
	}
	cases["redirect"] = func(r *run) {
		ret, _ := r.pass("sched_cls", is{asm.Mov.Imm(asm.R1, 1), asm.Mov.Imm(asm.R2, 0), asm.FnRedirect.Call(), asm.Return()})
		r.want("of tc", ret, 7)
		ret, _ = r.pass("sched_cls", is{asm.Mov.Imm(asm.R1, 1), asm.Mov.Imm(asm.R2, 8), asm.FnRedirect.Call(), asm.Return()})
		r.want("flags of tc", ret, 2)
		ret, _ = r.pass("xdp", is{asm.Mov.Imm(asm.R1, 1), asm.Mov.Imm(asm.R2, 8), asm.FnRedirect.Call(), asm.Return()})
		r.want("flags of xdp", ret, 0)
	}
	cases["get_socket_cookie"] = func(r *run) {
		ret, _ := r.pass("sched_cls", is{asm.Mov.Reg(asm.R6, asm.R1), asm.FnGetSocketCookie.Call(), asm.JEq.Imm(asm.R0, 0, "end"), asm.Mov.Reg(asm.R7, asm.R0),
			asm.Mov.Reg(asm.R1, asm.R6), asm.FnGetSocketCookie.Call(), asm.Sub.Reg(asm.R0, asm.R7), asm.Add.Imm(asm.R0, 1), asm.Return().WithSymbol("end")})
		r.want("not 0, the same again", ret, 1)
	}
	cases["get_socket_uid"] = func(r *run) {
		ret, _ := r.pass("sched_cls", is{asm.FnGetSocketUid.Call(), asm.Return()})
		r.want("root's", ret, 0)
	}
	cases["get_cgroup_classid"] = func(r *run) {
		ret, _ := r.pass("sched_cls", is{asm.FnGetCgroupClassid.Call(), asm.Return()})
		r.want("none", ret, 0)
	}
	cases["skb_under_cgroup"] = func(r *run) {
		fd := r.newMap(8, 4, 4, 1, 0)
		ret, _ := r.pass("sched_cls", is{asm.LoadMapPtr(asm.R2, fd), asm.Mov.Imm(asm.R3, 0), asm.FnSkbUnderCgroup.Call(), asm.Return()})
		r.want("an empty slot", int32(ret), -11)
		ret, _ = r.pass("sched_cls", is{asm.LoadMapPtr(asm.R2, fd), asm.Mov.Imm(asm.R3, 1), asm.FnSkbUnderCgroup.Call(), asm.Return()})
		r.want("no slot", int32(ret), -7)
	}
	cases["ktime_get_coarse_ns"] = func(r *run) {
		// Read between two readings of the fine clock: a tick may come at any
		// point, and a busy host may hold ticks back.
		const ahead, behind = 1, 2
		prog := is{asm.FnKtimeGetNs.Call(), asm.Mov.Reg(asm.R6, asm.R0), asm.FnKtimeGetCoarseNs.Call(), asm.Mov.Reg(asm.R7, asm.R0),
			asm.FnKtimeGetNs.Call(), asm.Mov.Reg(asm.R1, asm.R0), asm.Mov.Imm(asm.R0, ahead), asm.JGT.Reg(asm.R7, asm.R1, "end"),
			asm.Mov.Imm(asm.R0, 0), asm.JGT.Reg(asm.R7, asm.R6, "end"), asm.Sub.Reg(asm.R6, asm.R7),
			asm.JLT.Imm(asm.R6, 20_000_000, "end"), asm.Mov.Imm(asm.R0, behind), asm.Return().WithSymbol("end")}
		ret := uint32(behind)
		for try := 0; try < 20 && ret == behind; try++ {
			ret, _ = r.pass("sched_cls", prog)
		}
		r.want("at most two ticks behind, never ahead", ret, 0)
	}
}

// frames are helpers on xdp_md.
func frames() {
	adjust := func(name string, fn asm.BuiltinFunc, by int32, n int, at int) {
		cases[name] = func(r *run) {
			ret, p := r.pass("xdp", is{asm.Mov.Imm(asm.R2, by), fn.Call(), asm.Return()})
			r.want("answer", int32(ret), 0)
			r.want("length", len(p), n)
			if at >= 0 {
				r.want("bytes", bytes.Equal(p[max(at, 0):], packet()[max(int(by), 0):min(64, 64+int(by))]), true)
			}
			ret, _ = r.pass("xdp", is{asm.Mov.Imm(asm.R2, 1<<20), fn.Call(), asm.Return()})
			r.want("too far", int32(ret) < 0, true)
		}
	}
	adjust("xdp_adjust_head", asm.FnXdpAdjustHead, 10, 54, 0)
	cases["xdp_adjust_tail"] = func(r *run) {
		ret, p := r.pass("xdp", is{asm.Mov.Imm(asm.R2, -4), asm.FnXdpAdjustTail.Call(), asm.Return()})
		r.want("answer", int32(ret), 0)
		r.want("shorter", bytes.Equal(p, packet()[:60]), true)
	}
	adjust("xdp_adjust_meta", asm.FnXdpAdjustMeta, -8, 72, -1)
	cases["xdp_get_buff_len"] = func(r *run) {
		ret, _ := r.pass("xdp", is{asm.FnXdpGetBuffLen.Call(), asm.Return()})
		r.want("length", ret, 64)
	}
	cases["xdp_load_bytes"] = func(r *run) {
		ret, _ := r.pass("xdp", join(is{st(asm.RFP, -8, 0, asm.DWord), asm.Mov.Imm(asm.R2, 56)}, pointer(asm.R3, -8), is{asm.Mov.Imm(asm.R4, 4),
			asm.FnXdpLoadBytes.Call(), asm.JNE.Imm(asm.R0, 0, "end"), word32(-8), asm.Return().WithSymbol("end")}))
		r.want("bytes", ret, uint32(0x3b3a3938))
	}
	cases["xdp_store_bytes"] = func(r *run) {
		ret, p := r.onPacket("xdp", asm.FnXdpStoreBytes, 60, atStack{[]byte("wxyz")}, 4)
		r.want("answer", int32(ret), 0)
		r.want("bytes", string(p[60:]), "wxyz")
	}
}

// sockets are helpers that find one: a listening one of this process.
func sockets() {
	tuple := func(r *run, network string) (saddr, ports uint64, done func()) {
		var port int
		if network == "tcp" {
			l, err := net.Listen("tcp4", "127.0.0.1:0")
			if err != nil {
				r.Fatal(err)
			}
			port, done = l.Addr().(*net.TCPAddr).Port, func() { l.Close() }
		} else {
			l, err := net.ListenPacket("udp4", "127.0.0.1:0")
			if err != nil {
				r.Fatal(err)
			}
			port, done = l.LocalAddr().(*net.UDPAddr).Port, func() { l.Close() }
		}
		// source 127.0.0.1, any port; destination 127.0.0.1 and the port
		return 0x0100007f0100007f, uint64(port>>8|port&0xff<<8) << 16, done
	}
	// find looks the socket up and does something with it, in r8; 1 in r0: none.
	find := func(saddr, ports uint64, fn asm.BuiltinFunc, do ...asm.Instruction) is {
		return join(is{asm.LoadImm(asm.R2, int64(saddr), asm.DWord), asm.StoreMem(asm.RFP, -16, asm.R2, asm.DWord), asm.LoadImm(asm.R2, int64(ports), asm.DWord),
			asm.StoreMem(asm.RFP, -8, asm.R2, asm.DWord)}, pointer(asm.R2, -16), is{asm.Mov.Imm(asm.R3, 12), asm.Mov.Imm(asm.R4, -1), asm.Mov.Imm(asm.R5, 0),
			fn.Call(), asm.JNE.Imm(asm.R0, 0, "found"), asm.Mov.Imm(asm.R0, 1), asm.Return(), asm.Mov.Reg(asm.R8, asm.R0).WithSymbol("found")},
			do, is{asm.Mov.Reg(asm.R1, asm.R8), asm.FnSkRelease.Call(), asm.Mov.Reg(asm.R0, asm.R7), asm.Return()})
	}
	// The socket's own port, and its state: 10 listens.
	facts := is{asm.LoadMem(asm.R7, asm.R8, 44, asm.Word), asm.LoadMem(asm.R1, asm.R8, 72, asm.Word), asm.LSh.Imm(asm.R1, 16), asm.Or.Reg(asm.R7, asm.R1)}
	lookup := func(name, network string, fn asm.BuiltinFunc, state uint32) {
		cases[name] = func(r *run) {
			saddr, ports, done := tuple(r, network)
			ret, _ := r.pass("sched_cls", find(saddr, ports, fn, facts...))
			port := uint32(ports>>24&0xff | ports>>16&0xff<<8)
			r.want("port and state", ret, state<<16|port)
			done()
			ret, _ = r.pass("sched_cls", find(saddr, ports, fn, facts...))
			r.want("when it is closed", ret, 1)
		}
	}
	lookup("sk_lookup_tcp", "tcp", asm.FnSkLookupTcp, 10)
	lookup("skc_lookup_tcp", "tcp", asm.FnSkcLookupTcp, 10)
	lookup("sk_lookup_udp", "udp", asm.FnSkLookupUdp, 7)
	cases["sk_release"] = func(r *run) {
		saddr, ports, done := tuple(r, "tcp")
		defer done()
		ret, _ := r.pass("sched_cls", find(saddr, ports, asm.FnSkLookupTcp, asm.Mov.Imm(asm.R7, 5)))
		r.want("found and released", ret, 5)
		// What is not released is not loaded.
		code := find(saddr, ports, asm.FnSkLookupTcp, asm.Mov.Imm(asm.R0, 5), asm.Return())
		_, errno := r.load(r.T, target{typ: 3}, code[:len(code)-4])
		r.want("not released", errno, unix.EINVAL)
	}
	other := func(name string, fn asm.BuiltinFunc, none int32, field int16, want uint32) {
		cases[name] = func(r *run) {
			saddr, ports, done := tuple(r, "tcp")
			defer done()
			ret, _ := r.pass("sched_cls", find(saddr, ports, asm.FnSkLookupTcp, asm.Mov.Reg(asm.R1, asm.R8), fn.Call(), asm.Mov.Imm(asm.R7, none),
				asm.JEq.Imm(asm.R0, 0, "none"), asm.LoadMem(asm.R7, asm.R0, field, asm.Word), asm.Mov.Reg(asm.R7, asm.R7).WithSymbol("none")))
			r.want("field of it", ret, want)
		}
	}
	other("tcp_sock", asm.FnTcpSock, 2, 0, 10)                   // snd_cwnd of a new socket
	other("get_listener_sock", asm.FnGetListenerSock, 2, 72, 10) // its state
	cases["sk_fullsock"] = func(r *run) {
		ret, _ := r.pass("sched_cls", is{asm.LoadMem(asm.R1, asm.R1, skbSk, asm.DWord), asm.JEq.Imm(asm.R1, 0, "none"), asm.FnSkFullsock.Call(),
			asm.JEq.Imm(asm.R0, 0, "none"), asm.LoadMem(asm.R0, asm.R0, 72, asm.Word), asm.Return(),
			asm.Mov.Imm(asm.R0, 1).WithSymbol("none"), asm.Return()})
		r.want("state of the test's socket", ret, 7)
	}
}
