package strictyaml

import (
	"errors"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// What a plain scalar is, by the core schema of YAML 1.2.2 (section 10.3.2).
var (
	looksInt   = regexp.MustCompile(`^([-+]?[0-9]+|[-+]?0o[0-7]+|[-+]?0x[0-9a-fA-F]+)$`)
	looksFloat = regexp.MustCompile(`^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`)
	looksInf   = regexp.MustCompile(`^[-+]?\.(inf|Inf|INF)$`)
	looksNaN   = regexp.MustCompile(`^\.(nan|NaN|NAN)$`)
	looksBool  = regexp.MustCompile(`^(true|True|TRUE|false|False|FALSE)$`)
	looksNull  = regexp.MustCompile(`^(null|Null|NULL|~|)$`)
	// looksOld are numbers of YAML 1.1 only: readers differ about them.
	looksOld = regexp.MustCompile(`^[-+]?[0-9][0-9_]*(\.[0-9_]*)?$|^[-+]?0b[01_]+$`)
)

// describe describes a value for errors.
func (v *value) describe() string {
	switch {
	case v.kind == null:
		return "nothing"
	case v.kind == sequence:
		return "a list"
	case v.kind == mapping:
		return "a mapping"
	case v.quoted:
		return "the text " + strconv.Quote(v.text)
	case looksInt.MatchString(v.text), looksFloat.MatchString(v.text), looksOld.MatchString(v.text):
		return "the number " + v.text
	}
	return strconv.Quote(v.text)
}

// want returns the error of a value of the wrong kind.
func (v *value) want(what string) error {
	hint := ""
	if v.kind == scalar && v.quoted && plainNumber(v.text) {
		hint = ": remove the quotes"
	}
	return kindErrorf(ErrType, "want %s, not %s%s", what, v.describe(), hint)
}

func plainNumber(s string) bool { return looksInt.MatchString(s) || looksFloat.MatchString(s) }

// integer returns sign and magnitude of a whole number.
func (v *value) integer() (negative bool, magnitude uint64, err error) {
	s := v.text
	switch {
	case v.kind != scalar || v.quoted:
		return false, 0, v.want("a whole number")
	case looksInt.MatchString(s):
	case looksFloat.MatchString(s):
		return false, 0, kindErrorf(ErrFraction, "%s is not a whole number in digits", s)
	case looksOld.MatchString(s):
		return false, 0, kindErrorf(ErrType, "%s is read differently by different programs: write the number in digits only", s)
	default:
		return false, 0, v.want("a whole number")
	}
	digits := strings.TrimLeft(s, "+-")
	base := 10
	switch {
	case strings.HasPrefix(digits, "0x"):
		base, digits = 16, digits[2:]
	case strings.HasPrefix(digits, "0o"):
		base, digits = 8, digits[2:]
	case len(digits) > 1 && digits[0] == '0':
		return false, 0, kindErrorf(ErrType, "%s starts with 0, which some programs read as octal: write %s, or 0o... for octal",
			s, strings.TrimLeft(digits[:len(digits)-1], "0")+digits[len(digits)-1:])
	}
	magnitude, err = strconv.ParseUint(digits, base, 64)
	if err != nil {
		return false, 0, kindErrorf(ErrRange, "%s is out of range: its size is above 2^64", s)
	}
	return s[0] == '-', magnitude, nil
}

// signed returns a whole number that fits into an int of the given number of bits.
func (v *value) signed(bits int) (int64, error) {
	negative, magnitude, err := v.integer()
	if err != nil {
		return 0, err
	}
	limit := uint64(1) << (bits - 1)
	switch {
	case negative && magnitude <= limit:
		return -int64(magnitude), nil // -2^63 is its own negative
	case !negative && magnitude < limit:
		return int64(magnitude), nil
	}
	return 0, kindErrorf(ErrRange, "%s is not in -2^%d..2^%d-1", v.text, bits-1, bits-1)
}

// unsigned returns a whole number that fits into a uint of the given number of bits.
func (v *value) unsigned(bits int) (uint64, error) {
	negative, magnitude, err := v.integer()
	if err != nil {
		return 0, err
	}
	if negative && magnitude > 0 || magnitude > math.MaxUint64>>(64-bits) {
		return 0, kindErrorf(ErrRange, "%s is not in 0..2^%d-1", v.text, bits)
	}
	return magnitude, nil
}

// float returns the floating-point number nearest to the text.
func (v *value) float(bits int) (float64, error) {
	s := v.text
	switch {
	case v.kind != scalar || v.quoted:
		return 0, v.want("a number")
	case looksNaN.MatchString(s):
		return 0, kindErrorf(ErrRange, "NaN is not a number")
	case looksInf.MatchString(s):
		return 0, kindErrorf(ErrRange, "%s is not a finite number", s)
	case looksInt.MatchString(s):
		negative, magnitude, err := v.integer()
		if errors.Is(err, ErrRange) {
			break // an integer too large for 64 bits is a float all the same
		}
		f := float64(magnitude)
		if bits == 32 {
			f = float64(float32(magnitude))
		}
		if negative {
			f = -f
		}
		return f, err
	case looksFloat.MatchString(s):
	case looksOld.MatchString(s):
		return 0, kindErrorf(ErrType, "%s is read differently by different programs: write the number without _", s)
	default:
		return 0, v.want("a number")
	}
	f, err := strconv.ParseFloat(s, bits)
	if err != nil {
		return 0, kindErrorf(ErrRange, "%s is out of range of %d-bit floating point", s, bits)
	}
	if mantissa, _, _ := strings.Cut(strings.ToLower(s), "e"); f == 0 && strings.ContainsAny(mantissa, "123456789") {
		return 0, kindErrorf(ErrRange, "%s is too small for %d-bit floating point", s, bits)
	}
	return f, nil
}

func (v *value) boolean() (bool, error) {
	if v.kind == scalar && !v.quoted && (v.text == "true" || v.text == "false") {
		return v.text == "true", nil
	}
	return false, v.want("true or false")
}

// str returns a text: quoted, or plain and nothing else by any reader.
func (v *value) str() (string, error) {
	if v.kind != scalar {
		return "", v.want("a text")
	}
	if !v.quoted && ambiguous(v.text) {
		return "", kindErrorf(ErrType, "want a text, not %s: put it in quotes if it is one", v.describe())
	}
	return v.text, nil
}

// ambiguous reports whether a plain scalar is anything but a text.
func ambiguous(s string) bool {
	for _, r := range []*regexp.Regexp{looksInt, looksFloat, looksOld, looksInf, looksNaN, looksBool, looksNull} {
		if r.MatchString(s) {
			return true
		}
	}
	return false
}

// Int reads a whole number that stands alone, such as the value of a flag, as it is read in a file.
func Int(text string, bits int) (int64, error) { return alone(text).signed(bits) }

// Uint is Int without negative numbers.
func Uint(text string, bits int) (uint64, error) { return alone(text).unsigned(bits) }

// Float reads a finite number that stands alone, as it is read in a file.
func Float(text string, bits int) (float64, error) { return alone(text).float(bits) }

func alone(text string) *value { return &value{kind: scalar, text: text} }
