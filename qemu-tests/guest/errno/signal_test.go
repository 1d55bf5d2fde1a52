// SPDX-License-Identifier: Apache-2.0

package errno

import (
	"os"
	"os/signal"
	"runtime"
	"testing"

	"github.com/bpfshim/bpfshim/qemu-tests/guest/raw"
	"golang.org/x/sys/unix"
)

// TestSignalsStopNoBatch: 6.1 ends a batch for no signal, and Go's runtime
// sends itself some all the time.
func TestSignalsStopNoBatch(t *testing.T) {
	tgt, err := raw.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(tgt.FD())
	const n = 2000
	fd, e := tgt.Do(raw.MapCreate, raw.Map(raw.Array, 4, 8, n, 0))
	if e != 0 {
		t.Fatalf("map: %s", raw.ErrName(e))
	}
	defer unix.Close(fd)

	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	got := make(chan os.Signal, 1)
	signal.Notify(got, unix.SIGUSR1)
	defer signal.Stop(got)
	pid, tid := unix.Getpid(), unix.Gettid()
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				_ = unix.Tgkill(pid, tid, unix.SIGUSR1)
			}
		}
	}()
	keys, values, out := raw.Alloc(4*n), raw.Alloc(8*n), raw.Alloc(4)
	for i := 0; i < 50; i++ {
		a := raw.Batch(fd, 0, raw.Addr(out), raw.Addr(keys), raw.Addr(values), n)
		if _, e := tgt.Do(raw.MapLookupBatch, a); e != 0 || a.Get32(32) != n {
			t.Errorf("lookup %d: %s after %d of %d", i, raw.ErrName(e), a.Get32(32), n)
			break
		}
		a = raw.Batch(fd, 0, 0, raw.Addr(keys), raw.Addr(values), n)
		if _, e := tgt.Do(raw.MapUpdateBatch, a); e != 0 || a.Get32(32) != n {
			t.Errorf("update %d: %s after %d of %d", i, raw.ErrName(e), a.Get32(32), n)
			break
		}
	}
	close(stop)
	<-done
	select {
	case <-got:
	default:
		t.Error("no signal came")
	}
}
