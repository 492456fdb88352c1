package strictyaml

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// What can be wrong with a document, for errors.Is.
var (
	ErrSyntax       = errors.New("not YAML")
	ErrDocuments    = errors.New("more than one document")
	ErrUnknownKey   = errors.New("unknown key")
	ErrDuplicateKey = errors.New("duplicate key")
	ErrAlias        = errors.New("bad alias")
	ErrType         = errors.New("wrong type")
	ErrFraction     = errors.New("not a whole number")
	ErrRange        = errors.New("out of range")
	ErrTooLarge     = errors.New("document too large")
	ErrInvalid      = errors.New("invalid value") // a value that validation refuses
)

// Error is an error at a place of a document. It prints as "FILE:LINE: key: message".
type Error struct {
	File string
	Line int    // 0: the document as a whole
	Path string // dotted keys such as servers[1].times[2]; empty: the document's top
	Err  error
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d", e.Line)
	}
	b.WriteString(": ")
	if e.Path != "" {
		b.WriteString(e.Path + ": ")
	}
	return b.String() + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// kindError is a message that errors.Is finds to be of a kind.
type kindError struct {
	kind    error
	message string
}

func (e *kindError) Error() string { return e.message }
func (e *kindError) Unwrap() error { return e.kind }

func kindErrorf(kind error, format string, args ...any) error {
	return &kindError{kind, fmt.Sprintf(format, args...)}
}

// FieldError is a value that validation refuses, by its path in the document. [Unmarshal] adds file
// and line.
type FieldError struct{ Path, Message string }

func (e *FieldError) Error() string { return e.Path + ": " + e.Message }

// Unwrap makes errors.Is find [ErrInvalid].
func (e *FieldError) Unwrap() error { return ErrInvalid }

// Invalid is a [FieldError] about the value at path.
func Invalid(path, format string, args ...any) error {
	return &FieldError{path, fmt.Sprintf(format, args...)}
}

// Below puts the path of a [FieldError] below a key. Other errors stay as they are.
func Below(key string, err error) error {
	var field *FieldError
	if errors.As(err, &field) {
		return &FieldError{key + "." + field.Path, field.Message}
	}
	return err
}

var plainKey = regexp.MustCompile(`^[\w-]+$`)

// join extends a path by a key. Keys that would garble the message are quoted.
func join(path, key string) string {
	if !plainKey.MatchString(key) {
		key = strconv.QuoteToASCII(key)
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

func index(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }
