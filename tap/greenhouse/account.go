package greenhouse

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// account describes the run.
func (r *Run) account(sum *tap.Summary, err error, code int) *tap.Account {
	used := r.client.Usage()
	windows, waited, retries, limited := r.client.Account()
	a := &tap.Account{
		Version: r.opts.Version, Protocol: r.read.Protocol.name, Began: r.began.UTC(),
		Ended: time.Now().UTC(), ExitCode: code, Overtime: sum.Overtime, Next: []string{},
		Windows: windows,
		Requests: tap.RequestAccount{
			Lists: used.Requests, Tokens: used.Tokens, Bytes: used.Bytes,
			Waited: waited.Seconds(), Limited: limited,
		},
	}
	counts := map[string]int{}
	for _, o := range sum.Outcomes {
		s := tap.StreamAccount{
			Stream: o.Stream.Name, Status: o.Status(), Records: o.Records, Pages: o.Pages,
			Bytes: o.Bytes, Seconds: o.Took.Seconds(),
			Retries: retries(o.Stream.Name), Changes: o.Changes, Gone: o.Gone, Swept: o.Swept,
			NextSweep: o.NextSweep, NextRead: o.NextRead,
			Reading: o.Started && o.Status() == "unfinished", Expected: o.Expected,
		}
		if o.Err != nil {
			s.Reason = o.Err.Error()
		}
		if o.Skipped {
			s.Scope = o.Stream.Scope
			if other, err := r.columns.Err(); err != nil && errors.Is(o.Err, err) {
				s.Scope = other
			}
		}
		a.Requests.Retries += s.Retries
		counts[s.Status]++
		a.Streams = append(a.Streams, s)
	}
	a.Outcome, a.Next = outcome(sum, err, counts)
	return a
}

// Undelivered notes in the account of a run that ended well that its loader failed after it.
func Undelivered(a *tap.Account, err error) {
	if a.ExitCode == ExitOK {
		a.ExitCode = ExitIncomplete
	}
	sentence, next := failure(err)
	a.Outcome, a.Next = "The streams are read, but "+sentence, append(next, a.Next...)
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

// outcome returns one sentence on how a run ended, and what to do next.
func outcome(sum *tap.Summary, err error, counts map[string]int) (sentence string, next []string) {
	next = []string{}
	switch {
	case tap.KindOf(err) == tap.Interrupted:
		sentence = fmt.Sprintf("The run was stopped: %d of %d streams are complete.",
			counts["complete"], len(sum.Outcomes))
	case err != nil:
		sentence, next = failure(err)
		sentence = "The run failed: " + sentence
	case sum.Overtime:
		sentence = fmt.Sprintf("The run ended at max_run_time: %d of %d streams are complete.",
			counts["complete"], len(sum.Outcomes))
	case counts["failed"] > 0:
		sentence = fmt.Sprintf("%d of %d streams failed; the others are loaded.", counts["failed"],
			len(sum.Outcomes))
	default:
		sentence = fmt.Sprintf("%d streams are complete, with %d records.", counts["complete"],
			sum.Records())
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
