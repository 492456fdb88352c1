package main

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"connectrpc.com/connect"
	"github.com/graphrl/graphrl/serve/servepb"
	"github.com/graphrl/graphrl/tasks/mecoffload"
)

// remote is a policy that asks a decision service.
type remote struct {
	client servepb.DecisionServiceClient
	slot   uint64
	draws  []byte // of the answer before
}

// remoteTimeout bounds a decision.
const remoteTimeout = 5 * time.Second

func newRemote(url string) *remote {
	return &remote{client: servepb.NewDecisionServiceClient(&http.Client{Timeout: remoteTimeout}, url)}
}

// Name implements mecoffload.Policy.
func (*remote) Name() string { return "service" }

// Decide implements mecoffload.Policy.
func (r *remote) Decide(obs mecoffload.Observation, dst mecoffload.Action) error {
	if len(dst) != obs.Devices {
		return fmt.Errorf("an action of %d entries for %d devices", len(dst), obs.Devices)
	}
	if obs.Devices == 0 {
		return nil
	}
	answer, err := r.client.Decide(context.Background(), connect.NewRequest(&servepb.DecideRequest{
		Observation: &servepb.DecideRequest_Offloading{Offloading: offloading(&obs)}, Draws: r.draws, Source: "testbed", Slot: r.slot,
	}))
	if err != nil {
		return fmt.Errorf("decision service: %w", err)
	}
	r.slot++
	r.draws = answer.Msg.Draws
	if n := len(answer.Msg.Assignments); n != obs.Devices {
		return fmt.Errorf("decision service: %d assignments for %d devices", n, obs.Devices)
	}
	for i, a := range answer.Msg.Assignments {
		server, err := strconv.Atoi(a.Server)
		link := -1
		if err == nil && server >= 0 && server < obs.Servers {
			link = obs.LinkTo(i, server)
		}
		if exit := int(a.Exit); link < 0 || exit < 1 || exit > obs.Exits {
			return fmt.Errorf("decision service: device %s is sent to server %q and exit %d", a.Device, a.Server, exit)
		}
		dst[i] = int32(link*obs.Exits + int(a.Exit) - 1)
	}
	return nil
}

// offloading is an observation as the service takes it. Servers and devices are named by their
// numbers.
func offloading(o *mecoffload.Observation) *servepb.Offloading {
	q := &servepb.Offloading{}
	for n := range o.Servers {
		q.Servers = append(q.Servers, &servepb.Server{Id: strconv.Itoa(n), Capacity: o.Capacity[n], BacklogSeconds: o.Backlog[n]})
	}
	for i := range o.Devices {
		t := &servepb.Task{Device: strconv.Itoa(o.ID[i]), Bits: o.Bits[i], DeadlineSeconds: o.Deadline[i],
			RateBitS: o.Rate[i*o.Degree():][:o.Degree()]}
		for link := range o.Links {
			t.Reach = append(t.Reach, uint32(o.ServerOf(i, link)))
		}
		q.Tasks = append(q.Tasks, t)
	}
	return q
}
