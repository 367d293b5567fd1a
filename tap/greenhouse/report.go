package greenhouse

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// report completes the report of the run.
func (r *Run) report(report *tap.Report, err error, code int) *tap.Report {
	used := r.client.Usage()
	windows, waited, limited := r.client.Windows()
	report.Version, report.Protocol = r.opts.Version, r.read.Protocol.name
	report.Began = r.began.UTC()
	report.RunID = r.id
	report.Ended, report.ExitCode, report.Windows = time.Now().UTC(), code, windows
	report.Identity, report.Policy = r.Identity(), r.cfg.Policy.Words()
	report.Requests = tap.RequestReport{
		Lists: used.Requests, Tokens: used.Tokens, Bytes: used.Bytes,
		Waited: waited.Seconds(), Limited: limited,
	}
	for i := range report.Streams {
		s := &report.Streams[i]
		s.Requests, s.Retries = r.client.UsedBy(s.Stream)
		s.Changes, s.New = printable(s.Changes), printable(s.New)
		s.Dropped, s.NewValues = printable(s.Dropped), printable(s.NewValues)
		s.Reason = tap.Printable(s.Reason)
		if s.Status == tap.Skipped {
			s.Scope = r.scope(s)
		}
		report.Requests.Retries += s.Retries
	}
	report.Outcome, report.Next = outcome(report, err)
	return report
}

// Undelivered notes in the report of a run that ended well that its loader failed after it.
func Undelivered(r *tap.Report, err error) {
	if r.ExitCode == ExitOK {
		r.ExitCode = ExitIncomplete
	}
	sentence, next := failure(err)
	r.Outcome, r.Next = "The streams are read, but "+sentence, append(next, r.Next...)
}

// failure returns the sentence on an error, and what to do about it.
func failure(err error) (sentence string, next []string) {
	sentence, next = err.Error()+".", []string{}
	var e *tap.Error
	if errors.As(err, &e) && e.Hint != "" {
		sentence = strings.Replace(sentence, " ("+e.Hint+")", "", 1)
		next = append(next, upperFirst(e.Hint)+".")
	}
	return sentence, next
}

// Failure describes a run that could not start.
func Failure(p *Protocol, version string, began time.Time, err error) *tap.Report {
	r := &tap.Report{
		Version: version, RunID: runID(began), Protocol: p.name,
		Began: began.UTC(), Ended: time.Now().UTC(),
		ExitCode: ExitCode(err, false), Streams: []tap.StreamReport{}, Windows: []tap.Window{},
	}
	r.Outcome, r.Next = outcome(r, err)
	return r
}

// Failure describes the run if it could not start.
func (r *Run) Failure(err error) *tap.Report {
	report := Failure(r.read.Protocol, r.opts.Version, r.began, err)
	report.RunID = r.id
	return report
}

// runID returns a name for a run that began at a time.
func runID(began time.Time) string { return began.UTC().Format("20060102T150405Z-") + nonce() }

// scope returns the scope because of which a stream was skipped.
func (r *Run) scope(s *tap.StreamReport) string {
	if other, err := r.columns.Err(); err != nil && errors.Is(s.Err, err) {
		return other
	}
	for _, q := range r.queries {
		if q.Stream.Name == s.Stream {
			return q.Stream.Scope
		}
	}
	return ""
}

// outcome returns one sentence or two on how a run ended, and what to do next.
func outcome(r *tap.Report, err error) (sentence string, next []string) {
	next = []string{}
	names := map[string][]string{}
	for _, s := range r.Streams {
		names[s.Status] = append(names[s.Status], s.Stream)
	}
	complete := func() string {
		return fmt.Sprintf("%s complete", of(len(names["complete"]), len(r.Streams), "is", "are"))
	}
	switch {
	case tap.KindOf(err) == tap.Interrupted:
		sentence = "The run was stopped: " + complete() + "."
	case err != nil:
		sentence, next = failure(err)
		sentence = "The run failed: " + sentence
	case r.Overtime:
		sentence = "The run ended at max_run_time: " + complete() + "."
	case len(names["failed"]) > 0:
		sentence = fmt.Sprintf("%s failed: %s.%s", of(len(names["failed"]), len(r.Streams), "", ""),
			tap.Few(names["failed"], most), others(names))
	default:
		sentence = fmt.Sprintf("%s complete, with %s.",
			count(len(names["complete"]), "stream is", "streams are"),
			count(r.Records(), "record", "records"))
	}
	if differ := differing(r.Streams); len(differ) > 0 {
		sentence += fmt.Sprintf(" %s from the contract: %s.",
			count(len(differ), "stream differs", "streams differ"), tap.Few(differ, most))
		next = append(next, "See what differs in the notes of the streams. If it is agreed, write the contract again: tap-greenhouse contract > FILE.")
	}
	if n := len(names["skipped"]); n > 0 {
		next = append(next, fmt.Sprintf("%s skipped because a scope is missing: tap-greenhouse scopes --probe lists them.",
			count(n, "stream was", "streams were")))
	}
	if len(names["failed"]) > 0 {
		next = append(next, "See the notes of the failed streams. What was read is safe; the next run continues from there.")
	}
	if len(names["unfinished"]) > 0 && r.ExitCode != ExitNothingRead {
		next = append(next, "Start again with the last state: the next run continues where this one ended.")
	}
	return tap.Printable(sentence), printable(next)
}

// differing names the streams that differ from the contract.
func differing(streams []tap.StreamReport) (names []string) {
	for _, s := range streams {
		if len(s.Differences) > 0 {
			names = append(names, s.Stream)
		}
	}
	return names
}

// others says in a sentence how the streams ended that did not fail; empty without any.
func others(names map[string][]string) string {
	var parts []string
	for _, part := range []struct{ status, one, many string }{
		{"complete", "is complete", "are complete"},
		{"skipped", "was skipped", "were skipped"},
		{"left_alone", "was left alone", "were left alone"},
		{"unfinished", "is not finished", "are not finished"},
	} {
		if n := len(names[part.status]); n > 0 {
			parts = append(parts, count(n, part.one, part.many))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return " Of the others, " + strings.Join(parts, ", ") + "."
}

// count counts things in words.
func count(n int, one, many string) string {
	if n == 1 {
		many = one
	}
	return tap.Number(n) + " " + many
}

// of counts some of all streams, with a verb.
func of(n, all int, one, many string) string {
	verb := many
	if n == 1 {
		verb = one
	}
	return strings.TrimSpace(fmt.Sprintf("%d of %s %s", n, count(all, "stream", "streams"), verb))
}

// most is how many names a sentence holds.
const most = 10

// printable makes texts fit for a terminal and a report.
func printable(texts []string) []string {
	for i, text := range texts {
		texts[i] = tap.Printable(text)
	}
	return texts
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
