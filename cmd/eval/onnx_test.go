package main

import (
	"math"
	"os"
	"strings"
	"testing"

	"github.com/graphrl/graphrl/gnn/onnx/onnxtest"
	"github.com/graphrl/graphrl/tasks/mecoffload/agent"
)

// An exported actor decides for a number of devices that the run never had.
func TestONNX(t *testing.T) {
	t.Chdir(t.TempDir())
	runFolder(t, agent.GRLE)
	if code, text, messages := eval("--run", "GRLE", "--onnx", "policy.onnx"); code != 0 || !strings.Contains(text, "policy.onnx") {
		t.Fatalf("code %d: %s%s", code, text, messages)
	}
	model, err := os.ReadFile("policy.onnx")
	if err != nil {
		t.Fatal(err)
	}
	out := onnxtest.Evaluate(model, map[string]onnxtest.Tensor{
		"bits": onnxtest.Vector(4e5, 3e5, 5e5), "deadline": onnxtest.Vector(0.03, 0.03, 0.02),
		"rate":     {Shape: []int{3, 2}, Data: []float64{5e7, 2e7, 6e7, 6e7, 1e7, 0}}, // server 1 is out of reach of device 2
		"capacity": onnxtest.Vector(1.0, 0.8), "backlog": onnxtest.Vector(0, 0.01),
	})
	server, exit, scores := out["server"], out["exit"], out["scores"]
	if len(server.Data) != 3 || len(exit.Data) != 3 || len(scores.Data) != 3*2*5 {
		t.Fatal(out)
	}
	for m := range 3 {
		chosen := scores.Data[(m*2+int(server.Data[m]))*5+int(exit.Data[m])-1]
		for _, v := range scores.Data[m*10 : (m+1)*10] {
			if v > chosen {
				t.Errorf("device %d: an option scores %v, the chosen one %v", m, v, chosen)
			}
		}
	}
	if last := scores.Data[25]; server.Data[2] != 0 || !math.IsInf(last, -1) {
		t.Errorf("device 2 goes to server %v; the score of one out of reach is %v", server.Data[2], last)
	}
	if code, _, messages := eval("--run", "GRLE", "--run", "GRLE", "--onnx", "x"); code != 2 || !strings.Contains(messages, "give one run, not 2") {
		t.Errorf("code %d: %s", code, messages)
	}
}
