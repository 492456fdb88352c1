package testbed_test

import (
	"context"
	"fmt"
	"log"

	"github.com/graphrl/graphrl/nn/cnn/imagefolder"
	"github.com/graphrl/graphrl/tasks/mecoffload"
	"github.com/graphrl/graphrl/tasks/mecoffload/testbed"
)

func main() {
	testbed.RunServer() // the servers are this program again

	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	scenario, err := mecoffload.LoadScenario(mecoffload.DefaultScenario)
	if err != nil {
		log.Fatal(err)
	}
	profile, err := mecoffload.LoadProfile("mine.yaml") // measured by cmd/profile
	if err != nil {
		log.Fatal(err)
	}
	_, images, err := imagefolder.ReadFiles("test.zip")
	if err != nil {
		log.Fatal(err)
	}
	policy, err := mecoffload.NewBestExitInTime(profile)
	if err != nil {
		log.Fatal(err)
	}

	bed, err := testbed.Start(ctx, "runs/earlyexit-seed1", scenario.Servers, testbed.BySlot)
	if err != nil {
		log.Fatal(err)
	}
	defer bed.Close()
	if err := bed.Calibrate(ctx, images, 100, nil); err != nil {
		log.Fatal(err)
	}
	config := testbed.Config{
		Scenario: scenario, Profile: profile, Seed: 1, Slots: 200,
		Scale: 10, Service: testbed.Stretched, Images: images,
	}
	predicted, err := testbed.Predict(ctx, policy, config)
	if err != nil {
		log.Fatal(err)
	}
	result, err := bed.Run(ctx, policy, config)
	if err != nil {
		log.Fatal(err)
	}
	c, err := bed.Compare(result, predicted, config)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("accuracy", c.Predicted.Accuracy, c.Measured.Accuracy)
}

// A program that runs a policy on the testbed, and compares with the simulator.
func Example() { main() }
