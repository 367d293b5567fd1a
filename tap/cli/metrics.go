package cli

import (
	"context"
	"log/slog"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// metric is one measurement of a run, as the Singer SDK writes it.
type metric struct {
	Type  string            `json:"type"`
	Name  string            `json:"metric"`
	Value float64           `json:"value"`
	Tags  map[string]string `json:"tags"`
}

// metrics returns the records and the duration of each stream that was read.
func metrics(r *tap.Report) []metric {
	var all []metric
	for _, s := range r.Streams {
		status := "failed"
		switch s.Status {
		case "skipped", "left_alone":
			continue
		case "complete":
			status = "succeeded"
		}
		all = append(all,
			metric{
				Type: "counter", Name: "record_count", Value: float64(s.Records),
				Tags: map[string]string{"stream": s.Stream},
			},
			metric{
				Type: "timer", Name: "sync_duration", Value: s.Seconds,
				Tags: map[string]string{"stream": s.Stream, "status": status},
			})
	}
	return all
}

// logMetrics logs the metrics if the log is for machines; people have the summary.
func logMetrics(log *slog.Logger, r *tap.Report) {
	if _, ok := log.Handler().(*jsonLog); !ok {
		return
	}
	for _, m := range metrics(r) {
		log.LogAttrs(context.Background(), slog.LevelInfo, "METRIC",
			slog.String("stream", m.Tags["stream"]), slog.Any("metric_info", m))
	}
}
