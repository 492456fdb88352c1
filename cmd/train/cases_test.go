package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/graphrl/graphrl/cmd/internal/cli"
)

// shared are inputs that once failed, collected from reports; not part of this module.
const shared = "../../../shared/cases"

// fileCase is a file given to the command. It is either refused with a message that contains want,
// or used, and the run's configuration then contains the line want.
type fileCase struct {
	file    string
	content string // of our own cases
	args    string // FILE stands for the file
	refused bool
	want    string
}

// TestSharedFiles runs the command on the shared cases that are files. docs/reliability.md says
// which tests have the others.
func TestSharedFiles(t *testing.T) {
	if _, err := os.Stat(shared); err != nil {
		t.Skip("without ../shared/cases")
	}
	root, err := filepath.Abs(shared)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []fileCase{
		{file: "bom/config.yaml", args: "--config FILE --method DROO", want: "slots: 40"},
		{file: "bom/quoted.csv", args: "--scenario trace --trace FILE --slots 4 --method DROO", want: "quoted.csv"},
		{file: "trace-delimiter/semicolon.csv", args: "--scenario trace --trace FILE --slots 4 --method DROO", want: "semicolon.csv"},
		{file: "trace-delimiter/tab.csv", args: "--scenario trace --trace FILE --slots 4 --method DROO", want: "tab.csv"},
		{file: "yaml-cross-alias/cross.yaml", args: "--config FILE --method DROO", want: "devices: 16"},
		{file: "yaml-cross-alias/merge.yaml", args: "--config FILE --method DROO", want: "- name: b\n      times: [1ms, 2ms]"},
		{file: "yaml-fraction-to-int/mecoffload.yaml", args: "--config FILE", refused: true, want: `mecoffload.yaml:2: window: want a whole number, not the text "7.9"`},
		{file: "yaml-fraction-to-int/wpmec.yaml", args: "wpmec --config FILE", refused: true, want: "wpmec.yaml:1: frames: 30.7 is not a whole number"},
		{file: "droo-rate-above-1/scaled.mat", args: "wpmec --data FILE --frames 60", refused: true, want: "scaled.mat: frame 0: output_obj is 400000 bit/s"},
	} {
		c.run(t, filepath.Join(root, c.file))
	}
}

// TestFilesLikeTheShared are cases of our own, of the same kinds.
func TestFilesLikeTheShared(t *testing.T) {
	units := utf16.Encode([]rune("\ufeffTimestamp\tDL_bitrate\r\n1\t50000\r\n"))
	var wide strings.Builder
	for _, u := range units {
		wide.Write([]byte{byte(u), byte(u >> 8)})
	}
	const trace = "--trace FILE --slots 4 --method DROO"
	const config = "--config FILE --method DROO --slots 4"
	for _, c := range []fileCase{
		{file: "utf16.csv", content: wide.String(), args: trace, want: "utf16.csv"},
		{file: "a[1].csv", content: "TIMESTAMP;\"DL_BITRATE\"\r\n1;\"50000,5\"\r\n", args: trace, want: "a[1].csv"},
		{file: "both.csv", content: "\ufeffTimestamp;DL_bitrate\n1;1.200,5\n", args: trace, refused: true, want: `both.csv:2: DL_bitrate is "1.200,5"`},
		{file: "pipe.csv", content: "Timestamp|DL_bitrate\n1|50000\n", args: trace, refused: true, want: `0 columns DL_bitrate in the header, want one: separated by ',' it has ["Timestamp|DL_bitrate"]`},
		{file: "mixed.csv", content: "Timestamp;DL_bitrate\n1;50000\n2,60000\n", args: trace, refused: true, want: "mixed.csv: record on line 3"},
		{file: "comma.csv", content: "Timestamp,DL_bitrate\n1,1200,5\n", args: trace, refused: true, want: "comma.csv: record on line 2: wrong number of fields: 3"},
		{file: "nan.csv", content: "DL_bitrate\n50000\nNaN\n", args: trace, refused: true, want: `nan.csv:3: DL_bitrate is "NaN"`},
		{file: "mark.yaml", content: "slots: 40\n\ufeffwindow: 5\n", args: config, refused: true, want: `mark.yaml:2: "\ufeffwindow": unknown key`},
		{file: "latin1.yaml", content: "slots: 40 # caf\xe9\n", args: config, refused: true, want: "latin1.yaml:1: not UTF-8"},
		{file: "power.yaml", content: "window: 4e1\n", args: config, refused: true, want: "power.yaml:1: window: 4e1 is not a whole number"},
		{file: "alias.yaml", content: "recipe: {name: paper, gamma: &g 0.99}\nwindow: *g\n", args: config, refused: true, want: "alias.yaml:2: window: 0.99 is not a whole number"},
		{file: "later.yaml", content: "window: *a\nslots: &a 40\n", args: config, refused: true, want: "later.yaml:1: window: no anchor &a before the alias *a"},
		{file: "self.yaml", content: "scenario: &a\n  name: *a\n", args: config, refused: true, want: "self.yaml:2: scenario.name: the alias *a is inside the value of its own anchor"},
		{file: "merge.yaml", content: "profile:\n  name: p\n  accuracy: [0.6, 0.9]\n  servers:\n    - &s {name: a, times: [1ms, 2ms]}\n    - {name: b, <<: *s}\n", args: config, want: "- name: b\n      times: [1ms, 2ms]"},
		{file: "octal.yaml", content: "frames: 0089\n", args: "wpmec --config FILE", refused: true, want: "octal.yaml:1: frames: 0089 starts with 0"},
		{file: "large.yaml", content: "seed: 18446744073709551616\n", args: "wpmec --config FILE", refused: true, want: "large.yaml:1: seed: 18446744073709551616 is out of range"},
		{file: "hdf.mat", content: "\x89HDF\r\n\x1a\n" + strings.Repeat("0", 600), args: "wpmec --data FILE", refused: true, want: "hdf.mat: wpmec: data set: not a MATLAB file of version 5 to 7"},
	} {
		name := filepath.Join(t.TempDir(), c.file)
		if err := os.WriteFile(name, []byte(c.content), 0o666); err != nil {
			t.Fatal(err)
		}
		c.run(t, name)
	}
}

func (c fileCase) run(t *testing.T, file string) {
	t.Run(c.file, func(t *testing.T) {
		out := filepath.Join(t.TempDir(), "run")
		args := append(strings.Fields(c.args), "--out", out)
		for i, a := range args {
			if a == "FILE" {
				args[i] = file
			}
		}
		var printed, messages bytes.Buffer
		code := command().Execute(context.Background(), args, cli.Streams{Out: &printed, Err: &messages})
		if c.refused {
			if code != 1 || !strings.Contains(messages.String(), c.want) {
				t.Fatalf("code %d, messages\n%s\nwant %q", code, &messages, c.want)
			}
			if _, err := os.Stat(out); err == nil {
				t.Error("a refused file left a folder")
			}
			return
		}
		echo, err := os.ReadFile(filepath.Join(out, "config.yaml"))
		if code != 0 || err != nil || !strings.Contains(string(echo), c.want) {
			t.Fatalf("code %d, error %v, messages\n%s\nconfiguration\n%s\nwant %q", code, err, &messages, echo, c.want)
		}
	})
}
