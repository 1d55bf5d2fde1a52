// SPDX-License-Identifier: Apache-2.0

package support

import "testing"

func TestTheTableIsRead(t *testing.T) {
	rows, err := Reasons()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) < 50 {
		t.Errorf("%d rows", len(rows))
	}
}

func TestParse(t *testing.T) {
	for _, bad := range []string{"map hash * EINVAL", "map hash *: why", "thing hash * EINVAL: why", "map hash * EINVAL: ", "map hash * EINVAL [: why"} {
		if _, err := parse(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	rows, err := parse("# remark\n\nhelper a,b kprobe,xdp EPERM 3.10.*: because: so\n")
	if err != nil || len(rows) != 2 || rows[1].Name != "b" || rows[0].Why != "because: so" || rows[0].Line != 3 {
		t.Fatalf("%v %v", rows, err)
	}
	r := &rows[0]
	if !r.matches(Helper, "a", "xdp", "3.10.0-514.el7") || r.matches(Helper, "a", "perf_event", "3.10.0") || r.matches(Helper, "a", "xdp", "6.1.0") || r.matches(Map, "a", "xdp", "3.10.0") {
		t.Error("it matches what it should not, or not what it should")
	}
}

func TestARowByTypeGoesFirst(t *testing.T) {
	all, ok1 := Why(Helper, "get_socket_cookie", "tracing", "6.1.0")
	if !ok1 || all.Of == nil {
		t.Errorf("%v", all)
	}
	if _, ok := Why(Helper, "no_such_helper", "kprobe", "6.1.0"); ok {
		t.Error("a reason for nothing")
	}
}
