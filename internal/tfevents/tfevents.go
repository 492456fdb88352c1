// Package tfevents writes scalars in the format that TensorBoard reads, and reads them back.
//
// A file is a sequence of TFRecords: the length of the data (8 bytes, little endian), a checksum of
// these 8 bytes, the data, a checksum of the data. A checksum is the CRC-32C, rotated and shifted so
// that the checksum of data with checksums in it stays useful (tensorflow/core/lib/hash/crc32c.h). The
// data of a record is a protocol buffer, tensorflow.Event, of which scalars need four fields:
//
//	message Event   { double wall_time = 1; int64 step = 2; string file_version = 3; Summary summary = 5; }
//	message Summary { repeated Value value = 1; }
//	message Value   { string tag = 1; float simple_value = 2; }
package tfevents

import (
	"encoding/binary"
	"hash/crc32"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// Scalar is a figure under the name that it has in TensorBoard; slashes group names.
type Scalar struct {
	Tag   string
	Value float32
}

// Event is the scalars of one step.
type Event struct {
	Time    float64 // wall clock, seconds since 1970
	Step    int64
	Scalars []Scalar
}

// Fields of the messages.
const (
	eventTime, eventStep, eventVersion, eventSummary protowire.Number = 1, 2, 3, 5
	summaryValue                                     protowire.Number = 1
	valueTag, valueSimple                            protowire.Number = 1, 2
)

// AppendHeader appends the record that a file begins with.
func AppendHeader(dst []byte, time float64) []byte {
	event := appendTime(nil, time)
	event = protowire.AppendTag(event, eventVersion, protowire.BytesType)
	return appendRecord(dst, protowire.AppendString(event, "brain.Event:2"))
}

// Append appends the record of an event.
func Append(dst []byte, e Event) []byte {
	var summary []byte
	for _, s := range e.Scalars {
		value := protowire.AppendTag(nil, valueTag, protowire.BytesType)
		value = protowire.AppendString(value, s.Tag)
		value = protowire.AppendTag(value, valueSimple, protowire.Fixed32Type)
		value = protowire.AppendFixed32(value, math.Float32bits(s.Value))
		summary = protowire.AppendTag(summary, summaryValue, protowire.BytesType)
		summary = protowire.AppendBytes(summary, value)
	}
	event := appendTime(nil, e.Time)
	event = protowire.AppendTag(event, eventStep, protowire.VarintType)
	event = protowire.AppendVarint(event, uint64(e.Step))
	event = protowire.AppendTag(event, eventSummary, protowire.BytesType)
	return appendRecord(dst, protowire.AppendBytes(event, summary))
}

func appendTime(dst []byte, time float64) []byte {
	dst = protowire.AppendTag(dst, eventTime, protowire.Fixed64Type)
	return protowire.AppendFixed64(dst, math.Float64bits(time))
}

// Sizes of the parts of a record besides its data.
const lengthSize, sumSize = 8, 4

func appendRecord(dst, data []byte) []byte {
	length := binary.LittleEndian.AppendUint64(nil, uint64(len(data)))
	dst = append(dst, length...)
	dst = binary.LittleEndian.AppendUint32(dst, checksum(length))
	dst = append(dst, data...)
	return binary.LittleEndian.AppendUint32(dst, checksum(data))
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(data []byte) uint32 {
	sum := crc32.Checksum(data, castagnoli)
	return (sum>>15 | sum<<17) + 0xa282ead8
}

// Times returns the wall-clock times of the steps in a file, as far as it is whole; the header is not a step.
// Of a step that comes twice it is the later one.
func Times(file []byte) map[int64]float64 {
	times := make(map[int64]float64)
	for {
		data, rest, ok := nextRecord(file)
		if !ok {
			return times
		}
		file = rest
		if time, step, summary, ok := parse(data); ok && summary {
			times[step] = time
		}
	}
}

// HeaderTime returns the wall-clock time of the record that a file begins with.
func HeaderTime(file []byte) (float64, bool) {
	data, _, ok := nextRecord(file)
	if !ok {
		return 0, false
	}
	time, _, summary, ok := parse(data)
	return time, ok && !summary
}

// nextRecord splits the first record off a file.
func nextRecord(file []byte) (data, rest []byte, ok bool) {
	if len(file) < lengthSize+sumSize {
		return nil, nil, false
	}
	length := binary.LittleEndian.Uint64(file)
	sum := binary.LittleEndian.Uint32(file[lengthSize:])
	rest = file[lengthSize+sumSize:]
	if sum != checksum(file[:lengthSize]) || uint64(len(rest)) < sumSize || length > uint64(len(rest))-sumSize {
		return nil, nil, false
	}
	data, rest = rest[:length], rest[length:]
	if binary.LittleEndian.Uint32(rest) != checksum(data) {
		return nil, nil, false
	}
	return data, rest[sumSize:], true
}

// parse reads an event but for its scalars.
func parse(event []byte) (time float64, step int64, summary, ok bool) {
	for len(event) > 0 {
		field, kind, n := protowire.ConsumeTag(event)
		if n < 0 {
			return 0, 0, false, false
		}
		event = event[n:]
		switch {
		case field == eventTime && kind == protowire.Fixed64Type:
			var bits uint64
			bits, n = protowire.ConsumeFixed64(event)
			time = math.Float64frombits(bits)
		case field == eventStep && kind == protowire.VarintType:
			var v uint64
			v, n = protowire.ConsumeVarint(event)
			step = int64(v)
		default:
			summary = summary || field == eventSummary
			n = protowire.ConsumeFieldValue(field, kind, event)
		}
		if n < 0 {
			return 0, 0, false, false
		}
		event = event[n:]
	}
	return time, step, summary, true
}
