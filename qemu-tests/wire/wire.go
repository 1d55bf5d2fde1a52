// SPDX-License-Identifier: Apache-2.0

// Package wire is what the host and a guest's init say to each other: a Plan
// in the initramfs, and one JSON Event a line on the second serial port.
package wire

// PlanPath is where the guest finds its Plan.
const PlanPath = "/etc/vm-plan.json"

// StartMark is the kernel log line with which the guest's scan begins: what
// the kernel said while it booted is not the module's doing.
const StartMark = "vm: start of the run"

// Kinds of steps.
const (
	StepInsmod = "insmod" // load the module
	StepRmmod  = "rmmod"  // kill what still runs, unload the module
	StepRun    = "run"    // run Args
	StepLoop   = "loop"   // Count times: insmod, Args if any, rmmod
	StepLeaks  = "leaks"  // a kmemleak scan, where the kernel has it
)

// A Step is one thing that the guest does. It stops at the first one that
// fails, but for steps of kind "run", which only report their status.
type Step struct {
	Kind  string   `json:"kind"`
	Name  string   `json:"name"`
	Args  []string `json:"args,omitempty"`
	Env   []string `json:"env,omitempty"`
	Count int      `json:"count,omitempty"`
	// Seconds bounds the step; 0: the deadline of the whole run. They are those
	// of a guest as fast as the reference, and pass slower in a slow one.
	Seconds int `json:"seconds,omitempty"`
	// Tests of a Go test program Args: Seconds bounds each of them. When one
	// hangs, the program is killed and run again for those after it.
	Tests []string `json:"tests,omitempty"`
}

// Plan is all that a guest does in its life.
type Plan struct {
	Module string   `json:"module,omitempty"` // path of the .ko in the guest
	Params string   `json:"params,omitempty"` // module parameters
	Env    []string `json:"env,omitempty"`
	Out    string   `json:"out,omitempty"` // folder sent back at the end
	Steps  []Step   `json:"steps"`
}

// Kinds of events.
const (
	EvBoot  = "boot"  // init runs; Text is the release
	EvBegin = "begin" // step Step begins
	EvOut   = "out"   // Data was written to Fd by step Step
	EvEnd   = "end"   // step Step ended with Status
	EvLog   = "log"   // a line of the kernel log that must not be there
	EvFile  = "file"  // a file of the out folder: Text its path, Data its content
	EvBeat  = "beat"  // the guest lives
	EvNote  = "note"  // something to tell, no failure
	EvDone  = "done"  // all went to the end: the guest powers off now
)

// Event is one line from the guest.
type Event struct {
	Ev     string `json:"ev"`
	Step   int    `json:"step,omitempty"`
	Fd     int    `json:"fd,omitempty"`
	Status int    `json:"status,omitempty"`
	Mode   uint32 `json:"mode,omitempty"`
	Text   string `json:"text,omitempty"`
	Data   []byte `json:"data,omitempty"`
	// Slow, of EvBoot and EvBeat: how many times slower than the reference
	// the guest is, at least 1.
	Slow float64 `json:"slow,omitempty"`
}

// HungMark begins the output line that names a test that was killed.
const HungMark = "--- HUNG: "

// Statuses beside those of commands: what a step that is no command ends with.
const (
	StatusFailed  = 1   // with the reason in Text
	StatusTimeout = 124 // Seconds were over; Text names what hung
	StatusNoExec  = 127 // the command could not be started
)
