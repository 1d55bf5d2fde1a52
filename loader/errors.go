// SPDX-License-Identifier: Apache-2.0

package loader

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// Errors that errors.Is finds in what this package and those below it return.
// The ones that cilium/ebpf has too are the same values.
var (
	// ErrNotSupported: the driver or kernel does not offer it.
	ErrNotSupported = ebpf.ErrNotSupported
	// ErrKeyNotExist: no such key, or no further one.
	ErrKeyNotExist = ebpf.ErrKeyNotExist
	// ErrKeyExist: the key is there, and UpdateNoExist was given.
	ErrKeyExist = ebpf.ErrKeyExist
	// ErrIterationAborted: a map changed so much that a walk over it was given up.
	ErrIterationAborted = ebpf.ErrIterationAborted
	// ErrReadOnly: the variable is constant.
	ErrReadOnly = ebpf.ErrReadOnly
	// ErrMapIncompatible: a map does not fit the spec it is to be used for.
	ErrMapIncompatible = ebpf.ErrMapIncompatible

	// ErrNoDevice: the module is not loaded.
	ErrNoDevice = errors.New("no bpfshim device: is the module loaded?")
	// ErrNoBTF: no type information of the running kernel was found.
	ErrNoBTF = errors.New("no BTF of the kernel")
	// ErrClosed: the object was closed.
	ErrClosed = os.ErrClosed
	// ErrBadRelocation: a CO-RE relocation that the program cannot do without
	// does not fit this kernel.
	ErrBadRelocation = errors.New("a CO-RE relocation does not fit this kernel")
)

// enotsupp is what the kernel returns where user space has no name for it.
const enotsupp = unix.Errno(524)

// callError is a failed call: what was tried, and how it ended.
type callError struct {
	op   string
	err  error // the errno
	kind error // the sentinel, or nil
}

func (e *callError) Error() string {
	text := e.err.Error()
	if errors.Is(e.err, enotsupp) {
		text = "not supported"
	}
	if e.kind != nil && e.kind != ErrNotSupported {
		text = fmt.Sprintf("%v (%v)", e.kind, text)
	}
	return e.op + ": " + text
}

func (e *callError) Unwrap() []error {
	if e.kind == nil {
		return []error{e.err}
	}
	return []error{e.err, e.kind}
}

// wrapCall names a failed call.
func wrapCall(op string, err error) error {
	if err == nil {
		return nil
	}
	var kind error
	if errors.Is(err, enotsupp) {
		kind = ErrNotSupported
	}
	return &callError{op, err, kind}
}

// wrapMap is wrapCall for operations on elements.
func wrapMap(op string, err error) error {
	if err == nil {
		return nil
	}
	var kind error
	switch {
	case errors.Is(err, unix.ENOENT):
		kind = ErrKeyNotExist
	case errors.Is(err, unix.EEXIST):
		kind = ErrKeyExist
	case errors.Is(err, enotsupp), errors.Is(err, unix.EOPNOTSUPP):
		kind = ErrNotSupported
	}
	return &callError{op, err, kind}
}

// VerifierError is a program or BTF that was refused, with the log. It prints
// the log's end, and all of it with %+v.
type VerifierError struct {
	// Name is the program's.
	Name string
	// Cause is the errno, and what it stands for where that is known.
	Cause error
	// Log is the verifier's, a line each.
	Log []string
	// Truncated: the log did not fit the largest buffer.
	Truncated bool
}

func (e *VerifierError) Unwrap() error { return e.Cause }

// Error is one line: the cause and the log's last words.
func (e *VerifierError) Error() string {
	if len(e.Log) == 0 {
		return e.head()
	}
	n := len(e.Log)
	lines := e.Log
	// The statistics say nothing of the reason.
	for n > 1 && (strings.HasPrefix(lines[n-1], "processed ") || strings.HasPrefix(lines[n-1], "verification time") || strings.HasPrefix(lines[n-1], "stack depth")) {
		n--
	}
	text := e.head() + ": " + strings.TrimSpace(lines[n-1])
	if n > 1 && strings.HasPrefix(lines[n-1], "\t") {
		text = e.head() + ": " + strings.TrimSpace(lines[n-2]) + ": " + strings.TrimSpace(lines[n-1])
	}
	if n > 1 || e.Truncated {
		text += fmt.Sprintf(" (%d lines of log)", len(e.Log))
	}
	return text
}

func (e *VerifierError) head() string {
	if e.Name == "" {
		return e.Cause.Error()
	}
	return "program " + e.Name + ": " + e.Cause.Error()
}

// Format prints the log's end with %v, all of it with %+v.
func (e *VerifierError) Format(f fmt.State, verb rune) {
	if verb != 'v' || !f.Flag('+') {
		io.WriteString(f, e.Error())
		return
	}
	io.WriteString(f, e.head()+":")
	for _, l := range e.Log {
		io.WriteString(f, "\n\t"+l)
	}
	if e.Truncated {
		io.WriteString(f, "\n\t(truncated)")
	}
}

func newVerifierError(name string, cause error, log []byte, truncated bool) *VerifierError {
	text := strings.TrimRight(unix.ByteSliceToString(log), "\n ")
	e := &VerifierError{Name: name, Cause: cause, Truncated: truncated}
	if text != "" {
		e.Log = strings.Split(text, "\n")
	}
	return e
}
