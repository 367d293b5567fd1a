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
