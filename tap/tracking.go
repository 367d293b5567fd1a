package tap

import (
	"context"
	"slices"
	"sync"
	"time"
)

// tracking is what is known of a stream's rows while it is read. Its lock is held by workers and by
// the output's goroutine in turn.
type tracking struct {
	mu    sync.Mutex
	known *Known
	dirty bool // there is something to save

	page    bool         // the list fits a page: it is asked for unfiltered, and what is on it is all there is
	listed  map[int]*IDs // by pass: the ids of a read that was complete in itself
	began   time.Time    // when that read began
	found   int          // rows told as gone
	checked bool         // the listing of this run was compared
}

// track loads what is known of a stream, and decides under which version its records come out. A
// stream that was loaded without a version is read whole once.
func (s *syncer) track(ctx context.Context, r *streamRun, b *Bookmark) error {
	if s.Deletes == nil || s.Sample || r.sel.Err != nil || r.sel.ReplacesTables && r.sel.FullTable {
		return nil
	}
	known, err := s.Deletes.Ledger.Load(ctx, r.sel.Stream.Name)
	if err != nil {
		return storage("loading the ids of "+r.sel.Stream.Name, err)
	}
	version := b.Version
	if version == 0 && known != nil && b.Until.IsZero() && b.Progress == nil && b.Complete.IsZero() {
		version = known.Version // the state was lost: the rows out there have this one
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
	} else if r.reading.timed && !known.Swept.IsZero() && known.Rows.Len()+known.Fresh.Len() <= pageRows && b.Progress == nil {
		r.track.page = true
	}
	return nil
}

func storage(op string, err error) error {
	if KindOf(err) != Fault {
		return err
	}
	return &Error{Kind: Storage, Op: op, Err: err, Hint: "check that deletes.store exists and is writable"}
}

// writing notes the ids of rows that are about to be written, and keeps those that are new before
// they are: a row that is out there and unknown could vanish without anybody noticing. While a
// sweep is under way they are not part of what it is compared with.
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

// save keeps what is known.
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

// list notes the ids of a page of a read that may turn out to be a complete listing.
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

// unlist notes that a read is no complete listing.
func (t *tracking) unlist() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.listed = nil
}

// onePage tells whether the list is asked for as a whole, since it fits a page.
func (r *streamRun) onePage() bool {
	if r.track == nil {
		return false
	}
	r.track.mu.Lock()
	defer r.track.mu.Unlock()
	return r.track.page
}

// growPage notes that the list does not fit a page any more.
func (r *streamRun) growPage() {
	r.track.mu.Lock()
	defer r.track.mu.Unlock()
	r.track.page = false
}

// note takes a page into account for a listing: a read without bounds, by cursor from its first
// page on, is one.
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
