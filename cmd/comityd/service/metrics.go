package service

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/exchange"
)

// metrics are what Prometheus sees. Labels are names of acts, codes, states and
// parts, never ids of records or officers: how busy a case is, is not for the
// operator's dashboards.
type metrics struct {
	registry *prometheus.Registry
	acts     *prometheus.CounterVec
	actTime  *prometheus.HistogramVec
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	inFlight prometheus.Gauge
	streams  prometheus.Gauge
	refused  prometheus.Counter
	proof    prometheus.Histogram
}

// slow are buckets in seconds for acts, of which some wait for a Vault.
var slow = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}

func newMetrics(d *statement.Directory) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		acts: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "comity_acts_total",
			Help: "Acts and reads that the gate decided, by outcome."}, []string{"act", "outcome"}),
		actTime: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "comity_act_seconds",
			Help: "Time from an act's arrival at the gate to its answer.", Buckets: slow}, []string{"act"}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "comity_http_requests_total",
			Help: "HTTP requests, by handler, method and status."}, []string{"handler", "method", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "comity_http_request_seconds",
			Help: "Time of HTTP requests, by handler.", Buckets: slow}, []string{"handler"}),
		streams: prometheus.NewGauge(prometheus.GaugeOpts{Name: "comity_streams",
			Help: "Connections on which officers are told what happens."}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{Name: "comity_http_requests_in_flight",
			Help: "HTTP requests being served."}),
		refused: prometheus.NewCounter(prometheus.CounterOpts{Name: "comity_manifests_refused_total",
			Help: "Manifests in the directory that were not accepted, counted at every look."}),
		proof: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "comity_log_proof_seconds",
			Help: "Time that a key waited until the log had its request, as the state's policy wants it.", Buckets: slow}),
	}
	m.registry.MustRegister(m.acts, m.actTime, m.requests, m.seconds, m.inFlight, m.streams, m.refused, m.proof,
		manifests{d}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// observe is told by the gate of every decided act and read.
func (m *metrics) observe(act, outcome string, took time.Duration) {
	m.acts.WithLabelValues(act, outcome).Inc()
	m.actTime.WithLabelValues(act).Observe(took.Seconds())
}

func (m *metrics) watch(h *health, r *audit.Publisher) {
	m.registry.MustRegister(partsUp{h}, logStatus{r})
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// partsUp asks the parts when Prometheus does.
type partsUp struct{ health *health }

var partUp = prometheus.NewDesc("comity_part_up", "Whether a part that the server stands on answers.", []string{"part"}, nil)

// Describe implements [prometheus.Collector].
func (p partsUp) Describe(c chan<- *prometheus.Desc) { c <- partUp }

// Collect implements [prometheus.Collector].
func (p partsUp) Collect(c chan<- prometheus.Metric) {
	faults := p.health.look()
	parts := []string{"database", "log"}
	for _, s := range p.health.states {
		parts = append(parts, "custodian "+string(s), "store "+string(s))
	}
	for _, part := range parts {
		up := 1.0
		if faults[part] != nil {
			up = 0
		}
		c <- prometheus.MustNewConstMetric(partUp, prometheus.GaugeValue, up, part)
	}
}

// timed measures how long proofs are waited for.
type timed struct {
	exchange.Prover
	waited prometheus.Observer
}

// Prove implements [exchange.Prover].
func (p timed) Prove(ctx context.Context, leaf comity.ID, s comity.State) (verify.Proof, error) {
	began := time.Now()
	defer func() { p.waited.Observe(time.Since(began).Seconds()) }()
	return p.Prover.Prove(ctx, leaf, s)
}

// logStatus tells how the log stands when Prometheus asks.
type logStatus struct{ record *audit.Publisher }

var (
	logSize     = prometheus.NewDesc("comity_log_size", "Leaves under the log's last checkpoint.", nil, nil)
	logAt       = prometheus.NewDesc("comity_log_checkpoint_seconds", "When the last checkpoint was made, in Unix time.", nil, nil)
	logCosigned = prometheus.NewDesc("comity_log_cosigned", "Whether a witness cosigned the last checkpoint that it had two seconds for, or a later one.", []string{"witness"}, nil)
)

// Describe implements [prometheus.Collector].
func (l logStatus) Describe(c chan<- *prometheus.Desc) { c <- logSize; c <- logAt; c <- logCosigned }

// Collect implements [prometheus.Collector].
func (l logStatus) Collect(c chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
	defer cancel()
	s, err := l.record.Status(ctx)
	if err != nil || s.Size == 0 { // an empty log has none; that the database is away tells another metric
		return
	}
	c <- prometheus.MustNewConstMetric(logSize, prometheus.GaugeValue, float64(s.Size))
	c <- prometheus.MustNewConstMetric(logAt, prometheus.GaugeValue, float64(s.At.UnixMicro())/1e6)
	for name, has := range s.Witnesses {
		is := 0.0
		if has {
			is = 1
		}
		c <- prometheus.MustNewConstMetric(logCosigned, prometheus.GaugeValue, is, name)
	}
}

// manifests tells which are in force and until when.
type manifests struct{ directory *statement.Directory }

var (
	manifestNumber  = prometheus.NewDesc("comity_manifest_number", "Number of a state's manifest in force.", []string{"state"}, nil)
	manifestExpires = prometheus.NewDesc("comity_manifest_expires_seconds", "When it expires, in Unix time.", []string{"state"}, nil)
)

// Describe implements [prometheus.Collector].
func (m manifests) Describe(c chan<- *prometheus.Desc) { c <- manifestNumber; c <- manifestExpires }

// Collect implements [prometheus.Collector].
func (m manifests) Collect(c chan<- prometheus.Metric) {
	for _, s := range m.directory.States() {
		if is, err := m.directory.State(s); err == nil {
			c <- prometheus.MustNewConstMetric(manifestNumber, prometheus.GaugeValue, float64(is.Number), string(s))
			c <- prometheus.MustNewConstMetric(manifestExpires, prometheus.GaugeValue, float64(is.Expires.Unix()), string(s))
		}
	}
}
