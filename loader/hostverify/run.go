// SPDX-License-Identifier: Apache-2.0

package hostverify

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// program is the verifier's name; cmd/bpfshim-verify has its source.
const program = "bpfshim-verify"

// libexec is where packages put what no person runs.
const libexec = "/usr/libexec/bpfshim"

// ErrNoVerifier: the program that verifies is not installed.
var ErrNoVerifier = errors.New("no " + program)

// Find looks for the verifier: $BPFSHIM_VERIFY, next to this program, in PATH,
// in /usr/libexec/bpfshim. The error is ErrNoVerifier and says where.
func Find() (string, error) {
	if p := os.Getenv("BPFSHIM_VERIFY"); p != "" {
		if err := runnable(p); err != nil {
			return "", fmt.Errorf("%w: $BPFSHIM_VERIFY: %w", ErrNoVerifier, err)
		}
		return p, nil
	}
	var tried []string
	if self, err := os.Executable(); err == nil {
		// Through links: /usr/bin/bpfshim may be one.
		if real, err := filepath.EvalSymlinks(self); err == nil {
			self = real
		}
		tried = append(tried, filepath.Join(filepath.Dir(self), program))
	}
	tried = append(tried, filepath.Join(libexec, program))
	if runnable(tried[0]) == nil {
		return tried[0], nil
	}
	if p, err := exec.LookPath(program); err == nil {
		return p, nil
	}
	if p := tried[len(tried)-1]; runnable(p) == nil {
		return p, nil
	}
	return "", fmt.Errorf("%w, the program that holds the verifier: looked for in $BPFSHIM_VERIFY (unset), %s and PATH; `make cli` builds it beside bpfshim",
		ErrNoVerifier, strings.Join(tried, ", "))
}

func runnable(path string) error {
	st, err := os.Stat(path)
	switch {
	case err != nil:
		return err
	case !st.Mode().IsRegular() || st.Mode().Perm()&0o111 == 0:
		return fmt.Errorf("%s: %w", path, fs.ErrPermission)
	}
	return nil
}

// Kinds of records, as cmd/bpfshim-verify/host.h has them.
const (
	recKernelBTF = 1 + iota
	recBTF
	recMap
	recProg
	recList
)

// request is what one run of the verifier is asked: records in order.
type request struct {
	b bytes.Buffer
	n int
}

// add appends a record: a struct of the program's, and what follows it.
func (r *request) add(kind uint32, fixed any, rest ...[]byte) {
	var rec bytes.Buffer
	if fixed != nil {
		binary.Write(&rec, binary.NativeEndian, fixed) // to memory, of fixed size: no error
	}
	for _, b := range rest {
		rec.Write(b)
	}
	binary.Write(&r.b, binary.NativeEndian, [2]uint32{kind, uint32(rec.Len())})
	r.b.Write(rec.Bytes())
	r.n++
}

// answer is the program's to one record.
type answer struct {
	errno   int // 0, or what the module would answer
	payload []byte
}

// run starts the verifier for one request. An error is none of the program's
// that is verified: the verifier itself could not be run, or died.
func (r *request) run(path string) ([]answer, error) {
	cmd := exec.Command(path)
	cmd.Stdin = &r.b
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		said := ""
		if text := strings.TrimSpace(errs.String()); text != "" {
			said = ": " + text
		}
		return nil, fmt.Errorf("the verifier, %s, failed: %w%s", path, err, said)
	}
	answers := make([]answer, r.n)
	for i := range answers {
		var head struct {
			Result int32
			Size   uint32
		}
		if err := binary.Read(&out, binary.NativeEndian, &head); err != nil {
			return nil, fmt.Errorf("the verifier, %s, is of another build: %w", path, err)
		}
		answers[i] = answer{-int(head.Result), out.Next(int(head.Size))}
		if len(answers[i].payload) != int(head.Size) {
			return nil, fmt.Errorf("the verifier, %s, is of another build: %w", path, io.ErrUnexpectedEOF)
		}
	}
	return answers, nil
}
