package tap

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// maxRestarts is how often a piece is restarted because its cursor expired, before its stream
// fails.
const maxRestarts = 10

// maxLearns is how often one page may widen the shape. Once is enough for any page; more often
// means that learning and checking disagree.
const maxLearns = 4

// reader reads one piece.
type reader struct {
	*syncer
	task     *task
	splitter *record.Splitter
	page     []byte // a transformed page
	restarts int
}

// errReduced means that the API refused an optional part of a request, and the request should be
// repeated without it.
var errReduced = errors.New("the request is repeated without what was refused")

// request returns the request for the start of the piece.
func (r *reader) request(p *Piece) Request {
	run := r.task.run
	run.mu.Lock()
	refused := run.refused
	run.mu.Unlock()
	req := Request{
		Stream: run.sel.Stream, Params: run.sel.Stream.passes()[p.Pass], From: p.From,
		Before: p.Before, Fields: run.sel.Fields,
	}
	if refused.fields {
		req.Fields = nil
	}
	if refused.before {
		req.Before = time.Time{}
	}
	if refused.from {
		req.From = time.Time{}
	}
	if r.Sample {
		req.PerPage = 1
	}
	return req
}

// first reads the first page of the task's piece.
func (r *reader) first(ctx context.Context) (head, error) {
	t := r.task
	for {
		req := r.request(t.piece)
		onePage := t.run.onePage()
		if r.splitter.Since(""); onePage && !req.From.IsZero() {
			r.splitter.Since(FormatTime(req.From))
			req.From = time.Time{} // it costs the same single request, and shows what is gone
		}
		h, err := r.read(ctx, req, func(page Page, rows int, _ head) (*step, error) {
			if onePage && page.Next != "" {
				t.run.growPage() // it no longer fits on a page: ask only for what is new
				return nil, errReduced
			}
			if rows == 0 && page.Next == "" && req.From.IsZero() && req.Stream.NeverEmpty {
				return nil, NoRights("reading list "+req.Stream.Name, r.User)
			}
			t.run.asked(page.Asked, page.Next != "")
			if t.run.late.After(page.Asked.Add(time.Hour)) {
				r.Log.Warn("the bookmark is in the future: nothing is new until then", "stream",
					req.Stream.Name, "bookmark", FormatTime(t.run.late))
			}
			return &step{begin: true, piece: *t.piece, asked: page.Asked, next: page.Next}, nil
		})
		if !errors.Is(err, errReduced) {
			return h, err
		}
	}
}

// cut cuts the task's piece as long as it is worth it. Newer parts go to other workers; the oldest
// part stays with the task.
func (r *reader) cut(ctx context.Context) error {
	t := r.task
	t.run.mu.Lock()
	follows := t.run.follows
	t.run.mu.Unlock()
	if t.run.sel.Stream.Bookmark == "" || follows {
		// what follows a full table is not cut: rows that change meanwhile would need yet another
		// read
		return nil
	}
	for wide := t.head; ; {
		at, ok := wide.split(t.piece, r.oldestRow())
		if !ok {
			return nil
		}
		req := r.request(t.piece)
		if req.From != t.piece.From || req.Before != t.piece.Before {
			return nil // a bound was refused: the list cannot be cut
		}
		req.Before = at
		if t.run.track != nil {
			t.run.track.unlist()
		}
		cut := false
		older, err := r.read(ctx, req, func(_ Page, _ int, older head) (*step, error) {
			if cut = t.head.confirms(older) || wide.confirms(older); !cut {
				//nolint:nilnil // the page is read again in its place: it moves nothing
				return nil, nil
			}
			t.run.mu.Lock()
			t.run.cut = true
			t.run.mu.Unlock()
			return &step{piece: *t.piece, cut: at, next: older.next}, nil
		})
		switch {
		case errors.Is(err, errReduced):
			return nil
		case err != nil:
			return err
		}
		if cut {
			newer, rest := t.piece.cut(at, older.next)
			t.run.mu.Lock()
			t.run.open++
			t.run.mu.Unlock()
			r.queue.push(&task{
				run: t.run, piece: newer, stage: longLists, waits: t.waits,
				weight: t.weight,
			})
			t.piece, t.cursor, t.head, wide = rest, older.next, older, older
			continue
		}
		if older.next == "" || older.span() <= wide.span() {
			return nil
		}
		// The first page was a burst: older rows come slower, so a piece of this size would be
		// nearly empty.
		wide.bottom = wide.top.Add(-older.span())
	}
}

