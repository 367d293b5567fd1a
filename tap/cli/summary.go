package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/terminal"
)

// namesInSummary is the maximum number of streams that the summary names; the rest is counted.
const namesInSummary = 10

const summaryPrefix = "summary: "

// figures writes the figures of the summary.
type figures func(complete, streams, records int, r *tap.Report) string

// machines is for logs, which programs read.
func machines(complete, streams, records int, r *tap.Report) string {
	return fmt.Sprintf("%d of %d streams complete, %d records, %d requests, %.1f MB, %s",
		complete, streams, records, r.Requests.Lists, float64(r.Requests.Bytes)/1e6,
		r.Ended.Sub(r.Began).Round(10*time.Millisecond))
}

// people is for a screen of 80 columns, in the manner of the display.
func people(complete, streams, records int, r *tap.Report) string {
	return fmt.Sprintf("%d of %d streams, %s records, %s requests, %s", complete, streams,
		terminal.Number(records), terminal.Number(int(r.Requests.Lists)),
		terminal.Duration(r.Ended.Sub(r.Began)))
}

// summary returns one line on how a run ended: streams, records, requests, bytes, time, what was
// skipped, and which scopes are missing.
func summary(r *tap.Report) string { return summaryOf(r, machines) }

func summaryOf(r *tap.Report, write figures) string {
	names := map[string][]string{}
	records, gone := 0, 0
	for _, s := range r.Streams {
		names[s.Status] = append(names[s.Status], s.Stream)
		records += s.Records
		gone += s.Gone
		if len(s.Differences) > 0 {
			names["differs"] = append(names["differs"], s.Stream)
		}
	}
	complete, skipped := len(names["complete"]), names["skipped"]
	line := summaryPrefix + write(complete, len(r.Streams), records, r)
	if gone > 0 {
		line += fmt.Sprintf("; gone from Greenhouse: %d rows", gone)
	}
	for _, part := range []struct{ what, status string }{
		{"failed", "failed"},
		{"not finished", "unfinished"},
		{"left alone", "left_alone"},
		{"different from the contract", "differs"},
	} {
		if of := names[part.status]; len(of) > 0 {
			line += fmt.Sprintf("; %s: %s", part.what, list(of))
		}
	}
	if r.Overtime {
		line += "; max_run_time was reached"
	}
	line += "; skipped: "
	switch {
	case len(skipped) == 0:
		return line + "none"
	case complete == 0 && len(names["failed"]) == 0:
		return line + "every stream was refused; does the credential act for a Site Admin? " +
			list(skipped)
	case len(skipped) > namesInSummary:
		return line + fmt.Sprintf("%d streams for want of a scope: %s", len(skipped), list(skipped))
	}
	return line + strings.Join(needs(r), ", ")
}

// needs names each stream that was skipped, with the scope that it needs.
func needs(r *tap.Report) []string {
	var names []string
	for _, s := range r.Streams {
		if s.Status == "skipped" {
			names = append(names, fmt.Sprintf("%s (needs %s)", s.Stream, s.Scope))
		}
	}
	return names
}

// list names the first of many.
func list(names []string) string {
	if n := len(names) - namesInSummary; n > 1 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:namesInSummary], ", "), n)
	}
	return strings.Join(names, ", ")
}
