package k8s

import (
	"bytes"
	"os"
	"testing"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	policy "k8s.io/api/policy/v1"
	"sigs.k8s.io/yaml"
)

// The manifests of the decision service have no field that the official types do not have, and fit
// together: the service and the budget select the pods, ports and volumes have their names, and the
// container runs without rights.
func TestServe(t *testing.T) {
	data, err := os.ReadFile("../../../deploy/kubernetes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var account core.ServiceAccount
	var deployment apps.Deployment
	var service core.Service
	var budget policy.PodDisruptionBudget
	kinds := []struct {
		kind string
		into any
	}{{"ServiceAccount", &account}, {"Deployment", &deployment}, {"Service", &service}, {"PodDisruptionBudget", &budget}}
	parts := bytes.Split(data, []byte("\n---\n"))
	if len(parts) != len(kinds) {
		t.Fatalf("%d documents, want %d", len(parts), len(kinds))
	}
	for i, part := range parts {
		if err := yaml.UnmarshalStrict(part, kinds[i].into); err != nil {
			t.Fatalf("%s: %v", kinds[i].kind, err)
		}
		if !bytes.Contains(part, []byte("kind: "+kinds[i].kind)) {
			t.Errorf("document %d is no %s", i, kinds[i].kind)
		}
	}
	labels := deployment.Spec.Template.Labels
	for _, selector := range []map[string]string{deployment.Spec.Selector.MatchLabels, service.Spec.Selector, budget.Spec.Selector.MatchLabels} {
		if len(selector) == 0 || labels["app"] != selector["app"] {
			t.Errorf("%v does not select pods of %v", selector, labels)
		}
	}
	pod := deployment.Spec.Template.Spec
	c := pod.Containers[0]
	port := c.Ports[0]
	if service.Spec.Ports[0].TargetPort.StrVal != port.Name || pod.ServiceAccountName != account.Name {
		t.Errorf("port %v of %v, account %s of %s", service.Spec.Ports[0], port, pod.ServiceAccountName, account.Name)
	}
	for path, probe := range map[string]*core.Probe{"/readyz": c.ReadinessProbe, "/healthz": c.LivenessProbe} {
		if probe == nil || probe.HTTPGet == nil || probe.HTTPGet.Path != path || probe.HTTPGet.Port.StrVal != port.Name {
			t.Errorf("probe of %s: %v", path, probe)
		}
	}
	volumes := map[string]bool{}
	for _, v := range pod.Volumes {
		volumes[v.Name] = true
	}
	for _, m := range c.VolumeMounts {
		if !volumes[m.Name] {
			t.Errorf("no volume %s", m.Name)
		}
	}
	s := c.SecurityContext
	if !*pod.SecurityContext.RunAsNonRoot || *s.AllowPrivilegeEscalation || !*s.ReadOnlyRootFilesystem || len(s.Capabilities.Drop) == 0 {
		t.Errorf("too many rights: %v, %v", pod.SecurityContext, s)
	}
}
