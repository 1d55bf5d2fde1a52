// SPDX-License-Identifier: Apache-2.0

package decode_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"testing"

	"github.com/cilium/ebpf/btf"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bpfshim/bpfshim/loader"
	"github.com/bpfshim/bpfshim/loader/decode"
	"github.com/bpfshim/bpfshim/loader/testbpf"
)

func loadSpec(t *testing.T) *loader.CollectionSpec {
	t.Helper()
	spec, err := loader.LoadCollectionSpec(testbpf.Build(t, "../testdata/all.bpf.c"))
	require.NoError(t, err)
	return spec
}

// event is struct event of all.bpf.c.
func event() []byte {
	var b bytes.Buffer
	binary.Write(&b, binary.NativeEndian, uint64(1<<63))
	binary.Write(&b, binary.NativeEndian, uint32(4000000000))
	binary.Write(&b, binary.NativeEndian, uint32(2))
	b.WriteString("a \"b\"\xff\x00garbage!")
	b.Write(make([]byte, 32-b.Len()))
	b.Write([]byte{1, 2, 3, 4})
	b.Write([]byte{1, 0})
	binary.Write(&b, binary.NativeEndian, int16(-2))
	b.Write([]byte{5 | 17<<3, 0, 0, 0})
	return b.Bytes()
}

func TestEvent(t *testing.T) {
	spec := loadSpec(t)
	typ := decode.EventType(spec, "events")
	require.NotNil(t, typ)
	assert.Equal(t, "event", typ.TypeName())
	data := event()
	size, err := btf.Sizeof(typ)
	require.NoError(t, err)
	require.LessOrEqual(t, size-len(data), 4)
	data = append(data, make([]byte, size-len(data))...)

	got, err := decode.JSON([]byte("x"), typ, data)
	require.NoError(t, err)
	want := `{"ts":9223372036854775808,"pid":4000000000,"kind":"KIND_B","comm":"a \"b\"` + "\ufffd" +
		`","code":67305985,"bytes":[1,2,3,4],"flag":true,"delta":-2,"low":5,"high":17}`
	assert.Equal(t, "x"+want, string(got))
	assert.True(t, json.Valid(got[1:]))

	got, err = decode.Text(nil, typ, data)
	require.NoError(t, err)
	assert.Equal(t, `{ts=9223372036854775808, pid=4000000000, kind=KIND_B, comm="a \"b\"\xff", code=67305985, bytes=[1, 2, 3, 4], flag=true, delta=-2, low=5, high=17}`, string(got))

	// Padding behind does no harm, what is missing is left out.
	longer, err := decode.JSON(nil, typ, append(data, 0, 0, 0, 0))
	require.NoError(t, err)
	assert.Equal(t, want, string(longer))
	short, err := decode.JSON(nil, typ, data[:14])
	require.NoError(t, err)
	assert.Equal(t, `{"ts":9223372036854775808,"pid":4000000000}`, string(short))
	none, err := decode.JSON(nil, typ, nil)
	require.NoError(t, err)
	assert.Equal(t, `{}`, string(none))

	// An unknown enumerator is a number.
	data[12] = 9
	got, err = decode.JSON(nil, typ, data)
	require.NoError(t, err)
	assert.Contains(t, string(got), `"kind":9`)
}

func TestNoEventType(t *testing.T) {
	spec := loadSpec(t)
	assert.Nil(t, decode.EventType(spec, "no_such_map"))
	assert.Equal(t, []string{"events"}, decode.EventMaps(spec))
	typ, err := decode.NamedType(spec, "struct value")
	require.NoError(t, err)
	assert.Equal(t, "value", typ.TypeName())
	_, err = decode.NamedType(spec, "struct nothing")
	assert.Error(t, err)
}

func TestDeepType(t *testing.T) {
	// A struct cannot hold itself, but BTF can say so.
	s := &btf.Struct{Name: "loop", Size: 8}
	arr := &btf.Array{Type: s, Nelems: 1}
	s.Members = []btf.Member{{Name: "again", Type: arr}}
	_, err := decode.JSON(nil, s, make([]byte, 8))
	assert.Error(t, err)
}

// TestParseReverses: what JSON prints, Parse reads.
func TestParseReverses(t *testing.T) {
	spec := loadSpec(t)
	typ := decode.EventType(spec, "events")
	size, err := btf.Sizeof(typ)
	require.NoError(t, err)
	data := make([]byte, size)
	copy(data, event())
	copy(data[16:32], "plain\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00")
	text, err := decode.JSON(nil, typ, data)
	require.NoError(t, err)
	got, err := decode.Parse(typ, size, string(text))
	require.NoError(t, err)
	assert.Equal(t, data, got)
}

func TestParse(t *testing.T) {
	i32 := &btf.Int{Name: "int", Size: 4, Encoding: btf.Signed}
	boolean := &btf.Int{Name: "_Bool", Size: 1, Encoding: btf.Bool}
	char := &btf.Int{Name: "char", Size: 1, Encoding: btf.Signed}
	text := &btf.Array{Type: char, Nelems: 4}
	enum := &btf.Enum{Name: "e", Size: 4, Values: []btf.EnumValue{{Name: "A", Value: 7}}}
	pair := &btf.Struct{Name: "p", Size: 8, Members: []btf.Member{{Name: "a", Type: i32}, {Name: "b", Type: i32, Offset: 32}}}
	for _, c := range []struct {
		typ  btf.Type
		size int
		text string
		want []byte // nil: an error
	}{
		{nil, 4, "10", []byte{10, 0, 0, 0}},
		{nil, 2, "0x1234", []byte{0x34, 0x12}},
		{nil, 8, "-1", bytes.Repeat([]byte{255}, 8)},
		{nil, 1, "256", nil},
		{nil, 1, "-129", nil},
		{nil, 1, "-128", []byte{0x80}},
		{nil, 3, "1", nil},
		{nil, 3, "hex:0a0b0c", []byte{10, 11, 12}},
		{nil, 3, "hex 0a 0b 0c", []byte{10, 11, 12}},
		{nil, 3, "hex:0a", nil},
		{nil, 4, "ten", nil},
		{i32, 4, "-5", []byte{0xfb, 255, 255, 255}},
		{boolean, 1, "true", []byte{1}},
		{boolean, 1, "false", []byte{0}},
		{text, 4, "abc", []byte("abc\x00")},
		{text, 4, "abcde", nil},
		{enum, 4, "A", []byte{7, 0, 0, 0}},
		{enum, 4, "3", []byte{3, 0, 0, 0}},
		{enum, 4, "B", nil},
		{pair, 8, `{"b": 2}`, []byte{0, 0, 0, 0, 2, 0, 0, 0}},
		{pair, 8, `{"c": 2}`, nil},
		{pair, 8, `5`, nil},
		{&btf.Void{}, 4, "1", []byte{1, 0, 0, 0}},
	} {
		got, err := decode.Parse(c.typ, c.size, c.text)
		if c.want == nil {
			assert.Error(t, err, "%v %q", c.typ, c.text)
			continue
		}
		if assert.NoError(t, err, "%v %q", c.typ, c.text) {
			assert.Equal(t, c.want, got, "%v %q", c.typ, c.text)
		}
	}
}

func TestParseSaysWhatAnObjectIs(t *testing.T) {
	s := &btf.Struct{Name: "s", Size: 8, Members: []btf.Member{{Name: "count", Type: &btf.Int{Name: "u64", Size: 8}}}}
	_, err := decode.Parse(s, 8, "count=5")
	assert.ErrorContains(t, err, `{"count": 1}`)
}
