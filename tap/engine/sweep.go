package engine

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/gone"
	"github.com/tap-greenhouse/tap-greenhouse/tap/progress"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// sweep compares a stream's list with what was delivered.
func (w *worker) sweep(ctx context.Context) error {
	st := w.stream
	world := &world{worker: w, fields: slices.Clone(st.query.Stream.Key)}
	if st.query.Stream.Bookmark != "" {
		world.fields = append(world.fields, st.query.Stream.Bookmark)
	}
	found, err := st.ledger.Sweep(ctx, world, w.sweepOf(st))
	var many *gone.TooManyError
	switch {
	case errors.As(err, &many):
		name := st.query.Stream.Name
		return tap.Errorf(tap.Refused, "finding deleted rows of "+name,
			"%w, more than deletes.max_share allows: none is reported", err).
			WithHint("check whether the user lost permissions; if the rows are really gone, run once with --accept-deletes %s", name)
	case err != nil:
		return storage("keeping the ids of "+st.query.Stream.Name, err)
	case world.stopped:
		return nil // the run is over: the next one continues
	}
	return w.send(ctx, compared{st, found})
}

// older returns a function that reports whether a row that was never delivered is left out on
// purpose.
func older(start time.Time) func(record.Row) bool {
	return func(row record.Row) bool {
		return !start.IsZero() && row.Mark != 0 && row.Mark < start.UnixMilli()
	}
}

// world is what a sweep of a stream asks for rows, and reports them to.
type world struct {
	*worker
	fields  []string // of listings; nil if the API refused them
	circle  tap.Circle
	stopped bool
}

// List implements [gone.World].
func (w *world) List(ctx context.Context, pass int, cursor string) (rows []record.Row,
	next string, asked time.Time, err error,
) {
	st := w.stream
	opts := st.options
	opts.NullUnfit = true // only keys and times matter
	splitter := record.NewSplitter(st.base.WithUnknown(record.Drop, false), opts)
	for {
		req := tap.Request{
			Stream: st.query.Stream, Params: st.query.Stream.ReadParams()[pass], Fields: w.fields,
			Cursor: cursor,
		}
		err = w.Source.Read(ctx, req, func(page tap.Page) error {
			res, err := splitter.Split(page.Body)
			if err != nil {
				return err
			}
			w.signals.saw(&res, time.Time{})
			st.report.page(len(page.Body), 0)
			rows, next, asked = slices.Clone(res.IDs), page.Next, page.Asked
			return nil
		})
		switch {
		case tap.KindOf(err) == tap.Unprocessable && w.fields != nil:
			w.fields = nil
			continue
		case tap.KindOf(err) == tap.CursorExpired && cursor != "" && w.restarts < maxRestarts:
			w.restarts++
			w.circle, err = tap.Circle{}, gone.ErrExpired
		case err == nil:
			if next == "" {
				w.circle = tap.Circle{}
			}
			err = w.circle.Next(st.query.Stream.Name, next)
		}
		return rows, next, asked, err
	}
}

// Ask implements [gone.World]. A row may move from one pass to another that was asked before, so
// what no pass has is asked for once more.
func (w *world) Ask(ctx context.Context, ids []int64) (living []int64, err error) {
	passes := len(w.stream.query.Stream.ReadParams())
	for n := range 2*passes - 1 {
		missing := ids
		if n >= passes {
			missing = slices.DeleteFunc(slices.Clone(ids),
				func(id int64) bool { return slices.Contains(living, id) })
		}
		if len(missing) == 0 {
			break
		}
		found, err := w.askPass(ctx, n%passes, missing)
		if err != nil {
			return nil, err
		}
		living = append(living, found...)
	}
	return living, nil
}

// askPass reads rows of one pass by their ids.
func (w *world) askPass(ctx context.Context, pass int, ids []int64) (found []int64, err error) {
	t := &task{stream: w.stream, piece: &tap.Piece{Pass: pass}}
	w.without(t, time.UnixMilli(math.MaxInt32*1000), w.stream.ledger.Delivered)
	for {
		req := w.stream.request(t)
		req.IDs = ids
		err := w.ask(ctx, t, req, func(page tap.Page, res *record.Result) (progress.Step, error) {
			if page.Next != "" {
				return nil, tap.Errorf(tap.Refused, "finding deleted rows of "+req.Stream.Name,
					"the answer to %d ids has more than one page", len(ids))
			}
			found = found[:0]
			for _, row := range res.IDs {
				found = append(found, row.ID)
			}
			//nolint:nilnil // rows that are read by their ids do not move the bookmark
			return nil, nil
		})
		if !errors.Is(err, errReduced) {
			return found, err
		}
	}
}

// Report implements [gone.World].
func (w *world) Report(ctx context.Context, ids []int64, number uint64) (reported bool, err error) {
	m := vanished{
		stream: w.stream, ids: ids, at: w.now(), entry: number, reported: make(chan bool, 1),
	}
	if err := w.send(ctx, m); err != nil {
		return false, err
	}
	select {
	case reported = <-m.reported:
		return reported, nil
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
}

// Over implements [gone.World].
func (w *world) Over() bool {
	w.stopped = w.stopped || w.over.Load()
	return w.stopped
}

// Proven implements [gone.World]. Other lists may have had a row in this run; if none had, one
// request finds out.
func (w *world) Proven(ctx context.Context) bool {
	if !w.signals.row.Load() && w.Proof != nil {
		if err := w.askForRow(ctx); err != nil {
			w.Log.Debug("nobody knows whether the user may see any row: "+err.Error(),
				"stream", w.Proof.Name)
		}
	}
	return w.signals.row.Load()
}
