package cli

import (
	"context"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// jsonLog writes each event as a JSON object on a line, in the format of the Singer SDK, which
// Meltano parses. Meltano shows only the message, so its text has the details, too.
type jsonLog struct {
	mu    *sync.Mutex
	w     io.Writer
	level slog.Level
	attrs []slog.Attr
}

func newJSONLog(w io.Writer, level slog.Level) *jsonLog {
	return &jsonLog{mu: &sync.Mutex{}, w: w, level: level}
}

// jsonEvent has all keys that Meltano's parser requires.
type jsonEvent struct {
	Level      string         `json:"level"`
	PID        int            `json:"pid"`
	LoggerName string         `json:"logger_name"`
	TS         float64        `json:"ts"` // seconds since 1970
	ThreadName string         `json:"thread_name"`
	AppName    string         `json:"app_name"`
	Message    string         `json:"message"`
	StreamName string         `json:"stream_name,omitzero"`
	Extra      map[string]any `json:"extra,omitzero"`
}

func (h *jsonLog) Enabled(_ context.Context, level slog.Level) bool { return level >= h.level }

func (h *jsonLog) Handle(_ context.Context, r slog.Record) error {
	level := strings.ToLower(r.Level.String())
	if level == "warn" {
		level = "warning"
	}
	e := jsonEvent{
		Level: level, PID: os.Getpid(), LoggerName: tapName, TS: float64(r.Time.UnixMilli()) / 1000,
		ThreadName: "main", AppName: tapName,
	}
	var more []string
	measured := false
	add := func(a slog.Attr) bool {
		more = append(more, detail(a))
		if a.Key == "stream" {
			e.StreamName = tap.Printable(a.Value.String())
			return true
		}
		if e.Extra == nil {
			e.Extra = map[string]any{}
		}
		switch v := a.Value.Resolve(); v.Kind() {
		case slog.KindInt64, slog.KindUint64, slog.KindFloat64, slog.KindBool:
			e.Extra[a.Key] = v.Any()
		case slog.KindTime:
			e.Extra[a.Key] = v.Time().Format(time.RFC3339Nano)
		default:
			if m, ok := v.Any().(metric); ok {
				e.Extra[a.Key], measured = m, true
			} else {
				e.Extra[a.Key] = tap.Printable(v.String())
			}
		}
		return true
	}
	for _, a := range h.attrs {
		add(a)
	}
	r.Attrs(add)
	if measured {
		more = nil // Meltano shows the measurement itself
	}
	e.Message = tap.Printable(withDetails(r.Message, more))
	line, err := json.Marshal(e, json.Deterministic(true))
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	_, err = h.w.Write(append(line, '\n'))
	return err
}

func (h *jsonLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := *h
	with.attrs = append(append([]slog.Attr{}, h.attrs...), attrs...)
	return &with
}

func (h *jsonLog) WithGroup(string) slog.Handler { return h }
