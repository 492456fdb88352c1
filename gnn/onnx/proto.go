package onnx

import (
	"encoding/binary"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// The part of onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto) that is written,
// with its field numbers:
//
//	ModelProto       ir_version 1, producer_name 2, graph 7, opset_import 8
//	OperatorSetId    version 2
//	GraphProto       node 1, name 2, initializer 5, input 11, output 12
//	NodeProto        input 1, output 2, op_type 4, attribute 5
//	AttributeProto   name 1, f 2, i 3, s 4, t 5, type 20
//	TensorProto      dims 1, data_type 2, name 8, raw_data 9
//	ValueInfoProto   name 1, type 2
//	TypeProto        tensor_type 1 (elem_type 1, shape 2); shape: dim 1 (dim_value 1, dim_param 2)
const (
	irVersion, opset = 8, 18

	typeFloat, typeInt64 = 1, 7 // TensorProto.DataType

	attrFloat, attrInt, attrString, attrTensor = 1, 2, 3, 4 // AttributeProto.AttributeType
)

// message is an encoded Protobuf message.
type message []byte

func (m *message) int(field protowire.Number, v int64) {
	*m = protowire.AppendTag(*m, field, protowire.VarintType)
	*m = protowire.AppendVarint(*m, uint64(v))
}

func (m *message) bytes(field protowire.Number, v []byte) {
	*m = protowire.AppendTag(*m, field, protowire.BytesType)
	*m = protowire.AppendBytes(*m, v)
}

func (m *message) str(field protowire.Number, v string) { m.bytes(field, []byte(v)) }

// attr is a named attribute of a node.
type attr message

func newAttr(name string, kind int64, set func(m *message)) attr {
	var m message
	m.str(1, name)
	set(&m)
	m.int(20, kind)
	return attr(m)
}

func intAttr(name string, v int64) attr {
	return newAttr(name, attrInt, func(m *message) { m.int(3, v) })
}

func floatAttr(name string, v float32) attr {
	return newAttr(name, attrFloat, func(m *message) {
		*m = protowire.AppendTag(*m, 2, protowire.Fixed32Type)
		*m = protowire.AppendFixed32(*m, math.Float32bits(v))
	})
}

func stringAttr(name, v string) attr {
	return newAttr(name, attrString, func(m *message) { m.str(4, v) })
}

func tensorAttr(name string, t message) attr {
	return newAttr(name, attrTensor, func(m *message) { m.bytes(5, t) })
}

func floatTensor(name string, dims []int, data []float32) message {
	var raw []byte
	for _, v := range data {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	return tensorOf(name, typeFloat, dims, raw)
}

func intTensor(name string, data ...int64) message {
	var raw []byte
	for _, v := range data {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(v))
	}
	return tensorOf(name, typeInt64, []int{len(data)}, raw)
}

func tensorOf(name string, kind int64, dims []int, raw []byte) message {
	var m message
	for _, d := range dims {
		m.int(1, int64(d))
	}
	m.int(2, kind)
	m.str(8, name)
	m.bytes(9, raw)
	return m
}

// valueInfo declares an input or output; a dim is a string, which names a dynamic size, or an int.
func valueInfo(name string, kind int64, dims ...any) message {
	var shape, tensor, typ, m message
	for _, d := range dims {
		var dim message
		switch d := d.(type) {
		case int:
			dim.int(1, int64(d))
		case string:
			dim.str(2, d)
		}
		shape.bytes(1, dim)
	}
	tensor.int(1, kind)
	tensor.bytes(2, shape)
	typ.bytes(1, tensor)
	m.str(1, name)
	m.bytes(2, typ)
	return m
}
