// SPDX-License-Identifier: Apache-2.0

package support

import (
	"fmt"

	"github.com/bpfshim/bpfshim/ioctl"
)

// MapTypeName is a map type's name as tools write it: percpu_array.
func MapTypeName(typ uint32) string {
	for _, e := range ioctl.Enumerators("bpfshim_map_type", "MAP_TYPE_") {
		if e.Value == typ {
			return e.Name
		}
	}
	return fmt.Sprintf("type %d", typ)
}
