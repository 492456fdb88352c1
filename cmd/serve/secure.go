package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/graphrl/graphrl/cmd/internal/cli"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.37.0"
	"go.opentelemetry.io/otel/trace"
)

type osSignal = os.Signal

// tlsConfig names files in PEM. They are read again when they change, as certificates do every few
// months.
type tlsConfig struct {
	Cert     string `yaml:"cert"`
	Key      string `yaml:"key"`
	ClientCA string `yaml:"client_ca"` // clients need a certificate of it
}

// load returns nil without a certificate.
func (t tlsConfig) load() (*tls.Config, error) {
	if t == (tlsConfig{}) {
		return nil, nil
	}
	c := &certificate{files: t}
	if _, err := c.get(nil); err != nil {
		return nil, fmt.Errorf("tls: %w", err)
	}
	conf := &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}
	if t.ClientCA == "" {
		return conf, nil
	}
	pem, err := os.ReadFile(t.ClientCA)
	if err != nil {
		return nil, fmt.Errorf("tls: %w", err)
	}
	conf.ClientCAs, conf.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
	if !conf.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("tls: %s has no certificate", t.ClientCA)
	}
	return conf, nil
}

// certificate is a pair of files, read again when the certificate's has changed.
type certificate struct {
	files tlsConfig
	mu    sync.Mutex
	pair  tls.Certificate
	read  time.Time // last change of the file that was read
}

func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	info, err := os.Stat(c.files.Cert)
	if err != nil && c.read.IsZero() {
		return nil, err
	}
	if err == nil && !info.ModTime().Equal(c.read) {
		pair, err := tls.LoadX509KeyPair(c.files.Cert, c.files.Key)
		switch {
		case err == nil:
			c.pair, c.read = pair, info.ModTime()
		case c.read.IsZero():
			return nil, err
		} // else the files are being replaced: the old pair is still good
	}
	return &c.pair, nil
}

// traceConfig sends traces by OTLP over HTTP.
type traceConfig struct {
	Endpoint string  `yaml:"endpoint"` // such as http://127.0.0.1:4318; empty: no traces
	Share    float64 `yaml:"share"`    // of requests whose caller has not decided; 0: 0.01
}

// start returns a nil tracer without an endpoint.
func (t traceConfig) start(ctx context.Context) (trace.Tracer, func() error, error) {
	if t.Endpoint == "" {
		return nil, func() error { return nil }, nil
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(t.Endpoint))
	if err != nil {
		return nil, nil, fmt.Errorf("trace: %w", err)
	}
	share := t.Share
	if share == 0 {
		share = 0.01
	}
	provider := sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithSampler(sdk.ParentBased(sdk.TraceIDRatioBased(share))),
		sdk.WithResource(resource.NewSchemaless(semconv.ServiceName("graphrl-serve"), semconv.ServiceVersion(cli.Version()))))
	stop := func() error {
		wait, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		return provider.Shutdown(wait)
	}
	return provider.Tracer("github.com/graphrl/graphrl/serve"), stop, nil
}
