package checkpoints

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"reflect"
	"strings"
	"testing"
)

// referenceState is the content of testdata/reference.safetensors, which the Python package
// safetensors 0.8.0 wrote (safetensors.numpy.save_file with metadata={"producer": "graphrl"}).
func referenceState() *State {
	s := NewState()
	actor := s.Sub("actor")
	actor.PutFloat32("weight", []int{2, 3}, []float32{1.5, -2, 3, 4, 5, float32(math.Inf(1))})
	actor.PutFloat32("bias", nil, []float32{float32(math.Copysign(0, -1)), 1e-45, 3.4e38})
	s.PutFloat64("critic/value", nil, []float64{math.Pi, -1e300})
	s.PutInt32("graph/ptr", nil, []int32{0, 2, -5})
	s.PutInt("step", 1<<40)
	s.PutString("name", "DROO")
	s.PutFloat32("none", []int{0, 4}, nil)
	s.PutBytes("quote \" and \u00e9", nil, []byte{7})
	return s
}

func TestSafetensorsAgreesWithReference(t *testing.T) {
	want, err := os.ReadFile("testdata/reference.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	s := referenceState()
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := encodeSafetensors(&got, s.store.tensors); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("wrote\n%q\nwant\n%q", got.Bytes(), want)
	}
	tensors, err := decodeSafetensors(want)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(tensors, s.store.tensors) {
		t.Errorf("read\n%v\nwant\n%v", tensors, s.store.tensors)
	}
}

// safetensorsFile assembles a file from a header and data.
func safetensorsFile(header, data string) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), data...)
}

