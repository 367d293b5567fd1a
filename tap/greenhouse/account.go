package greenhouse

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// account completes the account of the run.
func (r *Run) account(a *tap.Account, err error, code int) *tap.Account {
	used := r.client.Usage()
	windows, waited, retries, limited := r.client.Account()
	a.Version, a.Protocol, a.Began = r.opts.Version, r.read.Protocol.name, r.began.UTC()
	a.Ended, a.ExitCode, a.Windows = time.Now().UTC(), code, windows
	a.Requests = tap.RequestAccount{
		Lists: used.Requests, Tokens: used.Tokens, Bytes: used.Bytes,
		Waited: waited.Seconds(), Limited: limited,
	}
	counts := map[string]int{}
	for i := range a.Streams {
		s := &a.Streams[i]
		s.Retries = retries(s.Stream)
		if s.Status == tap.Skipped {
			s.Scope = r.scope(s)
		}
		a.Requests.Retries += s.Retries
		counts[s.Status]++
	}
	a.Outcome, a.Next = outcome(a, err, counts)
	return a
}

// scope returns the scope because of which a stream was skipped.
func (r *Run) scope(s *tap.StreamAccount) string {
	if other, err := r.columns.Err(); err != nil && errors.Is(s.Err, err) {
		return other
	}
	for _, sel := range r.selections {
		if sel.Stream.Name == s.Stream {
			return sel.Stream.Scope
		}
	}
	return ""
}

// outcome returns one sentence on how a run ended, and what to do next.
func outcome(a *tap.Account, err error, counts map[string]int) (sentence string, next []string) {
	next = []string{}
	var e *tap.Error
	switch {
	case tap.KindOf(err) == tap.Interrupted:
		sentence = fmt.Sprintf("The run was stopped: %d of %d streams are complete.",
			counts["complete"], len(a.Streams))
	case err != nil:
		sentence = "The run failed: " + err.Error() + "."
		if errors.As(err, &e) && e.Hint != "" {
			next = append(next, upperFirst(e.Hint)+".")
		}
	case a.Overtime:
		sentence = fmt.Sprintf("The run ended at max_run_time: %d of %d streams are complete.",
			counts["complete"], len(a.Streams))
	case counts["failed"] > 0:
		sentence = fmt.Sprintf("%d of %d streams failed; the others are loaded.", counts["failed"],
			len(a.Streams))
	default:
		sentence = fmt.Sprintf("%d streams are complete, with %d records.", counts["complete"],
			a.Records())
	}
	if counts["skipped"] > 0 {
		next = append(next, fmt.Sprintf("%d streams were skipped because a scope is missing: tap-greenhouse scopes --probe lists them.", counts["skipped"]))
	}
	if counts["failed"] > 0 {
		next = append(next, "See the notes of the failed streams. What was read is safe; the next run continues from there.")
	}
	if counts["unfinished"] > 0 {
		next = append(next, "Start again with the last state: the next run continues where this one ended.")
	}
	return sentence, next
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
