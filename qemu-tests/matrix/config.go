// SPDX-License-Identifier: Apache-2.0

// Package matrix runs the suites on each kernel and judges what came of it.
package matrix

import (
	"fmt"
	"sort"
	"strings"

	"github.com/BurntSushi/toml"
)

// Suite is a Go test package built for the guest, or a command.
type Suite struct {
	Package  string   `toml:"package"`   // of Go tests; or
	Command  []string `toml:"command"`   // what passes when it exits with 0
	LastLine string   `toml:"last_line"` // and, when set, says this last
	Overlay  string   `toml:"overlay"`   // folder of the tree laid over the guest's root
	Seconds  int      `toml:"seconds"`   // its deadline, of a package: each test's; 0: 120
	Full     bool     `toml:"full"`      // left out of the quick form
}

// Kernel is one leg of the matrix.
type Kernel struct {
	Of     string   `toml:"of"` // the kernel's name, when the leg has another; it is not reloaded then
	Suites []string `toml:"suites"`
	Append string   `toml:"append"` // kernel arguments
	SMP    int      `toml:"smp"`
	MemMB  int      `toml:"mem"`
	// MaySkip: "suite/Test" and why it need not run there. Any other skipped
	// test is a failure.
	MaySkip map[string]string `toml:"may_skip"`
}

// Reload is one test of a package.
type Reload struct {
	Package string `toml:"package"`
	Test    string `toml:"test"`
}

// Config is matrix.toml.
type Config struct {
	// Load names the test that runs in each round of the reload loop.
	Load   Reload            `toml:"load"`
	Suite  map[string]Suite  `toml:"suite"`
	Kernel map[string]Kernel `toml:"kernel"`
}

// Load reads and checks a matrix file.
func Load(path string) (*Config, error) {
	var c Config
	md, err := toml.DecodeFile(path, &c)
	if err != nil {
		return nil, err
	}
	if u := md.Undecoded(); len(u) > 0 {
		return nil, fmt.Errorf("%s: unknown key %s", path, u[0])
	}
	return &c, c.check(path)
}

func (c *Config) check(path string) error {
	for name, s := range c.Suite {
		if (s.Package == "") == (len(s.Command) == 0) {
			return fmt.Errorf("%s: suite %s needs a package or a command", path, name)
		}
	}
	for name, k := range c.Kernel {
		if len(k.Suites) == 0 {
			return fmt.Errorf("%s: kernel %s has no suites", path, name)
		}
		for _, s := range k.Suites {
			if _, ok := c.Suite[s]; !ok {
				return fmt.Errorf("%s: kernel %s: no suite %s", path, name, s)
			}
		}
		for test, why := range k.MaySkip {
			suite, _, ok := strings.Cut(test, "/")
			if _, known := c.Suite[suite]; !ok || !known || why == "" {
				return fmt.Errorf("%s: kernel %s: may_skip %q: say suite/Test and why", path, name, test)
			}
		}
	}
	return nil
}

// Names are the kernels of the matrix in alphabetical order.
func (c *Config) Names() []string {
	var names []string
	for n := range c.Kernel {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}
