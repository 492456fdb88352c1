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
	maxFileData  = 4 << 30  // bytes of all files that are not decoded
)

// ErrNoImages is wrapped by the error of [Read] for a folder or an archive without images in class
// folders.
var ErrNoImages = errors.New("no JPEG or PNG files in class folders (CLASS/NAME.jpg)")

// Read reads the images in name, a directory or a zip archive. The order is that of their paths, so
// equal folders and archives give equal sets. Errors name the file.
func Read(name string) (*Set, error) {
	var s *Set
	err := open(name, func(fsys fs.FS) (err error) {
		s, err = read(fsys, name)
		return err
	})
	return s, err
}

// open calls f with the files of a directory or a zip archive.
func open(name string, f func(fs.FS) error) error {
	info, err := os.Stat(name)
	if err != nil {
		return fmt.Errorf("images: %w", err)
	}
	if info.IsDir() {
		return f(os.DirFS(name))
	}
	archive, err := zip.OpenReader(name)
	if err != nil {
		return fmt.Errorf("images: %s: not a directory and not a zip archive: %w", name, err)
	}
	defer archive.Close()
	if err := checkNames(&archive.Reader, name); err != nil {
		return err
	}
	return f(&archive.Reader)
}

// checkNames refuses an archive whose writer separated folders by backslashes, as some for Windows do:
// its files have no folders, and so no classes.
func checkNames(archive *zip.Reader, name string) error {
	for _, file := range archive.File {
		if strings.Contains(file.Name, `\`) {
			return fmt.Errorf("images: %s: the file %q has a backslash in its name, where a zip archive has /: unpack it and name the folder, or pack it with another program", name, file.Name)
		}
	}
	return nil
}

// Parse reads a zip archive from memory. Errors say name.
func Parse(data []byte, name string) (*Set, error) {
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, fmt.Errorf("images: %s: not a zip archive: %w", name, err)
	}
	if err := checkNames(archive, name); err != nil {
		return nil, err
	}
	return read(archive, name)
}

// entry is an image file.
type entry struct{ path, class string }

func read(fsys fs.FS, name string) (*Set, error) {
	classes, entries, err := classify(fsys, name)
	if err != nil {
		return nil, err
	}
	s := &Set{Classes: classes}
	for i, e := range entries {
		if err := s.add(fsys, e, len(entries)-i); err != nil {
			return nil, fmt.Errorf("images: %s: %s: %w", name, e.path, err)
		}
	}
	return s, nil
}

// classify lists the image files and their classes, in alphabetical order.
func classify(fsys fs.FS, name string) (classes []string, entries []entry, err error) {
	entries, err = list(fsys)
	if err != nil {
		return nil, nil, fmt.Errorf("images: %s: %w", name, err)
	}
	if len(entries) == 0 {
		return nil, nil, fmt.Errorf("images: %s: %w", name, ErrNoImages)
	}
	for _, e := range entries {
		if at, found := slices.BinarySearch(classes, e.class); !found {
			classes = slices.Insert(classes, at, e.class)
		}
	}
	return classes, entries, nil
}

// File is a labelled image as its file has it: not decoded.
type File struct {
	Label int32 // index of the class
	Data  []byte
}

// ReadFiles reads the image files in name, as [Read] does, and does not decode them.
func ReadFiles(name string) (classes []string, files []File, err error) {
	err = open(name, func(fsys fs.FS) error {
		var entries []entry
		if classes, entries, err = classify(fsys, name); err != nil {
			return err
		}
		total := 0
		for _, e := range entries {
			data, err := readFile(fsys, e.path)
			if err == nil && len(data) > maxFileData-total {
				err = fmt.Errorf("the files have more than %d GiB", maxFileData>>30)
			}
			if err != nil {
				return fmt.Errorf("images: %s: %s: %w", name, e.path, err)
			}
			total += len(data)
			label, _ := slices.BinarySearch(classes, e.class)
			files = append(files, File{int32(label), data})
		}
		return nil
	})
	return classes, files, err
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
	size, err := decodeSize(data)
	if err != nil {
		return err
	}
	switch {
	case s.Len() == 0:
		s.Height, s.Width = size.Height, size.Width
		if n := s.Height * s.Width * 3; n > maxPixelData/left {
			return fmt.Errorf("%d images of %d x %d pixels do not fit into %d GiB: scale them down", left, s.Width, s.Height, maxPixelData>>30)
		}
	case size.Width != s.Width || size.Height != s.Height:
		return fmt.Errorf("the image has %d x %d pixels, others have %d x %d: scale all to one size",
			size.Width, size.Height, s.Width, s.Height)
	}
	if s.Pixels == nil && left > 1 {
		s.Pixels = make([]uint8, 0, min(left*s.Height*s.Width*3, 1<<30))
	}
	if s.Pixels, err = appendPixels(s.Pixels, data, s.Height, s.Width); err != nil {
		return err
	}
	class, _ := slices.BinarySearch(s.Classes, e.class)
	s.Labels = append(s.Labels, int32(class))
	return nil
}

// decodeSize reads the size of a JPEG or PNG image from its header.
func decodeSize(data []byte) (image.Config, error) {
	size, _, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return size, fmt.Errorf("not a readable image: %w", err)
	}
	if size.Width < 1 || size.Height < 1 || size.Width > maxSide || size.Height > maxSide {
		return size, fmt.Errorf("an image of %d x %d pixels: want sides from 1 to %d", size.Width, size.Height, maxSide)
	}
	return size, nil
}

// appendPixels appends the pixels of an image whose header says height and width.
func appendPixels(dst []uint8, data []byte, height, width int) ([]uint8, error) {
	img, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return dst, fmt.Errorf("not a readable image: %w", err)
	}
	if b := img.Bounds(); b.Dx() != width || b.Dy() != height {
		return dst, fmt.Errorf("the image has %v pixels, its header says %d x %d", b.Size(), width, height)
	}
	return appendRGB(dst, img), nil
}

// Decode appends the pixels of a JPEG or PNG image of the given size to dst, [height x width x 3]:
// red, green, blue. It reads no more than the header of an image of another size.
func Decode(dst []uint8, data []byte, height, width int) ([]uint8, error) {
	size, err := decodeSize(data)
	if err != nil {
		return dst, err
	}
	if size.Height != height || size.Width != width {
		return dst, fmt.Errorf("an image of %d x %d pixels, want %d x %d", size.Width, size.Height, width, height)
	}
	return appendPixels(dst, data, height, width)
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
