package strictyaml

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/graphrl/graphrl/internal/textfile"
)

// Limits of a document. They are far above any configuration and keep a crafted file from
// exhausting memory or time.
const (
	maxBytes  = 4 << 20
	maxDepth  = 100     // nesting; the parser's time grows faster than the depth
	maxValues = 1 << 20 // values read, counting those behind an alias each time
)

// kind is the form of a value in the text.
type kind int

const (
	null kind = iota
	scalar
	sequence
	mapping
)

// value is a value of the document with aliases and merge keys resolved. Values behind an alias are
// shared.
type value struct {
	kind   kind
	line   int
	text   string // of a scalar
	quoted bool   // the scalar is a string in any form
	items  []*value
	fields []field // own ones in the order of the text, then merged ones
}

type field struct {
	key   string
	line  int
	value *value
}

func (v *value) field(key string) *field {
	for i := range v.fields {
		if v.fields[i].key == key {
			return &v.fields[i]
		}
	}
	return nil
}

// builder makes values of the parser's nodes.
type builder struct {
	file    string
	anchors map[string]*value // the latest definition of each; nil while inside it
	merged  int               // fields copied by merge keys
}

// parse reads the one document of data. An empty one is an empty mapping.
func parse(data []byte, file string) (v *value, err error) {
	fail := func(line int, err error) (*value, error) { return nil, &Error{File: file, Line: line, Err: err} }
	if len(data) > maxBytes {
		return fail(0, kindErrorf(ErrTooLarge, "%d bytes are more than %d: not a configuration", len(data), maxBytes))
	}
	if data, err = textfile.Decode(data); err != nil {
		return fail(0, err)
	}
	if !utf8.Valid(data) {
		return fail(invalidLine(data), fmt.Errorf("not UTF-8: save the file as UTF-8: %w", textfile.ErrEncoding))
	}
	// Some malformed documents make the library panic.
	defer func() {
		if r := recover(); r != nil {
			v, err = fail(0, kindErrorf(ErrSyntax, "cannot make sense of the YAML: %v", r))
		}
	}()
	tokens := lexer.Tokenize(string(data))
	if line := tooDeep(tokens); line > 0 {
		return fail(line, kindErrorf(ErrTooLarge, "nested deeper than %d levels", maxDepth))
	}
	tree, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		var e yaml.Error
		if !errors.As(err, &e) {
			return fail(0, kindErrorf(ErrSyntax, "%v", err))
		}
		line := 0
		if t := e.GetToken(); t != nil && t.Position != nil {
			line = t.Position.Line
		}
		return fail(line, kindErrorf(ErrSyntax, "%s", e.GetMessage()))
	}
	body, documents := soleBody(tree)
	if documents > 1 {
		return fail(0, kindErrorf(ErrDocuments, "%d YAML documents, want one: remove the lines ---", documents))
	}
	if body == nil {
		return &value{kind: mapping}, nil
	}
	b := builder{file: file, anchors: make(map[string]*value)}
	return b.build(body, "", 1)
}

// soleBody returns the body of a file's only document, nil if it is empty, and how many documents
// there are.
func soleBody(tree *ast.File) (body ast.Node, documents int) {
	for _, d := range tree.Docs {
		switch d.Body.(type) {
		case *ast.DirectiveNode: // %YAML 1.2, which the parser counts as a document
			continue
		case nil, *ast.CommentGroupNode, *ast.CommentNode:
		default:
			body = d.Body
		}
		documents++
	}
	return body, documents
}

func invalidLine(data []byte) int {
	line := 1
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		if r == utf8.RuneError && size == 1 {
			break
		}
		line += bytes.Count(data[:size], []byte{'\n'})
		data = data[size:]
	}
	return line
}

// tooDeep returns the line where the document nests deeper than maxDepth, or 0.
func tooDeep(tokens token.Tokens) int {
	flow, line, nested := 0, 0, 0 // nested counts the indicators of a line that open a level each
	for _, t := range tokens {
		if t.Position.Line != line {
			line, nested = t.Position.Line, 0
		}
		switch t.Type {
		case token.MappingStartType, token.SequenceStartType:
			flow++
		case token.MappingEndType, token.SequenceEndType:
			flow--
		case token.SequenceEntryType, token.MappingKeyType, token.AnchorType, token.TagType:
			nested++
		}
		// A block level takes a column at least.
		if flow > maxDepth || nested > maxDepth || flow <= 0 && t.Type == token.MappingValueType && t.Position.Column > 1<<12 {
			return line
		}
	}
	return 0
}

func (b *builder) errorf(n ast.Node, path string, kind error, format string, args ...any) error {
	line := 0
	if t := n.GetToken(); t != nil && t.Position != nil {
		line = t.Position.Line
	}
	return &Error{b.file, line, path, kindErrorf(kind, format, args...)}
}

