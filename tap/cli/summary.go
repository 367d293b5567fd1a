package cli

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// account is what can be told of the run.
func (j *job) account(sum *tap.Summary, err error, code int) *tap.Account {
	used := j.client.Usage()
	windows, waited, retries, limited := j.client.Account()
	a := &tap.Account{
		Version: Version(), Protocol: "singer", Began: j.began.UTC(), Ended: time.Now().UTC(), ExitCode: code, Next: []string{}, Windows: windows,
		Requests: tap.RequestAccount{Lists: used.Requests, Tokens: used.Tokens, Bytes: used.Bytes, Waited: waited.Seconds(), Limited: limited},
	}
	if j.failScope {
		a.Protocol = "airbyte"
	}
	counts := map[string]int{}
	for _, o := range sum.Outcomes {
		s := tap.StreamAccount{
			Stream: o.Stream.Name, Status: o.Status(), Records: o.Records, Pages: o.Pages, Bytes: o.Bytes, Seconds: o.Took.Seconds(),
			Retries: retries(o.Stream.Name), Changes: o.Changes, Gone: o.Gone, Swept: o.Swept, NextSweep: o.NextSweep, NextRead: o.NextRead,
		}
		if o.Err != nil {
			s.Reason = o.Err.Error()
		}
		a.Requests.Retries += s.Retries
		counts[s.Status]++
		a.Streams = append(a.Streams, s)
	}
	a.Outcome, a.Next = j.outcome(sum, err, counts)
	return a
}

// outcome says in one sentence how a run ended, and what to do next.
func (j *job) outcome(sum *tap.Summary, err error, counts map[string]int) (sentence string, next []string) {
	next = []string{}
	var e *tap.Error
	switch {
	case tap.KindOf(err) == tap.Interrupted:
		sentence = fmt.Sprintf("The run was stopped: %d of %d streams are complete.", counts["complete"], len(sum.Outcomes))
	case err != nil:
		sentence = "The run failed: " + err.Error() + "."
		if errors.As(err, &e) && e.Hint != "" {
			next = append(next, upperFirst(e.Hint)+".")
		}
	case sum.Overtime:
		sentence = fmt.Sprintf("The run ended at max_run_time: %d of %d streams are complete.", counts["complete"], len(sum.Outcomes))
	case counts["failed"] > 0:
		sentence = fmt.Sprintf("%d of %d streams failed; the others are loaded.", counts["failed"], len(sum.Outcomes))
	default:
		sentence = fmt.Sprintf("All is well: %d streams are complete, %d records came out.", counts["complete"], sum.Records())
	}
	if counts["skipped"] > 0 {
		next = append(next, fmt.Sprintf("%d streams were skipped for want of a scope: tap-greenhouse scopes --probe lists them.", counts["skipped"]))
	}
	if counts["failed"] > 0 {
		next = append(next, "Look at the notes of the failed streams. What was read is safe; the next run goes on from there.")
	}
	if counts["unfinished"] > 0 {
		next = append(next, "Start again with the last state: the next run goes on where this one ended.")
	}
	return sentence, next
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// namesInSummary is how many streams the summary names before it counts the rest.
const namesInSummary = 10

// summary says in one line how a run ended: streams, records, requests, bytes, time, what was left
// out, and which scopes would change that.
func (j *job) summary(sum *tap.Summary, took time.Duration) string {
	used := j.client.Usage()
	complete := 0
	var skipped, failed, unfinished, rested []string
	for _, o := range sum.Outcomes {
		name := o.Stream.Name
		switch o.Status() {
		case "skipped":
			scope := o.Stream.Scope
			if other, err := j.columns.Err(); err != nil && errors.Is(o.Err, err) {
				scope = other
			}
			skipped = append(skipped, fmt.Sprintf("%s (needs %s)", name, scope))
		case "failed":
			failed = append(failed, name)
		case "left_alone":
			rested = append(rested, name)
		case "unfinished":
			unfinished = append(unfinished, name)
		case "complete":
			complete++
		}
	}
	line := fmt.Sprintf("summary: %d of %d streams complete, %d records, %d requests, %.1f MB, %s", complete, len(sum.Outcomes), sum.Records(),
		used.Requests, float64(used.Bytes)/1e6, took.Round(10*time.Millisecond))
	gone := 0
	for _, o := range sum.Outcomes {
		gone += o.Gone
	}
	if gone > 0 {
		line += fmt.Sprintf("; gone from Greenhouse: %d rows", gone)
	}
	for _, part := range []struct {
		what  string
		names []string
	}{{"failed", failed}, {"not finished", unfinished}, {"left alone", rested}} {
		if len(part.names) > 0 {
			line += fmt.Sprintf("; %s: %s", part.what, list(part.names))
		}
	}
	if sum.Overtime {
		line += "; max_run_time is up"
	}
	line += "; skipped: "
	if len(skipped) == 0 {
		return line + "none"
	}
	if complete == 0 && len(failed) == 0 {
		return line + "every stream was refused; does the credential act for a Site Admin? " + list(skipped)
	}
	return line + strings.Join(skipped, ", ")
}

// list names some of many.
func list(names []string) string {
	if n := len(names) - namesInSummary; n > 1 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:namesInSummary], ", "), n)
	}
	return strings.Join(names, ", ")
}
