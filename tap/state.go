package tap

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// State is what is known of all streams at one moment. It can be written at any time and is
// correct. docs/state.md explains it.
type State struct {
	Bookmarks map[string]*Bookmark
	// Others are bookmarks of unknown streams, and whatever else the state contained. They are
	// passed on unchanged.
	Others map[string]jsontext.Value
	Extra  map[string]jsontext.Value
	// Notes are what a person should know about a state that another program wrote.
	Notes []string
}

// Bookmark says how far a stream has been read. Its transitions are begin, advance, split and
// restart; finish is the end of advance.
type Bookmark struct {
	// Until is the time, by the server's clock, up to which every change of the stream has been
	// written; zero for none.
	Until time.Time `json:"-"`
	// Progress is an unfinished read; nil for none.
	Progress *Progress `json:"progress,omitzero"`
	// Learnt holds the schemas of columns that the stream's file lacks, or has with a narrower
	// type.
	Learnt map[string]jsontext.Value `json:"learnt,omitzero"`
	// Pages is the number of pages of the last read.
	Pages int `json:"pages,omitzero"`
	// Complete is when the last complete read of a full table began, by the server's clock; for an
	// incremental stream, Until says it.
	Complete time.Time `json:"complete,omitzero"`
	// ReadAs is a fingerprint of the credential and the user that the stream was read with.
	ReadAs string `json:"read_as,omitzero"`
	// Policy is a fingerprint of how personal data was treated.
	Policy string `json:"policy,omitzero"`
	// Version is the version of the stream's records, with deletes; Whole means that all rows have
	// been written under it.
	Version int64 `json:"version,omitzero"`
	Whole   bool  `json:"whole,omitzero"`
	// Start is the start date of the first read; zero for none.
	Start time.Time `json:"start_date,omitzero"`
}

// ParseBookmark reads this program's own part of a stream's entry in a state; the protocol has its
// own name for Until. Of a member that appears twice, the last one counts, as in the parsers of the
// platforms.
func ParseBookmark(entry jsontext.Value, s *Stream) (*Bookmark, error) {
	b := &Bookmark{}
	if err := json.Unmarshal(entry, b, jsontext.AllowDuplicateNames(true)); err != nil {
		return nil, err
	}
	return b, b.check(s)
}

// Slowest returns the earliest of the times up to which the parts of a stream are complete; zero if
// a part has none.
func Slowest(parts []time.Time) time.Time {
	if len(parts) == 0 {
		return time.Time{}
	}
	return slices.MinFunc(parts, time.Time.Compare)
}

// check returns what is wrong with a bookmark from a file, for use with a stream.
func (b *Bookmark) check(s *Stream) error {
	if b.Pages < 0 {
		return fmt.Errorf("pages is negative")
	}
	if b.Progress == nil {
		return nil
	}
	if b.Progress.Began.IsZero() || len(b.Progress.Pieces) == 0 {
		return fmt.Errorf("progress has no time or no pieces")
	}
	for _, p := range b.Progress.Pieces {
		if p == nil || p.Pass < 0 || p.Pass >= len(s.passes()) {
			return fmt.Errorf("progress has a piece of an unknown pass")
		}
	}
	return nil
}

// Progress is an unfinished read. When its last piece is complete, the stream is complete up to
// Began.
type Progress struct {
	// Began is the time, by the server's clock, when the first page was requested.
	Began time.Time `json:"began"`
	// Query is a fingerprint of the request; a cursor is valid only for the same one.
	Query string `json:"query,omitzero"`
	// Cut means that the list is read in parts, by time or by pass, so that rows may have moved
	// between parts.
	Cut bool `json:"cut,omitzero"`
	// Pieces are the incomplete parts. What lies in none of them is complete.
	Pieces []*Piece `json:"pieces"`

	resumed bool // an earlier run began it
	follows bool // it follows a full table, and reads what has changed since that began
}

// Piece is the part of a list that changed within a range of time, and how much of it has been
// read.
type Piece struct {
	// Pass is the number of the read, for lists that take several.
	Pass int `json:"pass,omitzero"`
	// From is the start of the range, inclusive, and Before its end, exclusive; zero for no bound.
	From   time.Time `json:"from,omitzero"`
	Before time.Time `json:"before,omitzero"`
	// Cursor leads to the next page; empty at the start of the piece.
	Cursor string `json:"cursor,omitzero"`
}

// NewState returns an empty state.
func NewState() *State { return &State{Bookmarks: map[string]*Bookmark{}} }

// Of returns the bookmark of a stream, and creates it if necessary.
func (s *State) Of(stream string) *Bookmark {
	b := s.Bookmarks[stream]
	if b == nil {
		b = &Bookmark{}
		s.Bookmarks[stream] = b
	}
	return b
}

// Streams lists the streams that have a bookmark, in the order of their names.
func (s *State) Streams() []string { return slices.Sorted(maps.Keys(s.Bookmarks)) }

