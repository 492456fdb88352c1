// Package k8s checks the job that eval --emit k8s writes against the official types. It is a module of
// its own so that those who use graphrl do not get Kubernetes' packages.
package k8s

import (
	"os"
	"testing"

	batch "k8s.io/api/batch/v1"
	"sigs.k8s.io/yaml"
)

// The manifest, kept by a test of cmd/eval, has no field that a Job does not have, and means what it
// should.
func TestJob(t *testing.T) {
	data, err := os.ReadFile("../../../cmd/eval/testdata/job.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var job batch.Job
	if err := yaml.UnmarshalStrict(data, &job); err != nil {
		t.Fatal(err)
	}
	spec := job.Spec
	if job.APIVersion != "batch/v1" || job.Kind != "Job" || spec.CompletionMode == nil || *spec.CompletionMode != batch.IndexedCompletion ||
		spec.Completions == nil || *spec.Completions != 12 || *spec.Parallelism != 4 {
		t.Errorf("%+v", job)
	}
	pod := spec.Template.Spec
	if len(pod.Containers) != 1 || len(pod.Volumes) != 1 || pod.Containers[0].VolumeMounts[0].Name != pod.Volumes[0].Name {
		t.Errorf("%+v", pod)
	}
	if env := pod.Containers[0].Env; len(env) != 1 || env[0].Name != "GRAPHRL_SHARDS" || env[0].Value != "12" {
		t.Errorf("pods are told %+v", env)
	}
	if err := yaml.UnmarshalStrict(append(data, "unknown: 1\n"...), &job); err == nil {
		t.Error("decoding is not strict")
	}
}
