package engine

import (
	"fmt"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// writeLog writes the log of the run, and a state that follows it: a row for each stream, however
// it ended. cause is why the run ended early.
func (w *writer) writeLog(cause error) {
	st := w.syncLog
	started{st}.write(w)
	records, err := w.logRecords(st, cause)
	if err == nil {
		w.announce(st, st.current())
		if len(records) > 0 {
			w.say(tap.Running{Stream: st.query.Stream})
		}
		prefix, suffix := w.voice.Frame(st.query, 0, w.now())
		for _, r := range records {
			w.buf = append(append(append(w.buf, prefix...), r...), suffix...)
		}
		w.flush()
		w.wrote(st, len(records))
	}
	w.dirty = true
	if !w.sayEnd(st, err) {
		return
	}
	if err != nil {
		st.report.status(tap.Failed, err)
		w.Log.Error(err.Error(), "stream", st.query.Stream.Name)
		return
	}
	st.report.status(tap.Complete, nil)
}

// logRecords returns the rows of the log, as its query wants them.
func (w *writer) logRecords(st *stream, cause error) ([][]byte, error) {
	if st.query.Err != nil {
		return nil, st.query.Err
	}
	now := time.Now().UTC()
	rows := make([]tap.LogRow, len(w.streams))
	for i, other := range w.streams {
		rows[i] = w.reportForLog(other).LogOf(w.ID, w.Version, w.state.Organization, now, cause)
	}
	if w.Sample {
		rows = rows[:min(1, len(rows))]
	}
	page, err := tap.AppendLog(nil, rows)
	if err != nil {
		return nil, fmt.Errorf("making the log of the run: %w", err)
	}
	res, err := record.NewSplitter(st.current().shape, st.options).Split(page)
	if err != nil {
		return nil, fmt.Errorf("making the log of the run: %w", err)
	}
	return res.Records, nil
}

// reportForLog is the report of a stream, with what else the log says of it.
func (w *writer) reportForLog(st *stream) *tap.StreamReport {
	r := st.report.snapshot()
	if w.UsedBy != nil {
		r.Requests, r.Retries = w.UsedBy(r.Stream)
	}
	if r.CompleteUntil.IsZero() {
		r.CompleteUntil = st.bookmark.Last()
	}
	return &r
}