// walk reads the task's piece from its cursor, to its end or for a number of pages; 0 for no limit.
// It reports whether it reached the end.
func (r *reader) walk(ctx context.Context, pages int) (done bool, err error) {
	t := r.task
	for n := 0; pages == 0 || n < pages; {
		if t.run.failed() {
			return true, nil
		}
		if r.over.Load() {
			return false, nil
		}
		req := r.request(t.piece)
		req.Cursor = t.cursor
		h, err := r.read(ctx, req, func(page Page, _ int, _ head) (*step, error) {
			return &step{piece: *t.piece, next: page.Next}, nil
		})
		switch {
		case errors.Is(err, errReduced):
		case KindOf(err) == CursorExpired && t.cursor != "" && r.restarts < maxRestarts:
			r.restarts++
			r.Log.Warn("the cursor expired: the piece is read again", "stream",
				t.run.sel.Stream.Name)
			t.cursor = ""
			if err := r.send(ctx, item{
				run:  t.run,
				step: &step{restart: true, piece: *t.piece},
			}); err != nil {
				return false, err
			}
		case err != nil:
			return false, err
		case h.next == "":
			return true, nil
		default:
			t.cursor = h.next
			n++
		}
	}
	return false, nil
}

// read reads one page and passes its records to the output, with the step of the bookmark that
// follows once they are written. It returns when they are, so a slow loader slows down the reading,
// and memory holds no more pages than are read at the same time.
func (r *reader) read(ctx context.Context, req Request,
	mean func(page Page, rows int, h head) (*step, error),
) (head, error) {
	var h head
	run := r.task.run
	run.mu.Lock()
	if run.first.IsZero() {
		run.first = time.Now()
	}
	run.mu.Unlock()
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
		step, err := mean(page, res.Rows, h)
		if err != nil {
			return err
		}
		r.syncer.read.Store(true)
		if res.Rows > 0 {
			r.proven.Store(true)
		}
		if req.Stream.Bookmark != "" {
			r.sawRow(h.bottom)
		}
		if mark := req.Stream.Anonymized; mark != "" && r.Deletes != nil &&
			bytes.Contains(page.Body, []byte(mark)) {
			r.hurry.Store(true)
		}
		if run.track != nil {
			run.note(r.task.piece, req, res.IDs, page.Asked)
			if err := run.track.writing(ctx, r.Deletes.Ledger, req.Stream.Name,
				res.IDs); err != nil {
				return err
			}
		}
		if r.Enricher != nil {
			if res.Records, err = r.Enricher.Enrich(ctx, run.sel, known.shape,
				res.Records); err != nil {
				return err
			}
		}
		run.mu.Lock()
		run.pages++
		run.records += len(res.Records)
		run.bytes += int64(len(page.Body))
		run.odd += res.Messages
		for _, column := range res.Nulled {
			if run.nulled == nil {
				run.nulled = map[string]bool{}
			}
			if !run.nulled[column] {
				run.nulled[column] = true
				r.Log.Warn("a value was replaced by null: its type does not fit its column",
					"stream", req.Stream.Name, "column", column)
			}
		}
		pages := run.pages
		run.mu.Unlock()
		it := item{run: run, records: res.Records, known: known, proven: r.proven.Load()}
		it.whole = res.Rows == len(res.Records) && req.Cursor == "" && page.Next == "" &&
			req.From.IsZero() && req.Before.IsZero() && len(run.sel.Stream.Passes) == 0 && !r.Sample
		it.frame[0], it.frame[1] = r.Voice.Frame(run.sel, page.Asked)
		if step != nil && !r.Sample {
			step.pages = pages
			it.step = step
		}
		r.Log.Debug("page", "stream", run.sel.Stream.Name, "records", len(res.Records), "more",
			h.next != "")
		written := make(chan struct{})
		it.written = func() { close(written) }
		if err := r.send(ctx, it); err != nil {
			return err
		}
		<-written
		run.mu.Lock()
		run.last = time.Now()
		run.mu.Unlock()
		return nil
	})
	if KindOf(err) == Unprocessable {
		if what, ok := run.reduce(req, ParamsOf(err)); ok {
			r.Log.Warn("the API refused "+what+": the stream is read without it", "stream",
				req.Stream.Name, "reason", Cause(err))
			return h, errReduced
		}
	}
	return h, err
}

// split turns a page into records, and learns what the shape does not admit.
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
	for n := 0; ; n++ {
		now := run.current()
		r.splitter.Use(now.shape)
		res, err := r.splitter.Split(body)
		if !errors.Is(err, record.ErrDrift) {
			return res, now, err
		}
		if n == maxLearns {
			return res, known{}, Errorf(Fault, "reading list "+run.sel.Stream.Name,
				"cannot learn the columns of a page")
		}
		if err := run.learn(r.splitter.Page(), now.shape, r.Log); err != nil {
			return res, known{}, err
		}
	}
}

// parseJSONTime reads the time in a record; zero if there is none.
func parseJSONTime(v []byte) time.Time {
	if len(v) < 2 || v[0] != '"' {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, string(v[1:len(v)-1]))
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}
