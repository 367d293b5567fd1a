package engine

import (
	"context"
	"errors"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/progress"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// maxRestarts is how often a piece is restarted because its cursor expired, before its stream
// fails.
const maxRestarts = 10

// worker does one task.
type worker struct {
	*run
	stream      *stream
	splitter    *record.Splitter
	transformed []byte // a transformed page
	restarts    int
}

// do does a task. An error is that of its stream, or of the whole run.
func (w *worker) do(ctx context.Context, t *task) {
	if w.stream.ended.Load() {
		return
	}
	w.splitter = record.NewSplitter(w.stream.base, w.stream.options)
	var err error
	switch {
	case t.stage == proofs:
		err = w.send(ctx, proven{w.stream, w.prove(ctx)})
	case t.stage == sweeps:
		err = w.sweep(ctx)
	case t.piece == nil:
		err = w.open(ctx, t)
	default:
		err = w.read(ctx, t)
	}
	if err != nil {
		w.fail(ctx, err)
	}
}

// endsRun reports whether an error is not about a single stream.
func endsRun(err error) bool {
	switch tap.KindOf(err) {
	case tap.Credentials, tap.SignIn, tap.BadInput, tap.Rights, tap.Unreachable:
		return true
	default:
		return false
	}
}

// fail ends a stream with an error, or the whole run.
func (w *worker) fail(ctx context.Context, err error) {
	switch {
	case context.Cause(ctx) != nil: // the run is over, and says why
	case endsRun(err) && !errors.Is(err, w.stream.query.Err):
		w.cancel(err)
	default:
		_ = w.send(ctx, failed{w.stream, err}) // it fails only if the run is over
	}
}

// read reads a piece to its end, or one page of it if others come first.
func (w *worker) read(ctx context.Context, t *task) error {
	pages := 0
	switch t.stage {
	case firstPage:
		if err := w.first(ctx, t); err != nil || t.head.next == "" {
			return err
		}
		t.cursor = t.head.next
		t.weight = max(t.weight, t.head.pages(w.signals.oldestRow()))
		expected := w.stream.report.expect(int(t.head.expected(t, w.signals.oldestRow())))
		if err := w.send(ctx, estimated{w.stream, expected * tap.PageRows}); err != nil {
			return err
		}
		w.putBack(t)
		return nil
	case underWay:
		pages = 1
	case longLists, sweeps, proofs:
		if t.head.next != "" {
			if err := w.cut(ctx, t); err != nil {
				return err
			}
		}
	}
	done, err := w.walk(ctx, t, pages)
	if err == nil && !done && !w.over.Load() {
		w.putBack(t)
	}
	return err
}

// putBack puts a task back: the rest of it is a long list.
func (w *worker) putBack(t *task) {
	t.stage = longLists
	w.queue.push(t)
}

// first reads the first page of a piece.
func (w *worker) first(ctx context.Context, t *task) error {
	for {
		req := w.stream.request(t)
		if w.Sample {
			req.PerPage = 1
		}
		onePage := w.stream.fitsOnePage()
		w.without(t, time.Time{}, nil)
		if onePage && !req.From.IsZero() {
			w.without(t, req.From, w.stream.ledger.UpToDate)
			req.From = time.Time{} // it costs the same single request, and shows what is gone
		}
		err := w.ask(ctx, t, req, func(page tap.Page, res *record.Result) (progress.Step, error) {
			if onePage && page.Next != "" {
				w.stream.fits(false) // it no longer fits on a page: ask only for what is new
				if err := w.stream.ledger.Outgrown(ctx); err != nil {
					return nil, storage("keeping the ids of "+req.Stream.Name, err)
				}
				return nil, errReduced
			}
			if res.Rows == 0 && page.Next == "" && req.From.IsZero() && req.Stream.NeverEmpty {
				return nil, tap.NoRights("reading list "+req.Stream.Name, w.User)
			}
			if w.stream.bookmark.Until.After(page.Asked.Add(time.Hour)) {
				w.Log.Warn("the bookmark is in the future: nothing is new until then", "stream",
					req.Stream.Name, "bookmark", tap.FormatTime(w.stream.bookmark.Until))
			}
			return progress.Page{
				Piece: *t.piece, First: true, Asked: page.Asked, Next: page.Next,
			}, nil
		})
		if !errors.Is(err, errReduced) {
			return err
		}
	}
}

// without leaves out rows of a task's pages that last changed before a time and that upToDate
// reports; nil for none.
func (w *worker) without(t *task, since time.Time, upToDate func(record.Row) bool) {
	if upToDate == nil {
		w.splitter.Since("", nil)
		t.without = nil
		return
	}
	w.splitter.Since(tap.FormatTime(since), upToDate)
	t.without = func(row record.Row) bool { return row.Mark < since.UnixMilli() && upToDate(row) }
}

// cut cuts a piece as long as it is worth it. Newer parts go to other workers; the oldest part
// stays with the task.
func (w *worker) cut(ctx context.Context, t *task) error {
	if w.stream.query.Stream.Bookmark == "" || t.following {
		// what follows a full table is not cut: rows that change meanwhile would need yet another
		// read
		return nil
	}
	for wide := t.head; ; {
		at, ok := wide.split(t.piece, w.signals.oldestRow())
		if !ok {
			return nil
		}
		req := w.stream.request(t)
		if req.From != t.piece.From || req.Before != t.piece.Before {
			return nil // a bound was refused: the list cannot be cut
		}
		req.Before = at
		first, cut := t.head, false
		err := w.ask(ctx, t, req, func(page tap.Page, _ *record.Result) (progress.Step, error) {
			if cut = first.confirms(t.head) || wide.confirms(t.head); !cut {
				//nolint:nilnil // the page is read again in its place: it moves nothing
				return nil, nil
			}
			return progress.Cut{Piece: *t.piece, At: at, Next: page.Next}, nil
		})
		older := t.head
		switch {
		case errors.Is(err, errReduced):
			t.head = first
			return nil
		case err != nil:
			return err
		}
		if cut {
			t.piece = &tap.Piece{
				Pass: t.piece.Pass, From: t.piece.From, Before: at, Cursor: older.next,
			}
			t.cursor, t.listing, t.circle, wide = older.next, false, tap.Circle{}, older
			continue
		}
		t.head = first
		if older.next == "" || older.span() <= wide.span() {
			return nil
		}
		// The first page was a burst: older rows come slower, so a piece of this size would be
		// nearly empty.
		wide.bottom = wide.top.Add(-older.span())
	}
}

// walk reads a piece from its cursor, to its end or for a number of pages; 0 for no limit. It
// reports whether it reached the end.
func (w *worker) walk(ctx context.Context, t *task, pages int) (done bool, err error) {
	for n := 0; pages == 0 || n < pages; {
		if w.stream.ended.Load() {
			return true, nil
		}
		if w.over.Load() {
			return false, nil
		}
		req := w.stream.request(t)
		req.Cursor = t.cursor
		err := w.ask(ctx, t, req, func(page tap.Page, _ *record.Result) (progress.Step, error) {
			return progress.Page{Piece: *t.piece, Next: page.Next}, nil
		})
		switch {
		case errors.Is(err, errReduced):
		case errors.Is(err, errRestart):
			t.cursor, t.circle = "", tap.Circle{}
			if err := w.send(ctx, restarted{t}); err != nil {
				return false, err
			}
		case err != nil:
			return false, err
		case t.head.next == "":
			return true, nil
		default:
			if err := t.circle.Next(w.stream.query.Stream.Name, t.head.next); err != nil {
				return false, err
			}
			t.cursor = t.head.next
			n++
		}
	}
	return false, nil
}
