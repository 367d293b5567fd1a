package engine

import (
	"context"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/gone"
	"github.com/tap-greenhouse/tap-greenhouse/tap/progress"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// open begins a stream whose turn has come.
func (w *worker) open(ctx context.Context, t *task) error {
	st := w.stream
	if w.isRecent(st) {
		return w.send(ctx, leftAlone{st})
	}
	// The stream has started, whether or not the budget lets it continue.
	if err := w.send(ctx, started{st}); err != nil {
		return err
	}
	if st.query.Err != nil {
		return st.query.Err
	}
	opts, err := w.readOptions(ctx)
	if err != nil {
		return err
	}
	read := progress.Begin(st.bookmark, opts)
	st.read = read
	inherited := read.Inherited()
	st.fits(st.ledger != nil && opts.Timed && !inherited && !opts.Anew && st.ledger.FitsOnePage() &&
		st.bookmark.Whole)
	var first *task
	for _, piece := range read.Open() {
		next := &task{
			stream: st, piece: &piece, cursor: piece.Cursor, stage: firstPage, waits: t.waits,
			weight: t.weight, listing: st.ledger != nil && !inherited,
		}
		if inherited {
			next.stage = underWay
		}
		if first == nil {
			first = next
			continue
		}
		w.queue.push(next)
	}
	return w.read(ctx, first)
}

// isRecent reports whether a stream is left alone because its last complete read is recent enough.
func (w *worker) isRecent(st *stream) bool {
	if w.Sample || w.anew(st) || w.Deletes != nil && w.Deletes.Verify {
		return false
	}
	if p := st.bookmark.Progress; p != nil && p.Query == st.query.Fingerprint() {
		return false
	}
	return w.schedule(st).Leaves(st.bookmark, w.now(), w.lastRun)
}

// schedule says when a stream may be left alone. Whether a full table brings anything new, nobody
// knows.
func (r *run) schedule(st *stream) progress.Schedule {
	if r.Schedule == nil {
		return progress.Schedule{}
	}
	schedule := r.Schedule(st.query.Stream.Name)
	if !st.query.Incremental() {
		schedule.MaxStaleness = 0
	}
	return schedule
}

func (w *worker) anew(st *stream) bool {
	return w.Sample || w.Refresh != nil && w.Refresh(st.query.Stream.Name)
}

// readOptions returns what the stream's progress needs to know, after loading its ledger.
func (w *worker) readOptions(ctx context.Context) (progress.Options, error) {
	st := w.stream
	opts := progress.Options{
		Fingerprint: st.query.Fingerprint(), Passes: len(st.query.Stream.ReadParams()),
		Full: !st.query.Incremental(), Timed: st.query.Stream.Bookmark != "",
		Resumable: st.query.Resumable() && !w.Sample, Lookback: w.Lookback, StartDate: w.StartDate,
		ReadAs: w.ReadAs, Policy: w.Policy, Anew: w.anew(st),
	}
	if w.Sample {
		opts.Passes = 1
	}
	if w.Sample || w.ReplacesTables && st.query.FullTable {
		return opts, nil
	}
	if w.Deletes == nil {
		// Rows without a version go when one is activated, should deletes be turned on again.
		st.keptVersion, opts.Version = st.bookmark.Version, st.bookmark.Version
		return opts, nil
	}
	opening := gone.Opening{
		Stream: st.query.Stream.Name, Nonce: w.Deletes.Nonce, Passes: opts.Passes, ReadAs: w.ReadAs,
		Token: gone.ParseToken(st.bookmark.Ledger), Version: st.bookmark.Version,
		Loaded: progress.Loaded(st.bookmark), Older: older(w.StartDate), Log: w.Log,
	}
	ledger, trusted, err := gone.Open(ctx, w.Deletes.Store, opening)
	if err != nil {
		return opts, storage("loading the ids of "+st.query.Stream.Name, err)
	}
	st.ledger, st.options.IDs = ledger, true
	w.splitter = record.NewSplitter(st.base, st.options)
	opts.Version, opts.Untrusted = ledger.Version(), !trusted
	return opts, nil
}

// storage is the error of a store of deletes.
func storage(op string, err error) error {
	if tap.KindOf(err) != tap.Fault {
		return err
	}
	return &tap.Error{
		Kind: tap.Storage, Op: op, Err: err,
		Hint: "check that deletes.store exists and is writable",
	}
}
