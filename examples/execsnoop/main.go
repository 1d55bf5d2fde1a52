// SPDX-License-Identifier: Apache-2.0

// execsnoop prints each new program, its arguments, and how it ended.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/bpfshim/bpfshim/examples/internal/tool"
)

const (
	kindExec = 1
	kindExit = 2
)

// event is struct event of execsnoop.h.
type event struct {
	TS, Duration         uint64
	Kind, PID, PPID, UID uint32
	ExitCode             int32
	ArgsLen              uint32
	Comm                 [16]byte
	Filename             [128]byte
	Args                 [512]byte
}

func main() {
	object := flag.String("object", tool.DefaultObject("execsnoop.o"), "BPF object")
	uid := flag.Int("u", -1, "trace this user only")
	stamp := flag.Bool("T", false, "print a timestamp (s since the first event)")
	user := flag.Bool("U", false, "print the user id")
	exits := flag.Bool("x", false, "print how programs end, too")
	name := flag.String("n", "", "only programs whose name contains this")
	duration := flag.Duration("d", 0, "stop after this time")
	flag.Usage = func() {
		fmt.Fprintf(flag.CommandLine.Output(), "usage: execsnoop [flags]\n\nTrace new programs.\n\n")
		flag.PrintDefaults()
	}
	flag.Parse()

	set := map[string]any{}
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
		fmt.Printf("%-16s %-7s %-7s %s\n", "PCOMM", "PID", "PPID", "ARGS")
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
		if !strings.Contains(comm, *name) || e.Kind == kindExit && !*exits {
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
		fmt.Printf("%-16s %-7d %-7d ", comm, e.PID, e.PPID)
		if e.Kind == kindExec {
			fmt.Println(tool.String(e.Args[:]))
			return nil
		}
		ws := syscall.WaitStatus(e.ExitCode)
		how := fmt.Sprintf("exit %d", ws.ExitStatus())
		if ws.Signaled() {
			how = "killed by " + ws.Signal().String()
		}
		fmt.Printf("[%s after %v]\n", how, time.Duration(e.Duration).Round(time.Microsecond))
		return nil
	})
	if err != nil {
		fmt.Fprintf(os.Stderr, "execsnoop: %v\n", err)
		os.Exit(1)
	}
}
