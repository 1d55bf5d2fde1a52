// SPDX-License-Identifier: Apache-2.0

package loader

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
)

var possibleCPU = sync.OnceValues(func() (int, error) {
	const path = "/sys/devices/system/cpu/possible"
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	cpus, err := parseCPUs(strings.TrimSpace(string(b)))
	if err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	return cpus[len(cpus)-1] + 1, nil
})

// PossibleCPU is the number of CPUs that this machine may ever have: as many
// values as a per-CPU map has for a key.
func PossibleCPU() (int, error) { return possibleCPU() }

// MustPossibleCPU is PossibleCPU, and panics where that fails.
func MustPossibleCPU() int {
	n, err := PossibleCPU()
	if err != nil {
		panic(err)
	}
	return n
}

// OnlineCPUs lists the CPUs that are running.
func OnlineCPUs() ([]int, error) {
	const path = "/sys/devices/system/cpu/online"
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	cpus, err := parseCPUs(strings.TrimSpace(string(b)))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return cpus, nil
}

// parseCPUs reads a list such as 0-3,6 in rising order.
func parseCPUs(list string) ([]int, error) {
	var cpus []int
	for _, part := range strings.Split(list, ",") {
		lo, hi, span := strings.Cut(part, "-")
		first, err := strconv.ParseUint(lo, 10, 16)
		if err != nil {
			return nil, fmt.Errorf("CPU list %q: %w", list, err)
		}
		last := first
		if span {
			if last, err = strconv.ParseUint(hi, 10, 16); err != nil {
				return nil, fmt.Errorf("CPU list %q: %w", list, err)
			}
		}
		for n := first; n <= last; n++ {
			cpus = append(cpus, int(n))
		}
	}
	if len(cpus) == 0 {
		return nil, fmt.Errorf("CPU list %q is empty", list)
	}
	return cpus, nil
}
