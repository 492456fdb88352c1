package checkpoints

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestStateSubSharesNames(t *testing.T) {
	s := NewState()
	s.PutInt("step", 7)
	learner := s.Sub("learner")
	learner.Sub("replay").PutFloat32("obs", []int{2, 3}, []float32{1, 2, 3, 4, 5, 6})
	learner.PutString("name", "droo")
	s.PutFloat("learnerless", 1) // shares the letters of the prefix but is not below it

	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	if got, want := learner.Names(), []string{"name", "replay/obs"}; !slices.Equal(got, want) {
		t.Errorf("Names below learner = %q, want %q", got, want)
	}
	obs := make([]float32, 6)
	if err := s.Float32("learner/replay/obs", obs); err != nil || !slices.Equal(obs, []float32{1, 2, 3, 4, 5, 6}) {
		t.Errorf("obs = %v, %v", obs, err)
	}
	if shape, err := learner.Shape("replay/obs"); err != nil || !slices.Equal(shape, []int{2, 3}) {
		t.Errorf("Shape = %v, %v", shape, err)
	}
	if n, err := learner.Len("replay/obs"); err != nil || n != 6 {
		t.Errorf("Len = %d, %v", n, err)
	}
	if shape, err := s.Shape("step"); err != nil || len(shape) != 0 {
		t.Errorf("Shape of a scalar = %v, %v", shape, err)
	}
	if v, err := learner.String("name"); err != nil || v != "droo" {
		t.Errorf("String = %q, %v", v, err)
	}
}

func TestStateCopies(t *testing.T) {
	s := NewState()
	v, shape := []float64{1, 2}, []int{1, 2}
	s.PutFloat64("v", shape, v)
	s.PutBytes("b", nil, []byte{1})
	v[0], shape[0] = 9, 9
	b, _ := s.Bytes("b")
	b[0] = 9

	got := make([]float64, 2)
	if err := s.Float64("v", got); err != nil || got[0] != 1 {
		t.Errorf("v = %v, %v after the caller changed its slice", got, err)
	}
	if shape, _ := s.Shape("v"); shape[0] != 1 {
		t.Errorf("shape = %v after the caller changed its slice", shape)
	}
	if b, _ := s.Bytes("b"); b[0] != 1 {
		t.Errorf("b = %v after the caller changed what Bytes returned", b)
	}
}

func TestPutMistakes(t *testing.T) {
	tests := []struct {
		name string
		put  func(*State)
		want string
	}{
		{"twice", func(s *State) { s.PutInt("a/x", 1); s.Sub("a").PutFloat("x", 2) }, `put "a/x": the name is taken`},
		{"short", func(s *State) { s.PutFloat32("x", []int{2, 2}, []float32{1}) }, "1 elements do not fill shape [2 2]"},
		{"negative", func(s *State) { s.PutInt32("x", []int{-1, -1}, []int32{1}) }, "1 elements do not fill"},
		{"negative beside zero", func(s *State) { s.PutInt32("x", []int{0, -1}, nil) }, "0 elements do not fill"},
		{"overflow", func(s *State) { s.PutInt64("x", []int{1 << 16, 1 << 16, 1 << 16, 1 << 16}, nil) }, "0 elements do not fill"},
		{"empty name", func(s *State) { s.PutInt("", 1) }, "non-empty segments"},
		{"empty segment", func(s *State) { s.Sub("a").PutInt("/x", 1) }, "non-empty segments"},
		{"trailing slash", func(s *State) { s.PutInt("x/", 1) }, "non-empty segments"},
		{"metadata", func(s *State) { s.PutInt("__metadata__", 1) }, "reserved"},
		{"not UTF-8", func(s *State) { s.PutInt("\xff", 1) }, "not UTF-8"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := NewState()
			tt.put(s)
			s.PutInt("later", 1) // a later success must not hide the mistake
			if err := s.Err(); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Err = %v, want %q in it", err, tt.want)
			}
			fs := newMemFS()
			if err := save(fs, "run", s, Manifest{}); err == nil || len(fs.names) != 0 {
				t.Errorf("save = %v with %d files written", err, len(fs.names))
			}
		})
	}
}

func TestGetMistakes(t *testing.T) {
	s := NewState()
	s.PutFloat32("w", []int{2, 3}, make([]float32, 6))
	s.PutBytes("rng", nil, []byte("not a source"))
	sub := s.Sub("actor")
	src := rand.NewPCG(1, 2)
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"missing", sub.Float32("w", nil), `no tensor "actor/w"`},
		{"type", s.Float64("w", make([]float64, 6)), `"w" holds F32, not F64`},
		{"length", s.Float32("w", make([]float32, 5)), "6 elements (shape [2 3]), not 5"},
		{"string", second(s.String("w")), "holds F32, not U8"},
		{"bytes", second(s.Bytes("v")), `no tensor "v"`},
		{"int", second(s.Int("w")), "not I64"},
		{"float", second(s.Float("v")), `no tensor "v"`},
		{"len", second(s.Len("v")), `no tensor "v"`},
		{"shape", second(s.Shape("v")), `no tensor "v"`},
		{"rand missing", LoadRand(s, "v", src), `no tensor "v"`},
		{"rand damaged", LoadRand(s, "rng", src), `"rng" is not the state of a PCG`},
	}
	for _, tt := range tests {
		if tt.err == nil || !strings.Contains(tt.err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q in it", tt.name, tt.err, tt.want)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestRandResumes(t *testing.T) {
	src := rand.NewPCG(3, 4)
	rng := rand.New(src)
	for range 100 {
		rng.NormFloat64()
	}
	s := NewState()
	SaveRand(s, "rng", src)
	var want [20]float64
	for i := range want {
		want[i] = rng.NormFloat64()
	}

	other := rand.NewPCG(0, 0)
	if err := LoadRand(s, "rng", other); err != nil {
		t.Fatal(err)
	}
	rng = rand.New(other)
	for i := range want {
		if got := rng.NormFloat64(); got != want[i] {
			t.Fatalf("draw %d after loading = %v, want %v", i, got, want[i])
		}
	}
}

func TestScalarsKeepTheirBits(t *testing.T) {
	s := NewState()
	nan := math.Float64frombits(0x7ff8_0000_dead_beef)
	s.PutFloat("nan", nan)
	s.PutInt("min", math.MinInt64)
	s.PutString("any", "\x00\xff")
	if v, err := s.Float("nan"); err != nil || math.Float64bits(v) != math.Float64bits(nan) {
		t.Errorf("nan = %x, %v", math.Float64bits(v), err)
	}
	if v, err := s.Int("min"); err != nil || v != math.MinInt64 {
		t.Errorf("min = %d, %v", v, err)
	}
	if v, err := s.String("any"); err != nil || v != "\x00\xff" {
		t.Errorf("any = %q, %v", v, err)
	}
}
