package engine

import (
	"context"
	"errors"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/gone"
	"github.com/tap-greenhouse/tap-greenhouse/tap/progress"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// maxLearns is how often one page may widen the shape. Once is enough for any page; more often
// means that learning and checking disagree.
const maxLearns = 4

// errReduced means that the API refused an optional part of a request, and the request should be
// repeated without it, or that its page was too large.
var errReduced = errors.New("the request is repeated without what was refused")

// errRestart means that the piece should be read from its start.
var errRestart = errors.New("the piece is read again")

// ask reads a page of a task and hands it to the writer, with the step that it means for the
// stream's progress. It returns when the page is written, so a slow loader slows down the reading,
// and memory holds no more pages than are read at the same time.
func (w *worker) ask(ctx context.Context, t *task, req tap.Request,
	step func(page tap.Page, res *record.Result) (progress.Step, error),
) error {
	w.stream.report.asking()
	err := w.Source.Read(ctx, req, func(page tap.Page) error {
		if w.Sample {
			page.Next = ""
		}
		res, schema, err := w.records(page)
		if err != nil {
			return err
		}
		t.head = head{
			top: parseTime(res.First), bottom: parseTime(res.Last), next: page.Next,
			most: mostPages(res.Key, res.Rows),
		}
		means, err := step(page, &res)
		if err != nil {
			return err
		}
		b := batch{task: t, step: means, schema: schema}
		b.allRows = res.Rows == len(res.Records) && req.Cursor == "" && page.Next == "" &&
			req.From.IsZero() && req.Before.IsZero() && len(req.Stream.Passes) == 0 && !w.Sample
		return w.write(ctx, t, req, page, res, b)
	})
	return w.recover(t, req, err)
}

// recover returns what to do after an error of a request that may be repeated in another way, or
// the error.
func (w *worker) recover(t *task, req tap.Request, err error) error {
	name := req.Stream.Name
	switch tap.KindOf(err) {
	case tap.TooLarge:
		n, ok := w.stream.shrink(t.perPage)
		switch {
		case !ok:
			return err
		case req.Cursor != "":
			err = errRestart // a cursor keeps the size of its pages
		default:
			err = errReduced
		}
		w.Log.Warn("a page is too large: its piece is read again, with smaller pages", "stream",
			name, "records per page", n)
	case tap.CursorExpired:
		if req.Cursor == "" || w.restarts == maxRestarts {
			return err
		}
		w.restarts++
		w.Log.Warn("the cursor expired: the piece is read again", "stream", name)
		return errRestart
	case tap.Unprocessable:
		if what, ok := w.stream.reduce(req, tap.ParamsOf(err)); ok {
			w.Log.Warn("the API refused "+what+": the stream is read without it", "stream", name,
				"reason", tap.Cause(err))
			return errReduced
		}
	default: // nothing else would change
	}
	return err
}

// write takes note of a page's rows, completes its records, and waits until they are written.
func (w *worker) write(ctx context.Context, t *task, req tap.Request, page tap.Page,
	res record.Result, b batch,
) (err error) {
	bottom := t.head.bottom
	if req.Stream.Bookmark == "" {
		bottom = time.Time{}
	}
	w.signals.saw(&res, bottom)
	// The ids are known before their rows are written.
	if b.entry, err = w.note(ctx, t, req, page, res.IDs); err != nil {
		return err
	}
	if w.Enricher != nil {
		res.Records, err = w.Enricher.Enrich(ctx, w.stream.query, b.schema.shape, res.Records)
		if err != nil {
			return err
		}
	}
	pages := 0
	if req.IDs == nil {
		pages = w.stream.report.page(len(page.Body), res.Messages)
		w.stream.report.covered(t.piece, t.head, w.signals.oldestRow())
	}
	w.stream.warnNulled(res.Nulled, w.Log)
	for _, column := range w.stream.report.dropped(res.Dropped) {
		w.Log.Warn("a column was dropped because nobody has classified it: name it in privacy_columns to keep or drop it",
			"stream", req.Stream.Name, "column", column)
	}
	for _, v := range w.stream.report.unlisted(res.Unlisted) {
		w.Log.Info("a column has a value that is not among its known ones", "stream",
			req.Stream.Name, "column", v.Column, "value", v.Value)
	}
	if res.Rows > 0 {
		w.stream.report.absent(res.Absent)
	}
	if p, ok := b.step.(progress.Page); ok {
		p.Pages = pages
		b.step = p
	}
	b.records, b.done = res.Records, make(chan struct{})
	b.frame[0], b.frame[1] = w.Voice.Frame(w.stream.query, w.stream.version(), page.Asked)
	w.Log.Debug("page", "stream", req.Stream.Name, "records", len(res.Records), "more",
		page.Next != "")
	if err := w.send(ctx, b); err != nil {
		return err
	}
	<-b.done
	w.stream.report.pageWritten()
	return nil
}

// note notes the rows of a page in the ledger.
func (w *worker) note(ctx context.Context, t *task, req tap.Request, page tap.Page,
	rows []record.Row,
) (number uint64, err error) {
	if w.stream.ledger == nil {
		return 0, nil
	}
	bounded := !req.From.IsZero() || !req.Before.IsZero()
	if req.Cursor != "" { // whose bounds are those of the first page
		bounded = !t.piece.From.IsZero() && !w.stream.fitsOnePage() || !t.piece.Before.IsZero()
	}
	number, err = w.stream.ledger.Note(ctx, gone.Page{
		Rows: rows, Pass: t.piece.Pass, Next: page.Next, Asked: page.Asked,
		First: req.Cursor == "", Without: t.without,
		Partial: !t.listing || bounded || req.IDs != nil,
	})
	if err != nil {
		return 0, storage("keeping the ids of "+req.Stream.Name, err)
	}
	return number, nil
}

// records splits a page, and learns what the shape does not admit.
func (w *worker) records(page tap.Page) (record.Result, schema, error) {
	st := w.stream
	body := page.Body
	if f := st.query.Transform; f != nil {
		var err error
		if w.transformed, err = f(w.transformed[:0], body); err != nil {
			return record.Result{}, schema{}, err
		}
		body = w.transformed
	}
	for n := 0; ; n++ {
		now := st.current()
		w.splitter.Use(now.shape)
		res, err := w.splitter.Split(body)
		if !errors.Is(err, record.ErrDrift) {
			return res, now, err
		}
		if n == maxLearns {
			return res, schema{}, tap.Errorf(tap.Fault, "reading list "+st.query.Stream.Name,
				"cannot learn the columns of a page")
		}
		if err := w.learn(w.splitter.Page(), now.shape); err != nil {
			return res, schema{}, err
		}
	}
}

// parseTime reads the time in a record; zero if there is none.
func parseTime(v []byte) time.Time {
	if len(v) < 2 || v[0] != '"' {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, string(v[1:len(v)-1]))
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// prove asks for a row of a list that has rows in every account.
func (w *worker) prove(ctx context.Context) error {
	err := w.askForRow(ctx)
	switch {
	case err != nil:
		w.Log.Info("no list had a row, and the tap cannot tell whether the user may see any: "+
			err.Error(), "stream", w.Proof.Name)
	case !w.signals.row.Load():
		return tap.NoRights("reading list "+w.Proof.Name, w.User)
	}
	return nil
}

// askForRow asks a list that has rows in every account for one. That it came, nobody has to ask for
// again in this run.
func (w *worker) askForRow(ctx context.Context) error {
	shape, err := w.Proof.Shape()
	if err != nil {
		return err
	}
	splitter := record.NewSplitter(shape, record.Options{})
	req := tap.Request{Stream: w.Proof, Params: w.Proof.ReadParams()[0], PerPage: 1}
	return w.Source.Read(ctx, req, func(page tap.Page) error {
		res, err := splitter.Split(page.Body)
		if errors.Is(err, record.ErrDrift) || err == nil && len(res.Records) > 0 {
			w.signals.row.Store(true)
			return nil
		}
		return err
	})
}
