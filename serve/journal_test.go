package serve

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

// written is a journal of some records in small segments.
func written(t testing.TB, dir string, records int) *journal {
	t.Helper()
	j, err := openJournal(dir, 0, func(uint64, []byte) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < records; {
		first := j.last + 1
		for range 3 {
			j.append(fmt.Appendf(nil, "report %d", i))
			i++
		}
		if err := j.sync(first); err != nil {
			t.Fatal(err)
		}
		if i%6 == 0 {
			if err := j.newSegment(j.last + 1); err != nil {
				t.Fatal(err)
			}
		}
	}
	return j
}

// read returns the records after a number.
func read(dir string, from uint64) (list []string, err error) {
	j, err := openJournal(dir, from, func(number uint64, report []byte) error {
		if want := from + uint64(len(list)) + 1; number != want {
			return fmt.Errorf("record %d, want %d", number, want)
		}
		list = append(list, string(report))
		return nil
	})
	if err != nil {
		return list, err
	}
	return list, j.close()
}

// Whatever of the last segment is cut off or damaged, the journal has the records before it, and
// goes on after them.
func TestJournalSurvivesCuts(t *testing.T) {
	dir := t.TempDir()
	j := written(t, dir, 21) // the last segment has three records
	last := j.name(j.first)
	if err := j.close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(last)
	if err != nil {
		t.Fatal(err)
	}
	for cut := range len(whole) {
		for _, damage := range []bool{false, true} {
			data := whole[:cut]
			if damage {
				data = bytes.Clone(whole)
				data[cut] ^= 0x20
			}
			if err := os.WriteFile(last, data, 0o666); err != nil {
				t.Fatal(err)
			}
			list, err := read(dir, 0)
			if err != nil || len(list) < 18 || len(list) > 20 {
				t.Fatalf("cut at %d: %d records, error %v", cut, len(list), err)
			}
			for i, text := range list {
				if text != fmt.Sprint("report ", i) {
					t.Fatalf("cut at %d: record %d is %q", cut, i, text)
				}
			}
		}
	}
	if err := os.WriteFile(last, whole[:len(whole)-1], 0o666); err != nil {
		t.Fatal(err)
	}
	j, err = openJournal(dir, 0, func(uint64, []byte) error { return nil })
	if err != nil || j.last != 20 {
		t.Fatal(j, err)
	}
	j.append([]byte("again"))
	if err := errors.Join(j.sync(21), j.close()); err != nil {
		t.Fatal(err)
	}
	if list, err := read(dir, 0); err != nil || len(list) != 21 || list[20] != "again" {
		t.Error(list, err)
	}
}

// Segments that a checkpoint holds go; damage in the middle is an error, not a loss.
func TestJournalDropsAndRefuses(t *testing.T) {
	dir := t.TempDir()
	j := written(t, dir, 21)
	if err := j.drop(13); err != nil {
		t.Fatal(err)
	}
	if err := j.close(); err != nil {
		t.Fatal(err)
	}
	list, err := read(dir, 13)
	if err != nil || len(list) != 8 || list[0] != "report 13" {
		t.Fatal(list, err)
	}
	if _, err := read(dir, 3); err == nil || !strings.Contains(err.Error(), "a segment is missing") {
		t.Error(err)
	}
	firsts, err := segments(dir)
	if err != nil || len(firsts) != 2 {
		t.Fatal(firsts, err)
	}
	data, err := os.ReadFile(j.name(firsts[0]))
	if err != nil {
		t.Fatal(err)
	}
	data[40] ^= 1
	if err := os.WriteFile(j.name(firsts[0]), data, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := read(dir, 12); err == nil || !strings.Contains(err.Error(), "is damaged after") {
		t.Error(err)
	}
}

// Any bytes in a segment's place give records that were written or an error, never a panic.
func FuzzJournal(f *testing.F) {
	dir := f.TempDir()
	j := written(f, dir, 6)
	data, err := os.ReadFile(j.name(1))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(data[:31])
	f.Fuzz(func(t *testing.T, data []byte) {
		var j journal
		good, err := j.read(data, 1, 0, func(uint64, []byte) error { return nil })
		if err == nil && (good > len(data) || good < 0) {
			t.Error(good)
		}
	})
}
