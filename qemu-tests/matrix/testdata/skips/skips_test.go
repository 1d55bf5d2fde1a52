// SPDX-License-Identifier: Apache-2.0

// Package skips is a suite that skips a test.
package skips

import "testing"

func TestRuns(*testing.T) {}

func TestSkips(t *testing.T) { t.Skip("not today") }