// build returns the value of node, which starts at line unless it says otherwise.
func (b *builder) build(node ast.Node, path string, line int) (*value, error) {
	if node == nil {
		return &value{line: line}, nil
	}
	if t := node.GetToken(); t != nil && t.Position != nil && t.Position.Line > 0 {
		line = t.Position.Line
	}
	switch n := node.(type) {
	case *ast.NullNode, *ast.CommentGroupNode:
		return &value{line: line}, nil
	case *ast.StringNode:
		quoted := n.Token.Type == token.SingleQuoteType || n.Token.Type == token.DoubleQuoteType
		return &value{kind: scalar, line: line, text: n.Value, quoted: quoted}, nil
	case *ast.LiteralNode:
		return &value{kind: scalar, line: line, text: n.Value.Value, quoted: true}, nil
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return &value{kind: scalar, line: line, text: node.GetToken().Value}, nil
	case *ast.SequenceNode:
		v := &value{kind: sequence, line: line, items: make([]*value, len(n.Values))}
		for i, item := range n.Values {
			var err error
			if v.items[i], err = b.build(item, index(path, i), line); err != nil {
				return nil, err
			}
		}
		return v, nil
	case *ast.MappingNode:
		return b.mapping(n.Values, path, line)
	case *ast.MappingValueNode:
		return b.mapping([]*ast.MappingValueNode{n}, path, line)
	case *ast.MappingKeyNode:
		return b.build(n.Value, path, line)
	case *ast.AnchorNode:
		return b.anchor(n, path, line)
	case *ast.AliasNode:
		name := n.Value.GetToken().Value
		v, defined := b.anchors[name]
		switch {
		case !defined:
			return nil, b.errorf(n, path, ErrAlias, "no anchor &%s before the alias *%s", name, name)
		case v == nil:
			return nil, b.errorf(n, path, ErrAlias,
				"the alias *%s is inside the value of its own anchor", name)
		}
		here := *v
		here.line = line
		return &here, nil
	case *ast.TagNode:
		return nil, b.errorf(n, path, ErrType, "tags such as %s are not supported: write the value alone", n.GetToken().Value)
	}
	return nil, b.errorf(node, path, ErrSyntax, "a %s cannot be here", node.Type())
}

func (b *builder) anchor(n *ast.AnchorNode, path string, line int) (*value, error) {
	name := n.Name.GetToken().Value
	b.anchors[name] = nil
	v, err := b.build(n.Value, path, line)
	if err != nil {
		return nil, err
	}
	if b.anchors[name] == nil { // else defined again inside, which comes later in the text
		b.anchors[name] = v
	}
	return v, nil
}

func (b *builder) mapping(entries []*ast.MappingValueNode, path string, line int) (*value, error) {
	v := &value{kind: mapping, line: line}
	seen := make(map[string]int, len(entries))
	var merges []*value
	for _, e := range entries {
		var key string
		_, merge := e.Key.(*ast.MergeKeyNode)
		keyLine := line
		if merge {
			key = "<<"
		} else {
			k, err := b.build(e.Key, path, line)
			if err != nil {
				return nil, err
			}
			if k.kind != scalar {
				return nil, b.errorf(e.Key, path, ErrType, "a key must be a word")
			}
			key = k.text
		}
		if t := e.Key.GetToken(); t != nil && t.Position != nil {
			keyLine = t.Position.Line
		}
		below := join(path, key)
		if first, twice := seen[key]; twice {
			return nil, b.errorf(e.Key, below, ErrDuplicateKey, "duplicate key, first in line %d", first)
		}
		seen[key] = keyLine
		val, err := b.build(e.Value, below, keyLine)
		if err != nil {
			return nil, err
		}
		if !merge {
			v.fields = append(v.fields, field{key, keyLine, val})
			continue
		}
		if val.kind != sequence {
			val = &value{items: []*value{val}}
		}
		for _, source := range val.items {
			if source.kind != mapping {
				return nil, b.errorf(e.Key, below, ErrAlias, "want a mapping to merge, or a list of them")
			}
			merges = append(merges, source)
		}
	}
	// Own keys override merged ones, and earlier sources later ones.
	for _, source := range merges {
		for _, f := range source.fields {
			if b.merged++; b.merged > maxValues {
				return nil, &Error{b.file, line, path, kindErrorf(ErrTooLarge, "merge keys copy more than %d values", maxValues)}
			}
			if _, taken := seen[f.key]; !taken {
				seen[f.key] = f.line
				v.fields = append(v.fields, f)
			}
		}
	}
	return v, nil
}
