package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/cmd/internal/cli"
	"github.com/graphrl/graphrl/internal/strictyaml"
	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/hetero"
	"github.com/graphrl/graphrl/serve"
	"github.com/graphrl/graphrl/tasks/mecoffload"
	"go.opentelemetry.io/otel/trace"
)

// fileConfig is the configuration file. docs/serve.md has an example with every key.
type fileConfig struct {
	Listen   string         `yaml:"listen"`
	Log      string         `yaml:"log"`
	Budget   duration       `yaml:"budget"`
	Policies []policyConfig `yaml:"policies"`
	Limits   limitsConfig   `yaml:"limits"`
	TLS      tlsConfig      `yaml:"tls"`
	// Files of bearer tokens, one a line.
	Tokens      string      `yaml:"tokens"`
	AdminTokens string      `yaml:"admin_tokens"`
	Trace       traceConfig `yaml:"trace"`
}

// policyConfig is a policy to serve.
type policyConfig struct {
	Name       string          `yaml:"name"`
	Run        string          `yaml:"run"`
	Checkpoint string          `yaml:"checkpoint"`
	Budget     *duration       `yaml:"budget"`
	Shadow     string          `yaml:"shadow"`
	Online     onlineConfig    `yaml:"online"`
	Promote    promotionConfig `yaml:"promote"`
	AnyInput   bool            `yaml:"any_input"`
	// The world to serve, if it is not that of the training.
	Scenario string `yaml:"scenario"`
	Profile  string `yaml:"profile"`
	Devices  int    `yaml:"devices"`
	Servers  int    `yaml:"servers"`
	// Graph serves a policy of another task.
	Graph *graphConfig `yaml:"graph"`
}

type onlineConfig struct {
	Dir      string `yaml:"dir"`
	Interval int    `yaml:"interval"`
}

type promotionConfig struct {
	After  uint64  `yaml:"after"`
	Margin float64 `yaml:"margin"`
}

type limitsConfig struct {
	MessageBytes int      `yaml:"message_bytes"`
	Requests     int      `yaml:"requests"`
	Connections  int      `yaml:"connections"`
	Timeout      duration `yaml:"timeout"`
	StreamIdle   duration `yaml:"stream_idle"`
	Shutdown     duration `yaml:"shutdown"`
}

// graphConfig describes the network of a droo.Learner on graphs, of which the actor decides.
type graphConfig struct {
	Nodes []struct {
		Name     string `yaml:"name"`
		Features int    `yaml:"features"`
	} `yaml:"nodes"`
	Edges []struct {
		Name     string `yaml:"name"`
		From     string `yaml:"from"`
		To       string `yaml:"to"`
		Features int    `yaml:"features"`
		Directed bool   `yaml:"directed"`
	} `yaml:"edges"`
	Choose string `yaml:"choose"` // one_node, one_edge, edge_per_source or each_node
	Of     string `yaml:"of"`     // type of the nodes or edges
	Hidden int    `yaml:"hidden"` // as in hetero.Config; for two types of nodes that edges join, as in BipartiteConfig
	Layers int    `yaml:"layers"`
	Part   string `yaml:"part"` // of the checkpoint that holds the learner; empty: the whole
}

// duration is written as 2ms or 10s.
type duration time.Duration

// UnmarshalNode implements strictyaml.Unmarshaler.
func (d *duration) UnmarshalNode(n strictyaml.Node) error {
	text, ok := n.Scalar()
	v, err := time.ParseDuration(text)
	if !ok || err != nil || v < 0 {
		return n.Errorf("want a duration such as 2ms or 10s")
	}
	*d = duration(v)
	return nil
}

const defaultListen = "127.0.0.1:8080"

// config is the configuration of the file and the flags.
func (c serveCommand) config() (fileConfig, error) {
	f := fileConfig{Listen: defaultListen}
	if c.Config != "" {
		data, err := os.ReadFile(c.Config)
		if err != nil {
			return f, err
		}
		if err := strictyaml.Unmarshal(data, c.Config, &f, nil); err != nil {
			return f, err
		}
	}
	if c.Run_ == "" {
		for flag, given := range map[string]bool{"checkpoint": c.Checkpoint != "", "online": c.Online != "", "shadow": c.Shadow != "", "any-input": c.AnyInput} {
			if given {
				return f, cli.Usage("--%s goes with --run", flag)
			}
		}
	} else {
		f.Policies = append(f.Policies, policyConfig{Name: "default", Run: c.Run_, Checkpoint: c.Checkpoint, Shadow: c.Shadow, AnyInput: c.AnyInput, Online: onlineConfig{Dir: c.Online}})
	}
	if len(f.Policies) == 0 {
		return f, cli.Usage("name what to serve: a run folder by --run, or a configuration by --config")
	}
	if c.Listen != "" {
		f.Listen = c.Listen
	}
	if c.Log != "" {
		f.Log = c.Log
	}
	if c.Budget != nil {
		if *c.Budget < 0 {
			return f, cli.Usage("--budget %v is below 0", *c.Budget)
		}
		f.Budget = duration(*c.Budget)
	}
	return f, nil
}

