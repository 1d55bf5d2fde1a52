// SPDX-License-Identifier: Apache-2.0

package matrix

import "fmt"

// Count is the closing line: "N passed, N failed, N skipped".
func Count(outs []Outcome) string {
	var n [3]int
	for _, o := range outs {
		n[o.Verdict]++
	}
	return fmt.Sprintf("%d passed, %d failed, %d skipped", n[Passed], n[Failed], n[Skipped])
}