// accepted and rejected files, also the seeds of the fuzz test.
var acceptedFiles = []struct{ name, header, data string }{
	{"empty", `{}`, ""},
	{"padded", `{}      `, ""},
	{"only metadata", `{"__metadata__":{"a":"b"}}`, ""},
	{"white space inside", "{ \"a\" :\n{\"shape\": [ 2 ],\t\"data_offsets\":[0,2],\"dtype\":\"U8\"}}", "xy"},
	{"data not in the header's order", `{"b":{"dtype":"U8","shape":[1],"data_offsets":[1,2]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, "xy"},
	{"no elements", `{"b":{"dtype":"F64","shape":[0,2147483647],"data_offsets":[1,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, "x"},
	{"reserved name in the metadata", `{"__metadata__":{"__metadata__":""}}`, ""},
}

var rejectedFiles = []struct{ name, header, data, want string }{
	{"no header", ``, "", "does not start with {"},
	{"leading space", ` {}`, "", "does not start with {"},
	{"array", `[]`, "", "does not start with {"},
	{"unclosed", `{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}`, "x", "EOF"},
	{"trailing bytes", `{}x`, "", "something other than spaces"},
	{"trailing newline", "{}\n", "", "something other than spaces"},
	{"second object", `{}{}`, "", "something other than spaces"},
	{"not UTF-8", "{\"\xff\":1}", "", "not UTF-8"},
	{"missing comma", `{"a":{"dtype":"U8" "shape":[1],"data_offsets":[0,1]}}`, "x", "invalid character"},
	{"entry is no object", `{"a":1}`, "", "got 1, want {"},
	{"entry is null", `{"a":null}`, "", "want {"},
	{"metadata is no object", `{"__metadata__":[]}`, "", "got [, want {"},
	{"metadata holds a number", `{"__metadata__":{"a":1}}`, "", "got 1, want a string"},
	{"metadata twice", `{"__metadata__":{},"__metadata__":{}}`, "", "comes twice"},
	{"name twice", `{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}`, "", `"a" comes twice`},
	{"name twice, once escaped", `{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"\u0061":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}`, "", `"a" comes twice`},
	{"field twice", `{"a":{"dtype":"U8","dtype":"U8","shape":[0],"data_offsets":[0,0]}}`, "", `"dtype" comes twice`},
	{"field of other case", `{"a":{"DType":"U8","shape":[0],"data_offsets":[0,0]}}`, "", "unknown field"},
	{"unknown field", `{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"x":1}}`, "", `"x": unknown field`},
	{"missing field", `{"a":{"dtype":"U8","shape":[0]}}`, "", "missing"},
	{"unknown type", `{"a":{"dtype":"F4","shape":[4],"data_offsets":[0,2]}}`, "xy", `has type "F4"`},
	{"type is no string", `{"a":{"dtype":1,"shape":[1],"data_offsets":[0,2]}}`, "xy", "got 1, want a string"},
	{"shape is null", `{"a":{"dtype":"U8","shape":null,"data_offsets":[0,1]}}`, "x", "want ["},
	{"dimension is null", `{"a":{"dtype":"U8","shape":[null],"data_offsets":[0,0]}}`, "", "not a number"},
	{"dimension is a string", `{"a":{"dtype":"U8","shape":["1"],"data_offsets":[0,1]}}`, "x", "not a number"},
	{"dimension is negative", `{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}`, "x", "invalid syntax"},
	{"dimension is fractional", `{"a":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}}`, "x", "invalid syntax"},
	{"dimension overflows", `{"a":{"dtype":"U8","shape":[18446744073709551617],"data_offsets":[0,1]}}`, "x", "out of range"},
	{"product overflows to the right size", `{"a":{"dtype":"U8","shape":[65536,65536,65536,65536],"data_offsets":[0,0]}}`, "", "does not fill"},
	{"bytes overflow to the right size", `{"a":{"dtype":"F64","shape":[65536,65536,65536,8192],"data_offsets":[0,0]}}`, "", "does not fill"},
	{"too few bytes", `{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, "abcd", "does not fill its 4 bytes"},
	{"no whole number of elements", `{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,5]}}`, "abcde", "does not fill its 5 bytes"},
	{"one offset", `{"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}}`, "x", "1 offsets, want 2"},
	{"three offsets", `{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,2]}}`, "x", "3 offsets, want 2"},
	{"offsets reversed", `{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}}`, "x", "covers bytes [1, 0)"},
	{"offsets reversed after another", `{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[0],"data_offsets":[2,1]}}`, "xy", "covers bytes [2, 1)"},
	{"offsets past the end", `{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}`, "x", "covers bytes [0, 2)"},
	{"gap before", `{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, "xy", "covers bytes [1, 2)"},
	{"gap after", `{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, "xy", "cover 1 bytes of 2"},
	{"gap between", `{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}`, "xyz", `"b" covers bytes [2, 3)`},
	{"overlap", `{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}`, "xyz", `"b" covers bytes [1, 3)`},
	{"one inside the other", `{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"b":{"dtype":"U8","shape":[0],"data_offsets":[1,1]}}`, "xyz", `"b" covers bytes [1, 1)`},
}

func TestDecodeSafetensors(t *testing.T) {
	for _, tt := range acceptedFiles {
		if _, err := decodeSafetensors(safetensorsFile(tt.header, tt.data)); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	for _, tt := range rejectedFiles {
		_, err := decodeSafetensors(safetensorsFile(tt.header, tt.data))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q in it", tt.name, err, tt.want)
		}
	}
	for _, size := range []uint64{3, maxHeader + 1, 1 << 63, math.MaxUint64} {
		file := append(binary.LittleEndian.AppendUint64(nil, size), "{}"...)
		if _, err := decodeSafetensors(file); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("claims %d bytes", size)) {
			t.Errorf("header of %d bytes in a file of %d: error %v", size, len(file), err)
		}
	}
}

// Even without a checksum every truncation is detected, because the offsets must cover the data to
// its end.
func TestDecodeSafetensorsTruncated(t *testing.T) {
	var file bytes.Buffer
	if err := encodeSafetensors(&file, referenceState().store.tensors); err != nil {
		t.Fatal(err)
	}
	for n := range file.Len() {
		if _, err := decodeSafetensors(file.Bytes()[:n]); err == nil {
			t.Errorf("no error for the first %d bytes of %d", n, file.Len())
		}
	}
}

func FuzzSafetensors(f *testing.F) {
	reference, err := os.ReadFile("testdata/reference.safetensors")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(reference)
	if foreign, err := os.ReadFile("testdata/numpy.safetensors"); err == nil {
		f.Add(foreign)
	}
	for _, tt := range acceptedFiles {
		f.Add(safetensorsFile(tt.header, tt.data))
	}
	for _, tt := range rejectedFiles {
		f.Add(safetensorsFile(tt.header, tt.data))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		tensors, err := decodeSafetensors(file)
		if err != nil {
			return
		}
		stored := 0
		for name, x := range tensors {
			stored += len(x.data)
			if n, ok := elements(x.shape); !ok || n*x.dtype.size() != len(x.data) {
				t.Errorf("tensor %q: type %s, shape %v, %d bytes", name, x.dtype, x.shape, len(x.data))
			}
		}
		if size := binary.LittleEndian.Uint64(file); stored != len(file)-8-int(size) {
			t.Errorf("%d bytes of tensors in a file of %d with a header of %d", stored, len(file), size)
		}
		var again bytes.Buffer
		if err := encodeSafetensors(&again, tensors); err != nil {
			t.Fatal(err)
		}
		back, err := decodeSafetensors(again.Bytes())
		if err != nil {
			t.Fatalf("cannot read what was written: %v", err)
		}
		if !reflect.DeepEqual(back, tensors) {
			t.Errorf("read %v, written %v", back, tensors)
		}
	})
}