// service loads the policies.
func (f fileConfig) service(log *slog.Logger, tracer trace.Tracer) (*serve.Service, error) {
	cfg := serve.Config{Log: log, Tracer: tracer, Limits: serve.Limits{
		MessageBytes: f.Limits.MessageBytes, Requests: f.Limits.Requests, Connections: f.Limits.Connections,
		Timeout: time.Duration(f.Limits.Timeout), StreamIdle: time.Duration(f.Limits.StreamIdle), Shutdown: time.Duration(f.Limits.Shutdown),
	}}
	var err error
	if cfg.Tokens, err = tokens(f.Tokens); err != nil {
		return nil, err
	}
	if cfg.AdminTokens, err = tokens(f.AdminTokens); err != nil {
		return nil, err
	}
	for _, p := range f.Policies {
		policy, err := p.policy(f.Budget)
		if err != nil {
			return nil, fmt.Errorf("policy %q: %w", p.Name, err)
		}
		cfg.Policies = append(cfg.Policies, policy)
	}
	return serve.New(cfg)
}

// tokens reads a file with a token a line. Empty lines and those that start with # do not count.
func tokens(file string) ([]string, error) {
	if file == "" {
		return nil, nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("tokens: %w", err)
	}
	var list []string
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			list = append(list, line)
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("tokens: %s has none", file)
	}
	return list, nil
}

func (p policyConfig) policy(budget duration) (serve.Policy, error) {
	if p.Budget != nil {
		budget = *p.Budget
	}
	s := serve.Policy{Name: p.Name, Budget: time.Duration(budget), AnyInput: p.AnyInput, Rule: serve.PromotionRule{After: p.Promote.After, Margin: p.Promote.Margin}}
	if p.Run == "" {
		return s, errors.New("run is missing: name a run folder or a checkpoint")
	}
	if p.Graph != nil {
		s.Graph = p.graph
		return s, nil
	}
	w, err := p.world()
	if err != nil {
		return s, err
	}
	s.Open = func() (*serve.Model, error) { return serve.OpenModel(p.Run, p.Checkpoint, w) }
	s.OpenShadow = func(dir string) (*serve.Model, error) { return serve.OpenModel(dir, "", w) }
	if p.Shadow != "" {
		s.Shadow = func() (*serve.Model, error) { return serve.OpenModel(p.Shadow, "", w) }
	}
	if p.Online.Dir != "" {
		s.Online = &serve.OnlineConfig{Dir: p.Online.Dir, From: p.Run, Name: p.Checkpoint, World: w, Interval: p.Online.Interval}
	}
	return s, nil
}

// world is the world that the keys of a policy name.
func (p policyConfig) world() (serve.World, error) {
	w := serve.World{Devices: p.Devices, Servers: p.Servers}
	if p.Scenario != "" {
		sc, err := mecoffload.LoadScenario(p.Scenario)
		if err != nil {
			return w, err
		}
		w.Scenario = &sc
	}
	if p.Profile != "" {
		profile, err := mecoffload.LoadProfile(p.Profile)
		if err != nil {
			return w, err
		}
		w.Profile = &profile
	}
	return w, nil
}

// graph loads a policy of another task.
func (p policyConfig) graph() (*serve.GraphModel, error) {
	state, manifest, err := checkpoints.Load(p.Run)
	if err != nil {
		return nil, err
	}
	if p.Graph.Part != "" {
		state = state.Sub(p.Graph.Part)
	}
	schema, err := p.Graph.schema()
	if err != nil {
		return nil, err
	}
	return serve.NewGraphModel(serve.GraphConfig{
		Version: fmt.Sprintf("%s@%d-%.8s", manifest.Method, manifest.Step, manifest.Data.SHA256),
		Method:  manifest.Method,
		Schema:  schema,
		Open: func() (serve.GraphDecider, error) {
			model, err := p.Graph.model(schema)
			if err != nil {
				return nil, err
			}
			return serve.NetworkDecider(state, model)
		},
	})
}

func (g *graphConfig) schema() (hetero.Schema, error) {
	var s hetero.Schema
	for _, n := range g.Nodes {
		s.Nodes = append(s.Nodes, hetero.NodeType{Name: n.Name, Features: n.Features})
	}
	for _, e := range g.Edges {
		s.Edges = append(s.Edges, hetero.EdgeType{Name: e.Name, From: e.From, To: e.To, Features: e.Features, Directed: e.Directed})
	}
	choices := map[string]func(string) hetero.Choice{
		"one_node": hetero.OneNode, "one_edge": hetero.OneEdge, "edge_per_source": hetero.EdgePerSource, "each_node": hetero.EachNode,
	}
	choose := choices[g.Choose]
	if choose == nil {
		return s, fmt.Errorf("graph.choose: %q is not one_node, one_edge, edge_per_source or each_node", g.Choose)
	}
	s.Choose = choose(g.Of)
	return s, s.Check()
}

// model is the network that hetero.NewDROO makes for a schema.
func (g *graphConfig) model(s hetero.Schema) (rl.Model[hetero.Graph], error) {
	cfg := hetero.DefaultDROOConfig(1)
	if g.Hidden > 0 {
		cfg.Network.Hidden, cfg.General.Hidden = g.Hidden, g.Hidden
	}
	if g.Layers > 0 {
		cfg.Network.Rounds, cfg.General.Layers = g.Layers, g.Layers
	}
	if len(s.Nodes) == 2 && len(s.Edges) == 1 && s.Edges[0].From != s.Edges[0].To && slices.Contains([]string{"one_edge", "edge_per_source"}, g.Choose) {
		return hetero.NewBipartiteModel(s, cfg.Network, rl.NewRand(1, 0))
	}
	return hetero.NewModel(s, cfg.General, rl.NewRand(1, 0))
}