// same reports whether two pieces are the same part of the list, whatever their cursors.
func (p *Piece) same(o *Piece) bool {
	return p.Pass == o.Pass && p.From.Equal(o.From) && p.Before.Equal(o.Before)
}

// reading is what the transitions need to know of a read.
type reading struct {
	query     string
	passes    int
	full      bool // the whole table, whatever the bookmark says
	timed     bool // the list has a time filter
	lookback  time.Duration
	readAs    string
	policy    string
	version   int64 // of the records; 0 without deletes
	startDate time.Time
}

// begin notes that the first page of a piece was requested at a time.
func (b *Bookmark) begin(r *reading, piece *Piece, asked time.Time) {
	if b.Progress == nil {
		b.Progress = &Progress{Began: asked, Query: r.query}
		for pass := range r.passes {
			b.Progress.Pieces = append(b.Progress.Pieces, &Piece{Pass: pass, From: piece.From})
		}
		b.ReadAs, b.Policy = r.readAs, r.policy
		if b.Version != r.version {
			b.Version, b.Whole = r.version, false
		}
		if b.Until.IsZero() {
			b.Start = r.startDate
		}
	}
	if asked.Before(b.Progress.Began) {
		b.Progress.Began = asked
	}
	if b.Progress.find(piece) < 0 { // the bound of what follows a cut table
		for _, p := range b.Progress.Pieces {
			if p.Pass == piece.Pass && p.Cursor == "" {
				p.From, p.Before = piece.From, piece.Before
			}
		}
	}
}

// advance notes that a page of a piece was written. The piece continues at next, or is complete if
// next is empty.
func (b *Bookmark) advance(r *reading, piece *Piece, next string, pages int) {
	if b.Progress == nil {
		return
	}
	i := b.Progress.find(piece)
	if i < 0 {
		return
	}
	if next != "" {
		b.Progress.Pieces[i].Cursor = next
		return
	}
	b.Progress.Pieces = slices.Delete(b.Progress.Pieces, i, i+1)
	if len(b.Progress.Pieces) == 0 {
		b.finish(r, pages)
	}
}

// finish notes that the last piece of a read is complete. A full table that was cut, or begun by an
// earlier run, is followed by a read of what has changed since it began; until that is complete,
// the read is unfinished.
func (b *Bookmark) finish(r *reading, pages int) {
	p := b.Progress
	b.Progress = nil
	if pages > 0 {
		b.Pages = pages
	}
	if r.version != 0 && b.Version == r.version {
		b.Whole = true
	}
	switch {
	case !r.full:
		b.Until = p.Began
	case r.timed && (p.Cut || p.resumed):
		b.Progress = &Progress{Began: p.Began, Query: p.Query, follows: true}
		for pass := range r.passes {
			b.Progress.Pieces = append(b.Progress.Pieces,
				&Piece{Pass: pass, From: later(r.startDate, p.Began.Add(-r.lookback))})
		}
	default:
		b.Complete = p.Began
	}
}

// split notes that a piece was cut at a time, and that the first page of the older part was
// written.
func (b *Bookmark) split(piece *Piece, at time.Time, cursor string) {
	if b.Progress == nil {
		return
	}
	i := b.Progress.find(piece)
	if i < 0 {
		return
	}
	newer, rest := piece.cut(at, cursor)
	b.Progress.Cut = true
	b.Progress.Pieces[i] = newer
	if cursor != "" {
		b.Progress.Pieces = append(b.Progress.Pieces, rest)
	}
}

// restart notes that a piece must be read from its start, because its cursor expired.
func (b *Bookmark) restart(piece *Piece) {
	if b.Progress == nil {
		return
	}
	if i := b.Progress.find(piece); i >= 0 {
		b.Progress.Pieces[i].Cursor = ""
	}
}

func (p *Progress) find(piece *Piece) int {
	return slices.IndexFunc(p.Pieces, func(o *Piece) bool { return o.same(piece) })
}

// Again forgets how far the stream was read, so that it is read from the start. The version of its
// rows stays: those in the warehouse have it.
func (b *Bookmark) Again() { b.Until, b.Complete, b.Progress = time.Time{}, time.Time{}, nil }

// last returns when the last complete read began; zero for never.
func (b *Bookmark) last() time.Time { return later(b.Until, b.Complete) }

// step is a transition of a bookmark on its way to stdout. It is made after the records that came
// with it have been written.
type step struct {
	begin   bool // the first page of the piece
	restart bool // its cursor expired
	piece   Piece
	asked   time.Time
	next    string
	cut     time.Time // the piece was cut here; zero for no cut
	pages   int
}

func (s *step) apply(b *Bookmark, r *reading) {
	switch {
	case s.restart:
		b.restart(&s.piece)
	case !s.cut.IsZero():
		b.split(&s.piece, s.cut, s.next)
	default:
		if s.begin {
			b.begin(r, &s.piece, s.asked)
			b.Progress.Cut = b.Progress.Cut || r.passes > 1 && s.next != "" && !b.Progress.follows
		}
		b.advance(r, &s.piece, s.next, s.pages)
	}
}
