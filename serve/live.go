package serve

import (
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"time"
)

//go:embed live
var liveFiles embed.FS

var livePage = template.Must(template.ParseFS(liveFiles, "live/page.html"))

// live serves the live page: what policies see and decide, as a moving picture, with the shadow
// beside the policy that acts.
func (s *Service) live(mux *http.ServeMux, allow func(http.Handler) http.Handler) {
	mux.Handle("GET /{$}", allow(http.HandlerFunc(s.livePage)))
	mux.Handle("GET /live/events", allow(http.HandlerFunc(s.liveEvents)))
	mux.Handle("GET /live/", allow(http.FileServerFS(liveFiles)))
}

func (s *Service) livePage(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Query().Get("policy")
	if name == "" {
		name = s.served[0].Name
	}
	v, err := s.find(name)
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	err = livePage.Execute(w, map[string]any{"Policies": s.Policies(), "Name": v.Name, "Info": v.info()})
	if err != nil {
		s.log.Debug("live page", "error", err) // the viewer is gone
	}
}

// liveEvents sends frames of a policy as server-sent events.
func (s *Service) liveEvents(w http.ResponseWriter, r *http.Request) {
	v, err := s.find(r.URL.Query().Get("policy"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	frames, stop := v.view.subscribe()
	if frames == nil {
		http.Error(w, "too many viewers", http.StatusServiceUnavailable)
		return
	}
	defer stop()
	control := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	alive := time.NewTicker(10 * time.Second)
	defer alive.Stop()
	send := func(format string, args ...any) bool {
		_ = control.SetWriteDeadline(time.Now().Add(10 * time.Second)) // a recorder has none
		_, err := fmt.Fprintf(w, format, args...)
		return err == nil && control.Flush() == nil
	}
	for ok := send(": welcome\n\n"); ok; {
		select {
		case f := <-frames:
			ok = send("data: %s\n\n", f)
		case <-alive.C:
			ok = send(": alive\n\n")
		case <-s.ending:
			return
		case <-r.Context().Done():
			return
		}
	}
}
