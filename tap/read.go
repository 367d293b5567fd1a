package tap

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// maxRestarts is how often a piece is begun anew because its cursor expired, before its stream fails.
const maxRestarts = 10

// reader reads one piece.
type reader struct {
	*syncer
	task     *task
	splitter *record.Splitter
	page     []byte // a transformed page
	restarts int
}

// request is the one that reads a piece from its start.
func (r *reader) request(p *Piece) Request {
	sel := r.task.run.sel
	req := Request{Stream: sel.Stream, Params: sel.Stream.passes()[p.Pass], From: p.From, Before: p.Before, Fields: sel.Fields}
	if r.Sample {
		req.PerPage = 1
	}
	return req
}

// first reads the first page of the task's piece, and notes that the stream is under way.
func (r *reader) first(ctx context.Context) (head, error) {
	t := r.task
	run := t.run
	return r.read(ctx, r.request(t.piece), func(page Page, _ head) func(*Bookmark) {
		if r.Sample {
			return func(*Bookmark) {}
		}
		return func(b *Bookmark) {
			if b.Progress == nil {
				b.Progress = &Progress{Began: page.Asked, Query: run.mark()}
				for pass := range run.sel.Stream.passes() {
					b.Progress.Pieces = append(b.Progress.Pieces, &Piece{Pass: pass, From: t.piece.From})
				}
			}
			if page.Asked.Before(b.Progress.Began) {
				b.Progress.Began = page.Asked
			}
			// The state's own piece of this pass becomes the task's, so that later pages move the same one along.
			for i, p := range b.Progress.Pieces {
				if p.Pass == t.piece.Pass {
					b.Progress.Pieces[i] = t.piece
				}
			}
			r.moved(b, t.piece, page.Next)
		}
	})
}

// moved notes in the state that the piece goes on at next, or is complete.
func (r *reader) moved(b *Bookmark, p *Piece, next string) {
	p.Cursor = next
	if next != "" || b.Progress == nil {
		return
	}
	pieces := b.Progress.Pieces[:0]
	for _, other := range b.Progress.Pieces {
		if other != p {
			pieces = append(pieces, other)
		}
	}
	b.Progress.Pieces = pieces
	if len(pieces) > 0 {
		return
	}
	run := r.task.run
	if run.sel.incremental() {
		run.mu.Lock()
		pages := run.pages
		run.mu.Unlock()
		b.complete(b.Progress.Began, pages)
	} else {
		b.Progress = nil
	}
}

// cut cuts the task's piece as long as it is worth it. What is newer is left to other workers; the oldest part stays with the task.
func (r *reader) cut(ctx context.Context) error {
	t := r.task
	if t.run.sel.Stream.Bookmark == "" {
		return nil
	}
	for wide := t.head; ; {
		at, ok := wide.split(t.piece, r.oldestRow())
		if !ok {
			return nil
		}
		req := r.request(t.piece)
		req.Before = at
		var newer, rest *Piece
		older, err := r.read(ctx, req, func(_ Page, older head) func(*Bookmark) {
			newer, rest = nil, nil
			if !t.head.confirms(older) && !wide.confirms(older) {
				return nil
			}
			whole := t.piece
			newer, rest = whole.cut(at, older)
			n, o := newer, rest
			return func(b *Bookmark) {
				for i, p := range b.Progress.Pieces {
					if p == whole {
						b.Progress.Pieces[i] = n
					}
				}
				b.Progress.Pieces = append(b.Progress.Pieces, o)
			}
		})
		if err != nil {
			return err
		}
		if newer != nil {
			t.run.mu.Lock()
			t.run.open++
			t.run.mu.Unlock()
			r.queue.push(&task{run: t.run, piece: newer, stage: longLists, weight: t.weight})
			t.piece, t.cursor, t.head, wide = rest, older.next, older, older
			continue
		}
		if older.next == "" || older.span() <= wide.span() {
			return nil
		}
		// The first page was a burst: rows come slower further back, so a piece of this size would be nearly empty.
		wide.bottom = wide.top.Add(-older.span())
	}
}

