package serve

import (
	"math"
	"net/http"
	"time"

	"github.com/graphrl/graphrl/serve/servepb"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are those of a service. deploy/grafana.json draws them.
type metrics struct {
	registry  *prometheus.Registry
	seconds   *prometheus.HistogramVec
	decisions *prometheus.CounterVec
	cut       *prometheus.CounterVec
	failed    *prometheus.CounterVec
	swaps     *prometheus.CounterVec
	refused   *prometheus.CounterVec
	tasks     *prometheus.CounterVec
	parts     *prometheus.CounterVec
	sync      *prometheus.HistogramVec
}

func newMetrics(s *Service) *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "graphrl_" + name, Help: help}, labels)
	}
	m := &metrics{
		registry: prometheus.NewRegistry(),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "graphrl_decision_seconds", Help: "Time from a request to its decision, without the network.",
			Buckets: prometheus.ExponentialBuckets(20e-6, 2, 16),
		}, []string{"policy"}),
		decisions: counter("decisions_total", "Decisions, by what decided: NONE is the policy, anything else the reason why the rule did.", "policy", "fallback"),
		cut:       counter("decisions_cut_total", "Decisions whose search the budget ended.", "policy"),
		failed:    counter("requests_failed_total", "Requests that no decision was possible for.", "policy"),
		swaps:     counter("policy_swaps_total", "Reloads, promotions and rollbacks.", "policy"),
		refused:   counter("requests_refused_total", "Requests refused by a limit or for a missing token.", "reason"),
		tasks:     counter("reported_tasks_total", "Tasks in reports, by what became of them.", "policy", "status"),
		parts:     counter("reported_reward_sum", "Parts of the rewards in reports, summed over tasks: accuracy, and the reward itself.", "policy", "part"),
		sync: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "graphrl_report_seconds", Help: "Time from a report to its acknowledgement, synced to disk.",
			Buckets: prometheus.ExponentialBuckets(50e-6, 2, 14),
		}, []string{"policy"}),
	}
	m.registry.MustRegister(m.seconds, m.decisions, m.cut, m.failed, m.swaps, m.refused, m.tasks, m.parts, m.sync, &state{s},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), collectors.NewBuildInfoCollector())
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}

// meters are the metrics of one policy.
type meters struct {
	seconds, sync prometheus.Observer
	fallbacks     []prometheus.Counter // by fallback
	cut, failed   prometheus.Counter
	swaps         prometheus.Counter
	tasks         [3]prometheus.Counter // by mecoffload.Status
	accuracy      prometheus.Counter
	reward        prometheus.Counter
}

func (m *metrics) of(policy string) meters {
	r := meters{
		seconds: m.seconds.WithLabelValues(policy), sync: m.sync.WithLabelValues(policy), cut: m.cut.WithLabelValues(policy),
		failed: m.failed.WithLabelValues(policy), swaps: m.swaps.WithLabelValues(policy),
		accuracy: m.parts.WithLabelValues(policy, "accuracy"), reward: m.parts.WithLabelValues(policy, "reward"),
	}
	for f := range len(servepb.Fallback_name) {
		r.fallbacks = append(r.fallbacks, m.decisions.WithLabelValues(policy, servepb.Fallback(f).String()[len("FALLBACK_"):]))
	}
	for i, status := range []string{"in_time", "late", "dropped"} {
		r.tasks[i] = m.tasks.WithLabelValues(policy, status)
	}
	return r
}

func (m *meters) decided(out *servepb.DecideResponse, took time.Duration) {
	m.seconds.Observe(took.Seconds())
	m.fallbacks[out.Fallback].Inc()
	if out.Cut {
		m.cut.Inc()
	}
}

// state collects what is known at the moment of a scrape.
type state struct{ s *Service }

var (
	infoDesc     = prometheus.NewDesc("graphrl_policy_info", "1 for each policy that acts or is the shadow.", []string{"policy", "role", "method", "version"}, nil)
	driftDesc    = prometheus.NewDesc("graphrl_drift", "Population stability index of what is observed against the training: above 0.25 much has changed.", []string{"policy", "quantity"}, nil)
	actionDesc   = prometheus.NewDesc("graphrl_action_drift", "The same of the exits that are chosen.", []string{"policy"}, nil)
	shadowDesc   = prometheus.NewDesc("graphrl_shadow_difference", "Expected reward of the shadow minus that of the acting policy; low and high are the 95 % interval.", []string{"policy", "bound"}, nil)
	slotsDesc    = prometheus.NewDesc("graphrl_shadow_slots", "Slots in the comparison.", []string{"policy"}, nil)
	skippedDesc  = prometheus.NewDesc("graphrl_shadow_skipped_total", "Slots left out of comparisons because the machine was busy.", []string{"policy"}, nil)
	twinDesc     = prometheus.NewDesc("graphrl_twin_error", "Reward that the model of a slot expected of reported decisions minus the reported reward.", []string{"policy"}, nil)
	observedDesc = prometheus.NewDesc("graphrl_reports_kept_total", "Reports on disk, over all starts.", []string{"policy"}, nil)
	learnedDesc  = prometheus.NewDesc("graphrl_reports_learned_total", "Reports learned from, over all starts.", []string{"policy"}, nil)
	replayedDesc = prometheus.NewDesc("graphrl_reports_replayed", "Reports that were on disk and not in the checkpoint at this start, and were learned then.", []string{"policy"}, nil)
	runningDesc  = prometheus.NewDesc("graphrl_requests_running", "Requests that run.", nil, nil)
)

// Describe implements prometheus.Collector.
func (c *state) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{infoDesc, driftDesc, actionDesc, shadowDesc, slotsDesc, skippedDesc, twinDesc, observedDesc, learnedDesc, replayedDesc, runningDesc} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c *state) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	count := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
	}
	gauge(runningDesc, float64(len(c.s.running)))
	for _, v := range c.s.served {
		info := v.info()
		gauge(infoDesc, 1, v.Name, "acting", info.Method, info.Version)
		if v.twins == nil {
			continue
		}
		inputs, actions := v.drift.indices()
		for i, x := range inputs {
			if !math.IsNaN(x) {
				gauge(driftDesc, x, v.Name, quantityNames[i])
			}
		}
		if !math.IsNaN(actions) {
			gauge(actionDesc, actions, v.Name)
		}
		count(skippedDesc, float64(v.twins.skipped.Load()), v.Name)
		if s := info.Shadow; s != nil {
			gauge(infoDesc, 1, v.Name, "shadow", "", s.Version)
			gauge(shadowDesc, s.Difference, v.Name, "mean")
			gauge(shadowDesc, s.Low, v.Name, "low")
			gauge(shadowDesc, s.High, v.Name, "high")
			gauge(slotsDesc, float64(s.Slots), v.Name)
		}
		if v.online != nil {
			count(observedDesc, float64(info.Observed), v.Name)
			count(learnedDesc, float64(info.Learned), v.Name)
			gauge(replayedDesc, float64(v.online.replayed), v.Name)
			gauge(twinDesc, v.twins.modelError().mean, v.Name)
		}
	}
}
