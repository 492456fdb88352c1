// Package jsonleaves flattens values into the scalars of their JSON, for CSV and other formats that
// have names but no nesting.
package jsonleaves

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
)

// Leaf is a scalar of a JSON value.
type Leaf struct {
	Name string // the keys on the way, joined by dots; entries of a list count from 1
	Text string // a number with all its digits, a string without quotes; "" for null
}

// Of returns the scalars of v's JSON, in their order.
func Of(v any) ([]Leaf, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	return read(d, "", nil)
}

// read appends the scalars of the next value.
func read(d *json.Decoder, path string, leaves []Leaf) ([]Leaf, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	delim, nested := token.(json.Delim)
	if !nested {
		text := fmt.Sprint(token)
		if token == nil {
			text = ""
		}
		return append(leaves, Leaf{path, text}), nil
	}
	if path != "" {
		path += "."
	}
	for i := 0; d.More(); i++ {
		key := strconv.Itoa(i + 1)
		if delim == '{' {
			name, err := d.Token()
			if err != nil {
				return nil, err
			}
			key = fmt.Sprint(name)
		}
		if leaves, err = read(d, path+key, leaves); err != nil {
			return nil, err
		}
	}
	_, err = d.Token() // the closing one
	return leaves, err
}