// walk reads the task's piece from its cursor to its end.
func (r *reader) walk(ctx context.Context) error {
	t := r.task
	for {
		if t.run.failed() {
			return nil
		}
		req := r.request(t.piece)
		req.Cursor = t.cursor
		piece := t.piece
		h, err := r.read(ctx, req, func(page Page, _ head) func(*Bookmark) {
			return func(b *Bookmark) { r.moved(b, piece, page.Next) }
		})
		switch {
		case KindOf(err) == CursorExpired && t.cursor != "" && r.restarts < maxRestarts:
			r.restarts++
			r.Log.Warn("the cursor expired: the piece is read again", "stream", t.run.sel.Stream.Name)
			t.cursor = ""
			if err := r.send(ctx, item{run: t.run, commit: func(*Bookmark) { piece.Cursor = "" }}); err != nil {
				return err
			}
		case err != nil:
			return err
		case h.next == "":
			return nil
		default:
			t.cursor = h.next
		}
	}
}

// read reads one page and hands its records to the output, with the commit that is made once they are written. It returns when they are: so a
// loader that reads slowly slows the reading down, and no more pages are held than are read at once.
func (r *reader) read(ctx context.Context, req Request, commit func(Page, head) func(*Bookmark)) (head, error) {
	var h head
	run := r.task.run
	err := r.Source.Read(ctx, req, func(page Page) error {
		h = head{next: page.Next}
		if r.Sample {
			h.next = ""
		}
		res, known, err := r.split(page)
		if err != nil {
			return err
		}
		h.top, h.bottom = parseJSONTime(res.First), parseJSONTime(res.Last)
		r.syncer.read.Store(true)
		if req.Stream.Bookmark != "" {
			r.sawRow(h.bottom)
		}
		run.mu.Lock()
		run.pages++
		run.records += len(res.Records)
		run.mu.Unlock()
		it := item{run: run, records: res.Records, shape: known.shape, version: known.version}
		it.whole = req.Cursor == "" && page.Next == "" && req.From.IsZero() && req.Before.IsZero() && len(run.sel.Stream.Passes) == 0 && !r.Sample
		it.frame[0], it.frame[1] = r.Voice.Frame(run.sel.Stream, page.Asked)
		if c := commit(page, h); c != nil && !r.Sample {
			it.commit = func(b *Bookmark) {
				c(b)
				if known.learnt != nil {
					b.Learnt = known.learnt
				}
			}
		}
		r.Log.Debug("page", "stream", run.sel.Stream.Name, "records", len(res.Records), "more", h.next != "")
		written := make(chan struct{})
		it.written = func() { close(written) }
		if err := r.send(ctx, it); err != nil {
			return err
		}
		<-written
		return nil
	})
	return h, err
}

// split turns a page into records, and learns from it what the shape does not admit.
func (r *reader) split(page Page) (record.Result, known, error) {
	run := r.task.run
	body := page.Body
	if f := run.sel.Transform; f != nil {
		var err error
		if r.page, err = f(r.page[:0], body); err != nil {
			return record.Result{}, known{}, err
		}
		body = r.page
	}
	for {
		now := run.current()
		r.splitter.Use(now.shape)
		res, err := r.splitter.Split(body)
		if !errors.Is(err, record.ErrDrift) {
			return res, now, err
		}
		if err := run.learn(body, now.shape, r.Log); err != nil {
			return res, known{}, err
		}
	}
}

// learn widens the run's shape by a page. Another goroutine may have been faster; then there is nothing to do but look again.
func (run *run) learn(page []byte, seen *record.Shape, log *slog.Logger) error {
	run.mu.Lock()
	defer run.mu.Unlock()
	if run.known.shape != seen {
		return nil
	}
	wider, columns, err := record.Learn(run.known.shape, page, run.options)
	if err != nil {
		return fmt.Errorf("learning new columns: %w", err)
	}
	for _, name := range columns {
		level, what := slog.LevelInfo, "a column came with a value of another type: its schema is widened"
		if run.known.shape.Column(name) == nil {
			what = "a new column: the schema has it from now on"
			if run.sel.NewColumns == Warn {
				level = slog.LevelWarn
			}
		}
		log.Log(context.Background(), level, what, "stream", run.sel.Stream.Name, "column", name)
	}
	run.known = known{shape: wider, version: run.known.version + 1, learnt: run.learnt(wider)}
	return nil
}

// parseJSONTime reads a time as it stands in a record; zero where it is none.
func parseJSONTime(v []byte) time.Time {
	if len(v) < 2 || v[0] != '"' {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, string(v[1:len(v)-1]))
	if err != nil {
		return time.Time{}
	}
	return t
}
