package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/terminal"
)

// namesInSummary is the maximum number of streams that the summary names; the rest is counted.
const namesInSummary = 5

const noneSkipped = "; skipped: none"

const summaryPrefix = "summary: "

// summaryStyle is how a summary is written: its figures, the names of streams, and why streams were
// skipped.
type summaryStyle struct {
	figures func(complete, streams, records int, r *tap.Report) string
	names   func([]string) string
	skipped func(*tap.Report, []string) string
}

// machines is for logs, which programs read.
var machines = summaryStyle{
	figures: func(complete, streams, records int, r *tap.Report) string {
		return fmt.Sprintf("%d of %d streams complete, %d records, %d requests, %.1f MB, %s",
			complete, streams, records, r.Requests.Lists, float64(r.Requests.Bytes)/1e6,
			r.Ended.Sub(r.Began).Round(10*time.Millisecond))
	},
	names: func(streams []string) string { return tap.Few(streams, namesInSummary) },
	skipped: func(r *tap.Report, streams []string) string {
		if len(streams) <= namesInSummary {
			return strings.Join(needs(r), ", ")
		}
		return fmt.Sprintf("%d streams for want of a scope: %s", len(streams),
			tap.Few(streams, namesInSummary))
	},
}

// people returns the style for a screen, in the manner of the display.
func people(names func([]string) string) summaryStyle {
	return summaryStyle{
		figures: func(complete, streams, records int, r *tap.Report) string {
			return fmt.Sprintf("%s of %s streams, %s records, %s requests, %s",
				tap.Number(complete), tap.Number(streams), tap.Number(records),
				tap.Number(int(r.Requests.Lists)), terminal.Duration(r.Ended.Sub(r.Began)))
		},
		names:   names,
		skipped: func(_ *tap.Report, streams []string) string { return names(streams) },
	}
}

// summary is the last line of a log.
func (p *program) summary(r *tap.Report) string {
	if p.person != nil && p.person.terminal {
		return screenSummary(r)
	}
	return summary(r)
}

// summary returns one line on how a run ended: streams, records, requests, bytes, time, what was
// skipped, and which scopes are missing.
func summary(r *tap.Report) string { return machines.of(r) }

// screenSummary is the summary for a person in a terminal, where the lines above it have named what
// failed. It counts streams if their names do not fit into the line.
func screenSummary(r *tap.Report) string {
	named := people(func(streams []string) string { return strings.Join(streams, ", ") }).of(r)
	if len(named) <= screenWidth {
		return named
	}
	counted := people(func(streams []string) string { return tap.Number(len(streams)) }).of(r)
	if len(counted) <= screenWidth {
		return counted
	}
	return strings.TrimSuffix(counted, noneSkipped)
}

func (style summaryStyle) of(r *tap.Report) string {
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
	line := summaryPrefix + style.figures(complete, len(r.Streams), records, r)
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
			line += fmt.Sprintf("; %s: %s", part.what, style.names(of))
		}
	}
	if r.Overtime {
		line += "; max_run_time was reached"
	}
	if len(skipped) == 0 {
		return line + noneSkipped
	}
	line += "; skipped: "
	if complete == 0 && len(names["failed"]) == 0 {
		return line + "every stream was refused; does the credential act for a Site Admin? " +
			style.names(skipped)
	}
	return line + style.skipped(r, skipped)
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
