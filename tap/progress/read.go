// Package progress keeps what is left to read of a stream, and what of it has been written. It is a
// pure machine: no lock, clock, goroutine or I/O. The caller writes records first and then says so
// with [Read.Wrote]; [Read.Bookmark] is right at any moment. docs/state.md argues why no order of
// events loses a row.
package progress

import (
	"slices"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// Options are what a read needs to know of the query and of the run.
type Options struct {
	// Fingerprint is that of the request: an unfinished read is continued only with the same one.
	Fingerprint string
	// Passes is the number of passes that make up the list.
	Passes int
	// Full means that the whole table is read, whatever the bookmark says.
	Full bool
	// Timed means that the list can be asked for what changed since a time.
	Timed bool
	// Resumable means that an unfinished read may be continued by a later run.
	Resumable bool
	// Lookback is how far a bookmark is moved back.
	Lookback time.Duration
	// StartDate is the time before which changes are left out; zero for none.
	StartDate time.Time
	// ReadAs and Policy are fingerprints of who reads, and how personal data is treated.
	ReadAs, Policy string
	// Version is the version of the records; 0 without deletes.
	Version int64
	// Anew reads the list from the start, whatever the bookmark says.
	Anew bool
	// Untrusted means that nobody knows which rows were delivered under Version.
	Untrusted bool
}

// Phase is what a read is doing.
type Phase uint8

const (
	// Reading reads the list, or what changed since the bookmark.
	Reading Phase = iota
	// Following reads what changed since a full table began that was read in parts: its rows may
	// have moved between the parts.
	Following
	// Complete has nothing left to read.
	Complete
)

// Read is what is left to read of a stream, and what of it has been written. One goroutine owns it.
type Read struct {
	opts     Options
	bookmark tap.Bookmark // without its progress
	phase    Phase
	// began is when the first page was asked for, by the server's clock; zero before it is written.
	began time.Time
	// inherited means that an earlier run began this read, so that rows changed meanwhile.
	inherited bool
	// inParts means that the list is read in parts, by time or by pass.
	inParts bool
	// whole means that it reads all rows that were ever delivered, so that all of them get the
	// version.
	whole  bool
	loaded bool        // an earlier run has written rows
	pieces []tap.Piece // what is not complete
}

// Begin continues the unfinished read of a bookmark, or begins one.
func Begin(b tap.Bookmark, opts Options) *Read {
	if over(b) {
		b.Progress = nil
	}
	r := &Read{opts: opts, bookmark: b, loaded: Loaded(b)}
	r.bookmark.Progress = nil
	versioned := opts.Version == 0 || b.Version == opts.Version && !opts.Untrusted
	p := b.Progress
	if p != nil && p.Query == opts.Fingerprint && opts.Timed && opts.Resumable && versioned &&
		!opts.Anew {
		r.began, r.inParts, r.inherited, r.whole = p.Began, p.InParts, true, !b.Whole
		for _, piece := range p.Pieces {
			r.pieces = append(r.pieces, *piece)
		}
		return r
	}
	if opts.Untrusted || b.Version != opts.Version {
		r.bookmark.Whole = false
	}
	r.whole = opts.Version != 0 && !r.bookmark.Whole
	r.list(r.from(b))
	return r
}

// from returns the lower bound of a new read.
func (r *Read) from(b tap.Bookmark) time.Time {
	switch {
	case !r.opts.Timed:
		return time.Time{}
	case r.whole && r.loaded:
		// Rows without this version go when it is activated, so none may be left out that an
		// earlier start date let in.
		return earlier(b.Start, r.opts.StartDate)
	case r.opts.Full || b.Until.IsZero() || r.opts.Anew:
		return r.opts.StartDate
	}
	return later(r.opts.StartDate, b.Until.Add(-r.opts.Lookback))
}

// Loaded reports whether a state knows of any row of a stream.
func Loaded(b tap.Bookmark) bool {
	return !b.Until.IsZero() || !b.Complete.IsZero() || b.Progress != nil
}

// over reports whether the unfinished read of a bookmark is over: platforms that merge states
// member by member may have kept it.
func over(b tap.Bookmark) bool {
	return b.Progress != nil && !b.Progress.Began.Truncate(time.Millisecond).After(b.Last())
}

// list begins to read the list from a time, in all passes.
func (r *Read) list(from time.Time) {
	r.began, r.inherited, r.inParts, r.pieces = time.Time{}, false, false, nil
	for pass := range r.opts.Passes {
		r.pieces = append(r.pieces, tap.Piece{Pass: pass, From: from})
	}
}

// Open returns the pieces that are not complete.
func (r *Read) Open() []tap.Piece { return slices.Clone(r.pieces) }

// Phase returns what the read is doing.
func (r *Read) Phase() Phase { return r.phase }

// Inherited reports whether an earlier run began what is being read.
func (r *Read) Inherited() bool { return r.inherited }

// Step is something that was written, or that happened to a piece: a [Page], a [Cut] or a
// [Restart].
type Step interface {
	apply(r *Read) (more []tap.Piece)
}

// Page is a page whose records were written.
type Page struct {
	Piece tap.Piece
	// First is true for the first page of a pass that begins now, and Asked when it was requested,
	// by the server's clock.
	First bool
	Asked time.Time
	// Next is the cursor of the next page; empty at the end of the piece.
	Next string
	// Pages is the number of pages of the stream so far.
	Pages int
}

// Cut is a piece that was cut at a time. The first page of its older part was written, which
// continues at Next.
type Cut struct {
	Piece tap.Piece
	At    time.Time
	Next  string
}

// Restart is a piece that begins again, since its cursor expired.
type Restart struct{ Piece tap.Piece }

// Wrote makes a step. It returns pieces that may be read now, beside those that were already known:
// the newer part of a piece that was cut, or what follows when all pieces are complete. If there is
// nothing left, the phase is Complete.
func (r *Read) Wrote(s Step) (more []tap.Piece) {
	more = s.apply(r)
	if len(r.pieces) > 0 || r.phase == Complete {
		return more
	}
	r.finish()
	return r.Open()
}

func (p Page) apply(r *Read) []tap.Piece {
	if p.First {
		r.begin(p)
	}
	i := r.find(p.Piece)
	switch {
	case i < 0:
	case p.Next != "":
		r.pieces[i].Cursor = p.Next
	default:
		r.pieces = slices.Delete(r.pieces, i, i+1)
	}
	if p.Pages > 0 && len(r.pieces) == 0 {
		r.bookmark.Pages = p.Pages
	}
	return nil
}

// begin notes the first page of a pass.
func (r *Read) begin(p Page) {
	if r.phase == Following {
		return
	}
	if r.began.IsZero() {
		r.began = p.Asked
		r.bookmark.ReadAs, r.bookmark.Policy = r.opts.ReadAs, r.opts.Policy
		if r.bookmark.Version != r.opts.Version {
			r.bookmark.Version, r.bookmark.Whole = r.opts.Version, false
		}
		switch {
		case !r.loaded:
			r.bookmark.Start = p.Piece.From
		case r.bookmark.Until.IsZero() || r.whole || r.opts.Anew:
			r.bookmark.Start = earlier(r.bookmark.Start, p.Piece.From)
		}
	}
	r.began = earlier(r.began, p.Asked)
	// A list of several passes that goes on is read in parts.
	r.inParts = r.inParts || r.opts.Passes > 1 && p.Next != ""
}

func (c Cut) apply(r *Read) []tap.Piece {
	i := r.find(c.Piece)
	if i < 0 {
		return nil
	}
	newer := tap.Piece{Pass: c.Piece.Pass, From: c.At, Before: c.Piece.Before}
	rest := tap.Piece{Pass: c.Piece.Pass, From: c.Piece.From, Before: c.At, Cursor: c.Next}
	r.inParts = true
	r.pieces[i] = newer
	if c.Next != "" {
		r.pieces = append(r.pieces, rest)
	}
	return []tap.Piece{newer}
}

func (s Restart) apply(r *Read) []tap.Piece {
	if i := r.find(s.Piece); i >= 0 {
		r.pieces[i].Cursor = ""
	}
	return nil
}

// find returns the index of a piece, whatever its cursor; -1 if it is not open.
func (r *Read) find(piece tap.Piece) int {
	return slices.IndexFunc(r.pieces, func(o tap.Piece) bool { return o.Same(piece) })
}

// finish ends a phase whose last piece is complete. A read that an earlier run began, and a full
// table that was read in parts, are followed by what has changed since they began.
func (r *Read) finish() {
	if r.opts.Version != 0 && r.bookmark.Version == r.opts.Version && r.whole {
		r.bookmark.Whole = true
	}
	r.whole = false
	from := later(r.opts.StartDate, r.began.Add(-r.opts.Lookback))
	switch {
	case !r.opts.Full && r.inherited:
		r.bookmark.Until = r.began
		r.list(from)
	case !r.opts.Full:
		r.bookmark.Until = r.began
		r.phase = Complete
	case r.opts.Timed && (r.inParts || r.inherited):
		began := r.began
		r.list(from)
		r.began, r.phase = began, Following
	default:
		r.bookmark.Complete = r.began
		r.phase = Complete
	}
}

// Bookmark returns what a state may say now. A read that no later run may continue is left out.
func (r *Read) Bookmark() tap.Bookmark {
	b := r.bookmark
	if r.phase == Complete || r.began.IsZero() || !r.opts.Resumable {
		return b
	}
	b.Progress = &tap.Progress{Began: r.began, Query: r.opts.Fingerprint, InParts: r.inParts}
	for _, piece := range r.pieces {
		b.Progress.Pieces = append(b.Progress.Pieces, &piece)
	}
	return b
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
