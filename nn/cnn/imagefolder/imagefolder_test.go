package imagefolder_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/graphrl/graphrl/nn/cnn/imagefolder"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// plain is an image of one colour.
func plain(w, h int, c color.RGBA) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.Set(x, y, c)
		}
	}
	return img
}

func encode(t testing.TB, name string, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if strings.HasSuffix(strings.ToLower(name), ".png") {
		check(t, png.Encode(&b, img))
	} else {
		check(t, jpeg.Encode(&b, img, &jpeg.Options{Quality: 100}))
	}
	return b.Bytes()
}

// files are two classes of two pixels each.
func files(t testing.TB) map[string][]byte {
	m := make(map[string][]byte)
	for name, c := range map[string]color.RGBA{
		"set/red/b.PNG":    {255, 0, 0, 255},
		"set/red/a.png":    {200, 0, 0, 255},
		"set/blue/x.png":   {0, 0, 255, 255},
		"set/blue/.hidden": {},
	} {
		m[name] = encode(t, name, plain(2, 1, c))
	}
	m["set/README.txt"] = []byte("not an image")
	return m
}

func archive(t testing.TB, files map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, data := range files {
		f, err := w.Create(name)
		check(t, err)
		_, err = f.Write(data)
		check(t, err)
	}
	check(t, w.Close())
	return b.Bytes()
}

func TestFoldersAndArchivesAreEqual(t *testing.T) {
	dir := t.TempDir()
	for name, data := range files(t) {
		check(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o777))
		check(t, os.WriteFile(filepath.Join(dir, name), data, 0o666))
	}
	fromDir, err := imagefolder.Read(dir)
	check(t, err)
	file := filepath.Join(t.TempDir(), "set.zip")
	check(t, os.WriteFile(file, archive(t, files(t)), 0o666))
	fromZip, err := imagefolder.Read(file)
	check(t, err)
	want := &imagefolder.Set{
		Classes: []string{"blue", "red"}, Height: 1, Width: 2,
		Labels: []int32{0, 1, 1},
		Pixels: []uint8{0, 0, 255, 0, 0, 255, 200, 0, 0, 200, 0, 0, 255, 0, 0, 255, 0, 0},
	}
	if diff := cmp.Diff(want, fromDir); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(fromDir, fromZip); diff != "" {
		t.Error(diff)
	}
}

func TestWhatCannotBeRead(t *testing.T) {
	good := encode(t, "a.png", plain(2, 1, color.RGBA{1, 2, 3, 255}))
	for name, c := range map[string]struct {
		files map[string][]byte
		want  string
	}{
		"no folder":  {map[string][]byte{"a.png": good}, "class folders"},
		"truncated":  {map[string][]byte{"red/a.png": good[:len(good)/2]}, "red/a.png"},
		"not one":    {map[string][]byte{"red/a.jpg": []byte("text")}, "red/a.jpg: not a readable image"},
		"two sizes":  {map[string][]byte{"red/a.png": good, "red/b.png": encode(t, "b.png", plain(3, 1, color.RGBA{}))}, "red/b.png: the image has 3 x 1 pixels"},
		"too large":  {map[string][]byte{"red/a.png": encode(t, "a.png", plain(5000, 1, color.RGBA{}))}, "5000 x 1"},
		"empty":      {nil, "class folders"},
		"backslash":  {map[string][]byte{`red\a.png`: good}, `"red\\a.png" has a backslash in its name`},
		"empty file": {map[string][]byte{"red/a.png": nil}, "red/a.png"},
	} {
		_, err := imagefolder.Parse(archive(t, c.files), "set.zip")
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "set.zip") {
			t.Errorf("%s: error %v, want one about %q", name, err, c.want)
		}
	}
	if _, err := imagefolder.Read("no such folder"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, err := imagefolder.Read("imagefolder_test.go"); err == nil || !strings.Contains(err.Error(), "zip") {
		t.Error(err)
	}
	if _, err := imagefolder.Read(t.TempDir()); !errors.Is(err, imagefolder.ErrNoImages) {
		t.Error(err)
	}
}

// FuzzParse: any bytes give an error or a set whose parts fit together.
func FuzzParse(f *testing.F) {
	f.Add(archive(f, files(f)))
	f.Add(archive(f, map[string][]byte{"red/a.jpg": encode(f, "a.jpg", plain(2, 1, color.RGBA{9, 9, 9, 255}))}))
	f.Add([]byte("PK"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := imagefolder.Parse(data, "fuzz")
		if err != nil {
			return
		}
		if s.Len() == 0 || len(s.Pixels) != s.Len()*s.Height*s.Width*3 {
			t.Fatalf("%d images of %d x %d have %d bytes", s.Len(), s.Width, s.Height, len(s.Pixels))
		}
		for i, class := range s.Labels {
			if int(class) >= len(s.Classes) || len(s.Image(i)) != s.Height*s.Width*3 {
				t.Fatalf("image %d: class %d of %d", i, class, len(s.Classes))
			}
		}
	})
}

// The folder that holds an image is its class.
func ExampleParse() {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range []string{"train/ship/1.png", "train/frog/1.png", "train/frog/2.png"} {
		f, _ := w.Create(name)
		_ = png.Encode(f, image.NewRGBA(image.Rect(0, 0, 32, 32)))
	}
	_ = w.Close()
	set, err := imagefolder.Parse(b.Bytes(), "train.zip")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(set.Classes, set.Labels, set.Width, "x", set.Height)
	// Output: [frog ship] [0 0 1] 32 x 32
}

// Files that are not decoded have the order and the labels of the decoded set, and decode to its
// pixels.
func TestReadFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "set.zip")
	check(t, os.WriteFile(file, archive(t, files(t)), 0o666))
	set, err := imagefolder.Read(file)
	check(t, err)
	classes, all, err := imagefolder.ReadFiles(file)
	check(t, err)
	if diff := cmp.Diff(set.Classes, classes); diff != "" || len(all) != set.Len() {
		t.Fatal(len(all), diff)
	}
	for i, f := range all {
		pixels, err := imagefolder.Decode(nil, f.Data, set.Height, set.Width)
		check(t, err)
		if f.Label != set.Labels[i] || !bytes.Equal(pixels, set.Image(i)) {
			t.Errorf("image %d has label %d and pixels %v", i, f.Label, pixels)
		}
	}
	if _, err := imagefolder.Decode(nil, all[0].Data, 9, 9); err == nil || !strings.Contains(err.Error(), "want 9 x 9") {
		t.Error(err)
	}
	if _, err := imagefolder.Decode(nil, []byte("garbage"), 1, 2); err == nil {
		t.Error("garbage is an image")
	}
}
