// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"
	"time"
)

// A slow guest has more time by the clock, and no more of its own.
func TestPace(t *testing.T) {
	p := &pace{slow: 1, at: time.Now()}
	p.slow = 4
	p.at = time.Now().Add(-8 * time.Second)
	if got := p.elapsed(); got < 2*time.Second || got > 3*time.Second {
		t.Errorf("8 s of a guest 4 times as slow are %v, want 2 s", got)
	}
	if got := p.stretch(time.Second); got != 4*time.Second {
		t.Errorf("1 s is %v of its clock, want 4 s", got)
	}
	if f := p.measure(); f < 1 || f > maxSlow {
		t.Errorf("factor %v", f)
	}
}

func TestProgress(t *testing.T) {
	p := &progress{}
	p.start(0)
	p.look([]byte("=== RUN   TestA\n--- PASS: TestA (0.00s)\n=== RUN   TestB\n=== RU"), 10*time.Second)
	p.look([]byte("N   TestB/deep\nnoise"), 100*time.Second)
	if p.name() != "TestB/deep" {
		t.Errorf("in %q", p.name())
	}
	if tops := p.tops(); len(tops) != 2 || tops[1] != "TestB" {
		t.Errorf("begun %q", tops)
	}
	if p.over(219*time.Second, 120*time.Second) || !p.over(221*time.Second, 120*time.Second) {
		t.Error("the deadline is not that of the test that runs")
	}
}

// BenchmarkWork, run in a guest, is what reference is set by.
func BenchmarkWork(b *testing.B) {
	for i := 0; i < b.N; i++ {
		work()
	}
}
