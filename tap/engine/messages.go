package engine

import (
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/gone"
	"github.com/tap-greenhouse/tap-greenhouse/tap/progress"
)

// message is something for the writer: one of the types below.
type message interface{ write(w *writer) }

// started means that a stream's turn has come.
type started struct{ stream *stream }

// batch is a page.
type batch struct {
	task    *task
	records [][]byte
	frame   [2][]byte     // the text before and after each record
	schema  schema        // the shape that the records fit
	step    progress.Step // what the page means for the read; nil for nothing
	allRows bool          // the records are all rows of the stream
	entry   uint64        // the entry of its rows in the ledger; 0 for none
	done    chan struct{} // closed when the records are no longer needed
}

// restarted means that a piece begins again.
type restarted struct{ task *task }

// estimated is the expected number of records of a stream.
type estimated struct {
	stream  *stream
	records int
}

// waiting means that the budget is used up until a time.
type waiting struct{ until time.Time }

// leftAlone means that a stream is not read in this run.
type leftAlone struct{ stream *stream }

// failed means that a stream cannot be read, or swept, any further.
type failed struct {
	stream *stream
	err    error
}

// vanished are rows that Greenhouse no longer has.
type vanished struct {
	stream   *stream
	ids      []int64
	at       time.Time // when that was found out, by the server's clock
	entry    uint64    // of the ledger's entry
	reported chan bool // receives whether they could be reported
}

// compared is the end of a stream's sweep.
type compared struct {
	stream *stream
	found  gone.Found
}

// proven is whether the user may see anything.
type proven struct {
	stream *stream // the last one that was read
	err    error   // why not, or what ended the run
}

func (m started) write(w *writer) {
	out := &m.stream.out
	if out.started {
		return
	}
	out.started = true
	m.stream.report.status(tap.Unfinished, nil)
	w.active = append(w.active, m.stream.query.Stream)
	w.say(tap.Started{Stream: m.stream.query.Stream})
}

func (m estimated) write(w *writer) {
	w.say(tap.Estimate{Stream: m.stream.query.Stream, Records: int64(m.records)})
}

func (m waiting) write(w *writer) {
	if time.Now().Before(m.until) {
		w.say(tap.Waiting{Streams: w.active, Until: m.until})
	}
}

func (m restarted) write(w *writer) {
	m.task.stream.read.Wrote(progress.Restart{Piece: *m.task.piece})
	w.changed(m.task.stream)
}

func (m vanished) write(w *writer) {
	w.prove(w.signals.row.Load())
	st := m.stream
	if w.err != nil || !w.proven || !st.read.Bookmark().Whole {
		m.reported <- false // loaders delete rows that were not written under the version
		return
	}
	deleted := w.voice.Append(nil,
		tap.Deleted{Query: st.query, Version: st.version(), IDs: m.ids, At: m.at})
	if len(deleted) == 0 {
		w.Log.Warn("rows are gone, and the catalog lacks the column that says so: refresh the schema of the source in the connection",
			"stream", st.query.Stream.Name, "rows", len(m.ids))
		m.reported <- false
		return
	}
	if w.dirty {
		w.writeState() // it says that all rows were
	}
	if st.out.records == 0 {
		w.say(tap.Running{Stream: st.query.Stream})
	}
	w.buf = append(w.buf, deleted...)
	w.flush()
	if w.err != nil {
		m.reported <- false
		return
	}
	st.ledger.Wrote(m.entry)
	w.wrote(st, len(m.ids))
	w.due = w.due || st.ledger.Slow()
	w.changed(st)
	m.reported <- true
}
