package tap

import (
	"context"
	"slices"
	"sync"
	"time"
)

// tracking is what is known of a stream's rows while it is read. Workers and the output's goroutine
// share it under a lock.
type tracking struct {
	mu    sync.Mutex
	known *Known
	dirty bool // there is something to save

	// the list fits on a page: it is requested without bounds, and the page is complete
	page    bool
	listed  map[int]*IDs // by pass: the ids of a complete read
	began   time.Time    // when that read began
	found   int          // rows reported as gone
	checked bool         // the listing of this run has been compared
}

// track loads what is known of a stream, and decides the version of its records. A stream that was
// loaded without a version is read whole once.
func (s *syncer) track(ctx context.Context, r *streamRun, b *Bookmark) error {
	if s.Deletes == nil || s.Sample || r.sel.Err != nil || r.sel.ReplacesTables && r.sel.FullTable {
		return nil
	}
	known, err := s.Deletes.Ledger.Load(ctx, r.sel.Stream.Name)
	if err != nil {
		return storage("loading the ids of "+r.sel.Stream.Name, err)
	}
	version := b.Version
	if version == 0 && known != nil && b.Until.IsZero() && b.Progress == nil &&
		b.Complete.IsZero() {
		version = known.Version // the state was lost: rows in the warehouse have this version
	}
	if version == 0 {
		version = s.now().UnixMilli()
	}
	if known == nil || known.Version != version {
		if known != nil {
			s.Log.Warn("the stored ids belong to another version of the stream: collecting them again", "stream", r.sel.Stream.Name)
		}
		known = &Known{Version: version, ReadAs: s.ReadAs}
	}
	if known.ReadAs != s.ReadAs {
		s.Log.Warn("the stored ids were read with another credential or user_id: rows that this one does not see are not reported as gone", "stream", r.sel.Stream.Name)
		known = &Known{Version: version, ReadAs: s.ReadAs}
	}
	r.sel.Version, r.reading.version = version, version
	r.track = &tracking{known: known, listed: map[int]*IDs{}}
	r.options.IDs = true
	if b.Version == 0 {
		// Rows that were loaded before have no version, and loaders delete those when a version is
		// activated.
		r.whole = true
		if !b.Until.IsZero() && (b.Start.IsZero() || b.Start.Before(s.StartDate)) {
			r.from = &b.Start
		}
		b.Until, b.Progress = time.Time{}, nil
	} else if r.reading.timed && !known.Swept.IsZero() &&
		known.Rows.Len()+known.Fresh.Len() <= pageRows && b.Progress == nil {
		r.track.page = true
	}
	return nil
}

func storage(op string, err error) error {
	if KindOf(err) != Fault {
		return err
	}
	return &Error{
		Kind: Storage, Op: op, Err: err,
		Hint: "check that deletes.store exists and is writable",
	}
}

// writing notes the ids of rows that are about to be written, and saves new ones first: a row in
// the warehouse with an unknown id could vanish unnoticed. A sweep under way does not compare them.
func (t *tracking) writing(ctx context.Context, l Ledger, stream string, ids []int64) error {
	t.mu.Lock()
	page := IDsOf(slices.Clone(ids))
	into := &t.known.Fresh
	if t.known.Sweep != nil {
		into = &t.known.Sweep.Since
	}
	page = page.Without(&t.known.Rows)
	page = page.Without(into)
	if page.Len() > 0 {
		*into = into.Add(&page)
		t.dirty = true
	}
	t.mu.Unlock()
	return t.save(ctx, l, stream)
}

// save saves what is known.
func (t *tracking) save(ctx context.Context, l Ledger, stream string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.dirty {
		return nil
	}
	if err := l.Save(ctx, stream, t.known); err != nil {
		return storage("keeping the ids of "+stream, err)
	}
	t.dirty = false
	return nil
}

// list notes the ids of a page that may belong to a complete listing.
func (t *tracking) list(pass int, ids []int64, first bool, asked time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.listed[pass] == nil || first {
		t.listed[pass] = &IDs{}
	}
	page := IDsOf(slices.Clone(ids))
	*t.listed[pass] = t.listed[pass].Add(&page)
	if t.began.IsZero() || asked.Before(t.began) {
		t.began = asked
	}
}

// unlist notes that a read is not a complete listing.
func (t *tracking) unlist() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.listed = nil
}

// onePage reports whether the list is requested as a whole, because it fits on a page.
func (r *streamRun) onePage() bool {
	if r.track == nil {
		return false
	}
	r.track.mu.Lock()
	defer r.track.mu.Unlock()
	return r.track.page
}

// growPage notes that the list no longer fits on a page.
func (r *streamRun) growPage() {
	r.track.mu.Lock()
	defer r.track.mu.Unlock()
	r.track.page = false
}

// note counts a page towards a listing. A read without bounds, from its first page on, is a
// listing.
func (r *streamRun) note(piece *Piece, req Request, ids []int64, asked time.Time) {
	r.mu.Lock()
	partial := r.resumed || r.cut && r.reading.passes == 1 || r.follows
	r.mu.Unlock()
	bounded := !req.From.IsZero() || !req.Before.IsZero()
	if req.Cursor != "" {
		bounded = !piece.From.IsZero() && !r.onePage() || !piece.Before.IsZero()
	}
	if partial || bounded {
		r.track.unlist()
		return
	}
	r.track.mu.Lock()
	lost := r.track.listed == nil
	r.track.mu.Unlock()
	if !lost {
		r.track.list(piece.Pass, ids, req.Cursor == "", asked)
	}
}
