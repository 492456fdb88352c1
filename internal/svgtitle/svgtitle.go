// Package svgtitle gives SVG images a text that screen readers read.
package svgtitle

import (
	"bytes"
	"encoding/xml"
)

// Add returns svg as an image with a title. Text without an svg element is returned as it is.
func Add(svg []byte, title string) []byte {
	begin := bytes.Index(svg, []byte("<svg"))
	if begin < 0 {
		return svg
	}
	end := bytes.IndexByte(svg[begin:], '>')
	if end < 0 {
		return svg
	}
	var b bytes.Buffer
	b.Write(svg[:begin+end])
	b.WriteString(` role="img"><title>`)
	xml.EscapeText(&b, []byte(title)) // a bytes.Buffer never fails
	b.WriteString("</title>")
	b.Write(svg[begin+end+1:])
	return b.Bytes()
}
