package engine

import (
	"context"
	"errors"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/progress"
)

// A page on its way to standard output: its records are written, and then the step that it means for
// the read is made.

// writeBytes is the size of a write. Signals are handled between two writes, even if the loader
// reads slowly.
const writeBytes = 32 << 10

func (m batch) write(w *writer) {
	defer close(m.done)
	st := m.task.stream
	if w.err != nil || st.ended.Load() {
		return
	}
	w.announce(st, m.schema)
	if m.allRows {
		w.say(tap.Estimate{Stream: st.query.Stream, Records: int64(len(m.records))})
	}
	if len(m.records) > 0 && st.out.records == 0 {
		w.say(tap.Running{Stream: st.query.Stream})
	}
	done := w.writeRecords(m)
	if w.err != nil {
		return
	}
	w.wrote(st, done)
	w.prove(w.signals.row.Load() || done > 0)
	if done < len(m.records) {
		return // the page is not whole: the next run reads it again
	}
	if m.entry > 0 {
		st.ledger.Wrote(m.entry)
		w.due = w.due || st.ledger.Slow()
		w.changed(st)
	}
	if m.schema.learnt != nil && m.schema.revision >= st.out.learntRevision {
		st.out.learnt, st.out.learntRevision = m.schema.learnt, m.schema.revision
	}
	if m.step != nil {
		w.advance(m)
	}
}

// announce says the shape of the records that follow, if it is new.
func (w *writer) announce(st *stream, k schema) {
	if k.shape != nil && (!st.out.announced || k.revision > st.out.revision) {
		st.out.announced, st.out.revision = true, k.revision
		w.say(tap.Schema{Query: st.query, Shape: k.shape})
	}
}

// writeRecords writes the records of a page, and returns how many it wrote before the run was over.
func (w *writer) writeRecords(m batch) (done int) {
	for _, record := range m.records {
		if len(w.buf) > 0 && len(w.buf)+len(record) > writeBytes {
			w.flush()
			if err := context.Cause(w.ctx); err != nil && !errors.Is(err, errOvertime) {
				break // a run that ends by itself has time to write its pages
			}
		}
		w.buf = append(append(append(w.buf, m.frame[0]...), record...), m.frame[1]...)
		done++
	}
	w.flush()
	return done
}

// wrote counts records.
func (w *writer) wrote(st *stream, records int) {
	st.out.records += records
	st.report.records(records)
	w.sinceLast += records
	if records > 0 {
		w.count(st, records)
	}
}

// advance makes the step of a page, and queues what may be read next.
func (w *writer) advance(m batch) {
	st := m.task.stream
	w.changed(st)
	_, cut := m.step.(progress.Cut)
	for _, piece := range st.read.Wrote(m.step) {
		t := &task{stream: st, piece: &piece, stage: firstPage, waits: m.task.waits}
		if cut {
			t.stage, t.weight = longLists, m.task.weight
		}
		t.following = st.read.Phase() == progress.Following
		w.queue.push(t)
	}
	w.checkRead(st)
}
