package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/template"
	"unicode"

	"github.com/goccy/go-yaml"
	"github.com/graphrl/graphrl/cmd/internal/cli"
	"github.com/graphrl/graphrl/tasks/mecoffload/suite"
)

// emit writes what hands the suite to a cluster: a Slurm batch script or a Kubernetes manifest.
func (c mecoffloadCommand) emit(w io.Writer) error {
	if c.Shard != "" || c.Merge {
		return cli.Usage("--emit writes a job for all shards: leave out --shard and --merge")
	}
	if c.Image != "" && (c.Emit != "k8s" || strings.ContainsFunc(c.Image, unicode.IsSpace)) {
		return cli.Usage("--image %q: want the name of an image, with --emit k8s", c.Image)
	}
	if err := errors.Join(inRange("parts", c.Parts, maxParts), inRange("at-once", c.AtOnce, maxParts)); err != nil {
		return err
	}
	if _, err := c.suite(); err != nil { // before a cluster finds out
		return err
	}
	if c.Emit == "k8s" {
		return c.emitKubernetes(w)
	}
	return c.emitSlurm(w)
}

// parts is the number of shards.
func (f suiteFlags) parts() int {
	if f.Parts == nil {
		return 8
	}
	return *f.Parts
}

// atOnce is the most shards at a time.
func (f suiteFlags) atOnce() int {
	if f.AtOnce == nil {
		return min(f.parts(), 1000)
	}
	return min(f.parts(), *f.AtOnce)
}

// arguments are the flags that each task of a job gets.
func (c mecoffloadCommand) arguments(results string) []string {
	args := []string{"--suite=" + c.Suite, "--results=" + results}
	add := func(name, value string) {
		if value != "" {
			args = append(args, "--"+name+"="+value)
		}
	}
	number := func(name string, value *int) {
		if value != nil {
			add(name, strconv.Itoa(*value))
		}
	}
	number("seeds", c.Seeds)
	if c.First != nil {
		add("first-seed", strconv.FormatUint(*c.First, 10))
	}
	add("method", strings.Join(c.Methods, ","))
	add("recipe", strings.Join(c.Recipes, ","))
	number("jobs", c.Jobs)
	add("scenario", c.Scenario)
	number("devices", c.Devices)
	if c.Slot != nil {
		add("slot", c.Slot.String())
	}
	if c.Slots != nil {
		add("slots", strconv.FormatInt(*c.Slots, 10))
	}
	add("profile", c.WorldFlags.Profile)
	for _, path := range c.Trace {
		add("trace", path)
	}
	return args
}

// slurmScript is a job array. Its tasks go back into the queue where they are stopped: by the time
// limit, by scancel --signal=TERM --batch, or with their node. Cells that are done are kept.
var slurmScript = template.Must(template.New("slurm").Parse(`#!/bin/bash
# Suite {{.Suite}} in {{.Parts}} parts. Submit this by sbatch, with --time and what else the cluster
# asks for. When all parts have ended, this makes the report:
#   {{.Program}} {{.Arguments}} --merge
#SBATCH --job-name=graphrl-{{.Suite}}
#SBATCH --array=1-{{.Parts}}%{{.AtOnce}}
#SBATCH --cpus-per-task={{.CPUs}}
#SBATCH --requeue
#SBATCH --signal=B:TERM@60
#SBATCH --open-mode=append
#SBATCH --output={{.Suite}}-%A_%a.log

requeue() {
	kill -TERM "$child"
	wait "$child"
	scontrol requeue "${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}"
}
trap requeue TERM
{{.Program}} {{.Arguments}} &
child=$!
wait "$child"
`))

func (c mecoffloadCommand) emitSlurm(w io.Writer) error {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("--emit slurm: where is this program: %w", err)
	}
	results, err := filepath.Abs(c.results())
	if err != nil {
		return fmt.Errorf("--emit slurm: %w", err)
	}
	jobs := 1
	if c.Jobs != nil {
		jobs = *c.Jobs
	} else {
		c.Jobs = &jobs
	}
	var quoted []string
	for _, a := range c.arguments(results) {
		quoted = append(quoted, quote(a))
	}
	return slurmScript.Execute(w, struct {
		Suite, Program, Arguments string
		Parts, AtOnce, CPUs       int
	}{c.Suite, quote(program), strings.Join(quoted, " "), c.parts(), c.atOnce(), jobs})
}

// quote makes text one word for a shell.
func quote(text string) string {
	const plain = "-=./_,:"
	if !strings.ContainsFunc(text, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(plain, r))
	}) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// emitKubernetes writes an indexed Job of batch/v1. Every pod mounts one claim, which holds the
// results.
func (c mecoffloadCommand) emitKubernetes(w io.Writer) error {
	const folder = "/shared"
	container := yaml.MapSlice{
		{Key: "name", Value: "eval"},
		{Key: "image", Value: cmp.Or(c.Image, "graphrl")},
		{Key: "args", Value: c.arguments(folder + "/results")},
		// Pods are told their index, not how many they are.
		{Key: "env", Value: []any{yaml.MapSlice{{Key: "name", Value: suite.ShardCountVar}, {Key: "value", Value: strconv.Itoa(c.parts())}}}},
		{Key: "resources", Value: yaml.MapSlice{{Key: "requests", Value: yaml.MapSlice{{Key: "cpu", Value: "1"}, {Key: "memory", Value: "1Gi"}}}}},
		{Key: "volumeMounts", Value: []any{yaml.MapSlice{{Key: "name", Value: "shared"}, {Key: "mountPath", Value: folder}}}},
	}
	pod := yaml.MapSlice{
		{Key: "restartPolicy", Value: "OnFailure"}, // a pod that starts again goes on where it was
		{Key: "terminationGracePeriodSeconds", Value: 60},
		{Key: "containers", Value: []any{container}},
		{Key: "volumes", Value: []any{yaml.MapSlice{{Key: "name", Value: "shared"}, {Key: "persistentVolumeClaim", Value: yaml.MapSlice{{Key: "claimName", Value: "graphrl"}}}}}},
	}
	job := yaml.MapSlice{
		{Key: "apiVersion", Value: "batch/v1"},
		{Key: "kind", Value: "Job"},
		{Key: "metadata", Value: yaml.MapSlice{{Key: "name", Value: "graphrl-" + c.Suite}}},
		{Key: "spec", Value: yaml.MapSlice{
			{Key: "completionMode", Value: "Indexed"},
			{Key: "completions", Value: c.parts()},
			{Key: "parallelism", Value: c.atOnce()},
			{Key: "template", Value: yaml.MapSlice{{Key: "spec", Value: pod}}},
		}},
	}
	data, err := yaml.MarshalWithOptions(job, yaml.IndentSequence(true))
	if err != nil {
		return fmt.Errorf("--emit k8s: %w", err)
	}
	_, err = w.Write(data)
	return err
}
