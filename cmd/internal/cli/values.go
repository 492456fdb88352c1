package cli

import (
	"os"
	"reflect"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/graphrl/graphrl/internal/strictyaml"
)

// values make flags read numbers as configuration files do, and paths. By itself kong takes 010 for 8,
// 1_0 for 10, and NaN for a number.
func values() []kong.Option {
	whole := func(v reflect.Value, text string) error {
		n, err := strictyaml.Int(text, 64)
		v.SetInt(n)
		return err
	}
	return []kong.Option{
		kong.NamedMapper("paths", kong.MapperFunc(paths)),
		numberOf(reflect.Int, whole),
		numberOf(reflect.Int64, whole),
		numberOf(reflect.Uint64, func(v reflect.Value, text string) error {
			n, err := strictyaml.Uint(text, 64)
			v.SetUint(n)
			return err
		}),
		numberOf(reflect.Float64, func(v reflect.Value, text string) error {
			x, err := strictyaml.Float(text, 64)
			v.SetFloat(x)
			return err
		}),
	}
}

func numberOf(kind reflect.Kind, set func(v reflect.Value, text string) error) kong.Option {
	return kong.KindMapper(kind, kong.MapperFunc(func(ctx *kong.DecodeContext, target reflect.Value) error {
		var text string
		if err := ctx.Scan.PopValueInto("number", &text); err != nil {
			return err
		}
		return set(target, text)
	}))
}

// paths reads flags of the type paths: files or folders, separated by commas or given one by one. A name
// with a comma is one path if it is there.
func paths(ctx *kong.DecodeContext, target reflect.Value) error {
	var text string
	if err := ctx.Scan.PopValueInto("path", &text); err != nil {
		return err
	}
	names := []string{text}
	if _, err := os.Lstat(text); err != nil {
		names = strings.Split(text, ",")
	}
	target.Set(reflect.AppendSlice(target, reflect.ValueOf(names)))
	return nil
}
