// Package imagefolder reads labelled images from class folders, the layout that PyTorch calls
// ImageFolder: the name of the folder that holds an image is its class.
//
//	train/airplane/0000.jpg
//	train/airplane/0001.jpg
//	train/truck/0000.png
//
// A set is a directory or a zip archive of this form, at any depth. Images are JPEG or PNG files of
// one size. They are kept as bytes, a quarter of the memory of numbers.
package imagefolder

import (
	"archive/zip"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"image"
	_ "image/jpeg" // registers the decoder
	_ "image/png"  // registers the decoder
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

// Set is a set of labelled colour images of one size.
type Set struct {
	Classes       []string // in alphabetical order
	Height, Width int
	Labels        []int32 // [images], indices of Classes
	Pixels        []uint8 // [images x Height x Width x 3]: red, green, blue
}

// Len returns the number of images.
func (s *Set) Len() int { return len(s.Labels) }

// Image returns the pixels of image i, [Height x Width x 3]. They share the set's memory.
func (s *Set) Image(i int) []uint8 {
	n := s.Height * s.Width * 3
	return s.Pixels[i*n : (i+1)*n : (i+1)*n]
}

// Limits keep a damaged or hostile archive from taking all memory.
const (
	maxSide      = 4096     // pixels
	maxFile      = 64 << 20 // bytes of one image file
	maxPixelData = 8 << 30  // bytes of all images
)

// ErrNoImages is wrapped by the error of [Read] for a folder or an archive without images in class
// folders.
var ErrNoImages = errors.New("no JPEG or PNG files in class folders (CLASS/NAME.jpg)")

// Read reads the images in name, a directory or a zip archive. The order is that of their paths, so
// equal folders and archives give equal sets. Errors name the file.
func Read(name string) (*Set, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("images: %w", err)
	}
	if info.IsDir() {
		return read(os.DirFS(name), name)
	}
	archive, err := zip.OpenReader(name)
	if err != nil {
		return nil, fmt.Errorf("images: %s: not a directory and not a zip archive: %w", name, err)
	}
	defer archive.Close()
	return read(&archive.Reader, name)
}

// Parse reads a zip archive from memory. Errors say name.
func Parse(data []byte, name string) (*Set, error) {
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, fmt.Errorf("images: %s: not a zip archive: %w", name, err)
	}
	return read(archive, name)
}

// entry is an image file.
type entry struct{ path, class string }

func read(fsys fs.FS, name string) (*Set, error) {
	entries, err := list(fsys)
	if err != nil {
		return nil, fmt.Errorf("images: %s: %w", name, err)
	}
	if len(entries) == 0 {
		return nil, fmt.Errorf("images: %s: %w", name, ErrNoImages)
	}
	s := new(Set)
	for _, e := range entries {
		if at, found := slices.BinarySearch(s.Classes, e.class); !found {
			s.Classes = slices.Insert(s.Classes, at, e.class)
		}
	}
	for i, e := range entries {
		if err := s.add(fsys, e, len(entries)-i); err != nil {
			return nil, fmt.Errorf("images: %s: %s: %w", name, e.path, err)
		}
	}
	return s, nil
}

// list returns the image files that lie in a folder, ordered by path.
func list(fsys fs.FS) ([]entry, error) {
	var entries []entry
	err := fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := path.Base(p); p != "." && (strings.HasPrefix(name, ".") || name == "__MACOSX") {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		switch strings.ToLower(path.Ext(p)) {
		case ".jpg", ".jpeg", ".png":
			if class := path.Base(path.Dir(p)); !d.IsDir() && class != "." {
				entries = append(entries, entry{p, class})
			}
		}
		return nil
	})
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.path, b.path) })
	return entries, err
}

// add decodes an image. The first one sets the size of all and reserves memory for those left.
func (s *Set) add(fsys fs.FS, e entry, left int) error {
	data, err := readFile(fsys, e.path)
	if err != nil {
		return err
	}
	size, _, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("not a readable image: %w", err)
	}
	switch {
	case size.Width < 1 || size.Height < 1 || size.Width > maxSide || size.Height > maxSide:
		return fmt.Errorf("an image of %d x %d pixels: want sides from 1 to %d", size.Width, size.Height, maxSide)
	case s.Len() == 0:
		s.Height, s.Width = size.Height, size.Width
		if n := s.Height * s.Width * 3; n > maxPixelData/left {
			return fmt.Errorf("%d images of %d x %d pixels do not fit into %d GiB: scale them down", left, s.Width, s.Height, maxPixelData>>30)
		}
	case size.Width != s.Width || size.Height != s.Height:
		return fmt.Errorf("the image has %d x %d pixels, others have %d x %d: scale all to one size",
			size.Width, size.Height, s.Width, s.Height)
	}
	img, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("not a readable image: %w", err)
	}
	if b := img.Bounds(); b.Dx() != s.Width || b.Dy() != s.Height {
		return fmt.Errorf("the image has %v pixels, its header says %d x %d", b.Size(), s.Width, s.Height)
	}
	if s.Pixels == nil && left > 1 {
		s.Pixels = make([]uint8, 0, min(left*s.Height*s.Width*3, 1<<30))
	}
	s.Pixels = appendRGB(s.Pixels, img)
	class, _ := slices.BinarySearch(s.Classes, e.class)
	s.Labels = append(s.Labels, int32(class))
	return nil
}

func readFile(fsys fs.FS, name string) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("larger than %d MiB", maxFile>>20)
	}
	return data, err
}

func appendRGB(dst []uint8, img image.Image) []uint8 {
	b := img.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			r, g, bl, _ := img.At(x, y).RGBA()
			dst = append(dst, uint8(r>>8), uint8(g>>8), uint8(bl>>8))
		}
	}
	return dst
}
