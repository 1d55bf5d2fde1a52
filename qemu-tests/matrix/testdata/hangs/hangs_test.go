// SPDX-License-Identifier: Apache-2.0

// Package hangs is a suite with a test that hangs.
package hangs

import (
	"testing"
	"time"
)

func TestBefore(*testing.T) {}

func TestHangs(t *testing.T) {
	t.Run("short", func(*testing.T) { time.Sleep(3 * time.Second) })
	t.Run("long", func(*testing.T) { time.Sleep(time.Hour) })
}

func TestAfter(*testing.T) {}
