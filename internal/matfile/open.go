package matfile

import (
	"fmt"
	"io"
	"os"
)

// Parse reads r to its end and parses it. Errors begin with what, such as "wpmec: data set".
func Parse[D any](what string, r io.Reader, parse func(data []byte) (D, error)) (D, error) {
	data, err := io.ReadAll(r)
	if err == nil {
		var d D
		if d, err = parse(data); err == nil {
			return d, nil
		}
	}
	var none D
	return none, fmt.Errorf("%s: %w", what, err)
}

// Open is Parse on a file, whose name begins errors about its content.
func Open[D any](what, path string, parse func(data []byte) (D, error)) (D, error) {
	var none D
	f, err := os.Open(path)
	if err != nil {
		return none, fmt.Errorf("%s: %w", what, err)
	}
	defer f.Close()
	d, err := Parse(what, f, parse)
	if err != nil {
		return none, fmt.Errorf("%s: %w", path, err)
	}
	return d, nil
}
