package serve

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// journal keeps reports on disk until a checkpoint holds what was learned from them. A record is its
// length (4 bytes, little-endian), a CRC-32C of the rest (4), its number (8) and the report. Records
// are numbered from 1. They are in segments, files named after their first record.
type journal struct {
	dir   string
	file  *os.File
	first uint64 // record of the segment
	size  int64
	last  uint64 // record written
	buf   []byte
}

const (
	recordHead  = 16
	segmentSize = 16 << 20
	mostRecord  = 1 << 30
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// openJournal opens the journal in a folder, and calls replay for the records after number from, in
// order. What a killed process has written of a last record is cut off.
func openJournal(dir string, from uint64, replay func(number uint64, report []byte) error) (*journal, error) {
	firsts, err := segments(dir)
	if err != nil {
		return nil, err
	}
	j := &journal{dir: dir, last: from}
	for i, first := range firsts {
		data, err := os.ReadFile(j.name(first))
		if err != nil {
			return nil, fmt.Errorf("journal: %w", err)
		}
		good, err := j.read(data, first, from, replay)
		if err != nil {
			return nil, fmt.Errorf("journal: %s: %w", j.name(first), err)
		}
		last := i == len(firsts)-1
		if good < len(data) && !last {
			return nil, fmt.Errorf("journal: %s is damaged after %d bytes, and records follow: restore it, or remove it and all later ones to give up their reports",
				j.name(first), good)
		}
		if last {
			if j.file, err = os.OpenFile(j.name(first), os.O_RDWR, 0); err != nil {
				return nil, fmt.Errorf("journal: %w", err)
			}
			j.first, j.size = first, int64(good)
			if err := errors.Join(j.file.Truncate(j.size), seekEnd(j.file)); err != nil {
				return nil, errors.Join(fmt.Errorf("journal: %w", err), j.file.Close())
			}
		}
	}
	return j, nil
}

func seekEnd(f *os.File) error {
	_, err := f.Seek(0, io.SeekEnd)
	return err
}

// segments lists the first records of the segments, ascending.
func segments(dir string) ([]uint64, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	var firsts []uint64
	for _, e := range entries {
		text, ok := strings.CutPrefix(e.Name(), "journal-")
		if first, err := strconv.ParseUint(text, 16, 64); ok && err == nil {
			firsts = append(firsts, first)
		}
	}
	slices.Sort(firsts)
	return firsts, nil
}

func (j *journal) name(first uint64) string {
	return filepath.Join(j.dir, fmt.Sprintf("journal-%016x", first))
}

// read calls replay for the records of a segment and returns the length of those that are whole.
func (j *journal) read(data []byte, first, from uint64, replay func(uint64, []byte) error) (good int, err error) {
	for next := first; len(data)-good >= recordHead; next++ {
		rest := data[good:]
		length := binary.LittleEndian.Uint32(rest)
		if length > mostRecord || int(length) > len(rest)-recordHead {
			break
		}
		body := rest[8 : recordHead+int(length)]
		number := binary.LittleEndian.Uint64(body)
		if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(rest[4:]) || number != next {
			break
		}
		good += recordHead + int(length)
		if number <= from {
			continue
		}
		if number != j.last+1 {
			return good, fmt.Errorf("record %d follows %d: a segment is missing", number, j.last)
		}
		if err := replay(number, body[8:]); err != nil {
			return good, fmt.Errorf("record %d: %w", number, err)
		}
		j.last = number
	}
	return good, nil
}

// append adds a report to those that sync writes, and returns its number.
func (j *journal) append(report []byte) uint64 {
	j.last++
	begin := len(j.buf)
	j.buf = append(j.buf, make([]byte, recordHead)...)
	j.buf = append(j.buf, report...)
	head := j.buf[begin:]
	binary.LittleEndian.PutUint32(head, uint32(len(report)))
	binary.LittleEndian.PutUint64(head[8:], j.last)
	binary.LittleEndian.PutUint32(head[4:], crc32.Checksum(head[8:], castagnoli))
	return j.last
}

// sync writes the reports since the last sync, the first of which has a number, to disk. After an error
// there are none of them.
func (j *journal) sync(first uint64) (err error) {
	if len(j.buf) == 0 {
		return nil
	}
	defer func() {
		j.buf = j.buf[:0]
		if err != nil {
			j.last = first - 1
		}
	}()
	if j.file == nil || j.size > segmentSize {
		if err := j.newSegment(first); err != nil {
			return fmt.Errorf("journal: %w", err)
		}
	}
	_, err = j.file.Write(j.buf)
	if err == nil {
		err = j.file.Sync()
	}
	if err != nil {
		// none of them is acknowledged: take back what was written
		return errors.Join(fmt.Errorf("journal: %w", err), j.file.Truncate(j.size), seekEnd(j.file))
	}
	j.size += int64(len(j.buf))
	return nil
}

func (j *journal) newSegment(first uint64) error {
	f, err := os.OpenFile(j.name(first), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	if err := syncDir(j.dir); err != nil {
		return errors.Join(err, f.Close())
	}
	if j.file != nil {
		if err := j.file.Close(); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	j.file, j.first, j.size = f, first, 0
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// drop removes segments all of whose records are in a checkpoint that holds those up to a number.
func (j *journal) drop(upTo uint64) error {
	firsts, err := segments(j.dir)
	if err != nil {
		return err
	}
	for i := 0; i+1 < len(firsts) && firsts[i+1] <= upTo+1; i++ {
		if err := os.Remove(j.name(firsts[i])); err != nil {
			return fmt.Errorf("journal: %w", err)
		}
	}
	return nil
}

func (j *journal) close() error {
	if j.file == nil {
		return nil
	}
	return j.file.Close()
}
