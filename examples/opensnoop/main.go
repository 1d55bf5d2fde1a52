// SPDX-License-Identifier: Apache-2.0

// opensnoop prints each open of a file: who, which path, and what came of it.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/bpfshim/bpfshim/examples/internal/tool"
)

// event is struct event of opensnoop.h.
type event struct {
	TS                  uint64
	PID, TID, PPID, UID uint32
	Ret, Flags          int32
	Comm                [16]byte
	Path                [256]byte
}

func main() {
	object := flag.String("object", tool.DefaultObject("opensnoop.o"), "BPF object")
	pid := flag.Uint("p", 0, "trace this process only")
	uid := flag.Int("u", -1, "trace this user only")
	failed := flag.Bool("x", false, "only failed opens")
	stamp := flag.Bool("T", false, "print a timestamp (s since the first event)")
	user := flag.Bool("U", false, "print the user id")
	extended := flag.Bool("e", false, "print the open flags")
	name := flag.String("n", "", "only processes whose name contains this")
	duration := flag.Duration("d", 0, "stop after this time")
	flag.Usage = func() {
		fmt.Fprintf(flag.CommandLine.Output(), "usage: opensnoop [flags]\n\nTrace open(2), creat(2) and openat(2).\n\n")
		flag.PrintDefaults()
	}
	flag.Parse()

	set := map[string]any{"filter_pid": uint32(*pid), "failed_only": *failed}
	if *uid >= 0 {
		set["filter_uid_set"], set["filter_uid"] = uint32(1), uint32(*uid)
	}
	header := func() {
		if *stamp {
			fmt.Printf("%-14s ", "TIME(s)")
		}
		if *user {
			fmt.Printf("%-7s ", "UID")
		}
		fmt.Printf("%-7s %-16s %3s %3s ", "PID", "COMM", "FD", "ERR")
		if *extended {
			fmt.Printf("%-8s ", "FLAGS")
		}
		fmt.Println("PATH")
	}
	var first uint64
	err := tool.Run(tool.Options{
		Object: *object, Set: set, Map: "events", Duration: *duration, Attached: header,
	}, func(raw []byte) error {
		var e event
		if err := tool.Decode(raw, &e); err != nil {
			return err
		}
		comm := tool.String(e.Comm[:])
		if !strings.Contains(comm, *name) {
			return nil
		}
		if first == 0 {
			first = e.TS
		}
		if *stamp {
			fmt.Printf("%-14.9f ", time.Duration(e.TS-first).Seconds())
		}
		if *user {
			fmt.Printf("%-7d ", e.UID)
		}
		fd, errno := e.Ret, int32(0)
		if e.Ret < 0 {
			fd, errno = -1, -e.Ret
		}
		fmt.Printf("%-7d %-16s %3d %3d ", e.PID, comm, fd, errno)
		if *extended {
			fmt.Printf("%08o ", e.Flags)
		}
		fmt.Println(tool.String(e.Path[:]))
		return nil
	})
	if err != nil {
		fmt.Fprintf(os.Stderr, "opensnoop: %v\n", err)
		os.Exit(1)
	}
}
