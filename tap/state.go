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
	// Organization is the account whose rows the state is about; Earlier are those of the parts of
	// a state that a run starts from. Both are empty as far as they are unknown.
	Organization Organization
	Earlier      []Organization
	// Notes are what a person should know about a state that another program wrote.
	Notes []string
}

// Bookmark says how far a stream has been read. Package progress makes it.
type Bookmark struct {
	// Until is the time, by the server's clock, up to which every change of the stream has been
	// written; zero for none.
	Until time.Time
	// Progress is an unfinished read; nil for none.
	Progress *Progress
	// Learnt holds the schemas of columns that the stream's file lacks, or has with a narrower
	// type.
	Learnt map[string]jsontext.Value
	// Pages is the number of pages of the last read.
	Pages int
	// Complete is when the last complete read of a full table began, by the server's clock; for an
	// incremental stream, Until says it.
	Complete time.Time
	// ReadAs is a fingerprint of the credential and the user that the stream was read with.
	ReadAs string
	// Policy is a fingerprint of how personal data was treated.
	Policy string
	// Version is the version of the stream's records, with deletes; Whole means that all rows have
	// been written under it.
	Version int64
	Whole   bool
	// Start is the earliest start date under which rows were written; zero for none.
	Start time.Time
	// Ledger is a place in the ledger of deletes: everything up to it has been written.
	Ledger string
	// Verified is the last proof that nothing is missing; nil for none.
	Verified *Verified
	// Quiet is how many complete reads in a row have brought nothing.
	Quiet int
	// Refused is since when the stream has been refused, in every run since; zero if the last run
	// that asked for it was not.
	Refused time.Time
}

// Verified says that every row of a stream was delivered as it was at a time, or newer.
type Verified struct {
	Until time.Time `json:"until"`
	// Rows is the number of rows, and Sum the sum of their ids, in decimal digits.
	Rows int    `json:"rows"`
	Sum  string `json:"id_sum"`
	// Repaired is the number of rows that were missing or stale, and were read again.
	Repaired int `json:"repaired"`
}

// Extra is this program's own part of a stream's entry in a state, beside the name that a protocol
// has for [Bookmark].Until. What is over is null and not left out: some platforms merge states
// member by member, and would keep the old value.
type Extra struct {
	Progress *Progress                  `json:"progress"`
	Learnt   *map[string]jsontext.Value `json:"learnt"`
	Pages    int                        `json:"pages,omitzero"`
	Complete *time.Time                 `json:"complete"`
	ReadAs   string                     `json:"read_as,omitzero"`
	Policy   *string                    `json:"policy"`
	Version  *int64                     `json:"version"`
	Whole    *bool                      `json:"whole"`
	Start    *time.Time                 `json:"start_date"`
	Ledger   *string                    `json:"ledger"`
	Verified *Verified                  `json:"verified"`
	Quiet    *int                       `json:"quiet"`
	Refused  *time.Time                 `json:"refused"`
}

// Extra returns this program's own part of a bookmark.
func (b *Bookmark) Extra() Extra {
	var learnt *map[string]jsontext.Value
	if len(b.Learnt) > 0 {
		learnt = &b.Learnt
	}
	return Extra{
		Progress: b.Progress, Learnt: learnt, Pages: b.Pages, ReadAs: b.ReadAs,
		Complete: orNull(b.Complete), Policy: orNull(b.Policy), Version: orNull(b.Version),
		Whole: orNull(b.Whole), Start: orNull(b.Start), Ledger: orNull(b.Ledger),
		Verified: b.Verified, Quiet: orNull(b.Quiet), Refused: orNull(b.Refused),
	}
}

// orNull returns nil for a zero value.
func orNull[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

func orZero[T any](v *T) T {
	if v == nil {
		var zero T
		return zero
	}
	return *v
}

// Empty reports whether nothing is known of the stream.
func (b *Bookmark) Empty() bool {
	return b.Until.IsZero() && b.Progress == nil && len(b.Learnt) == 0 && b.Pages == 0 &&
		b.Complete.IsZero() && b.ReadAs == "" && b.Policy == "" && b.Version == 0 && !b.Whole &&
		b.Start.IsZero() && b.Ledger == "" && b.Verified == nil && b.Quiet == 0 &&
		b.Refused.IsZero()
}

// ParseBookmark reads this program's own part of a stream's entry in a state; the protocol has its
// own name for Until. Of a member that appears twice, the last one counts, as in the parsers of the
// platforms.
func ParseBookmark(entry jsontext.Value, s *Stream) (*Bookmark, error) {
	var e Extra
	if err := json.Unmarshal(entry, &e, jsontext.AllowDuplicateNames(true)); err != nil {
		return nil, err
	}
	b := &Bookmark{
		Progress: e.Progress, Learnt: orZero(e.Learnt), Pages: e.Pages, ReadAs: e.ReadAs,
		Complete: orZero(e.Complete), Policy: orZero(e.Policy), Version: orZero(e.Version),
		Whole: orZero(e.Whole), Start: orZero(e.Start), Ledger: orZero(e.Ledger),
		Verified: e.Verified, Quiet: max(0, orZero(e.Quiet)), Refused: orZero(e.Refused),
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
		if p == nil || p.Pass < 0 || p.Pass >= len(s.ReadParams()) {
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
	Query string `json:"query"`
	// InParts means that the list is read in parts, by time or by pass, so that rows may have moved
	// between parts.
	InParts bool `json:"cut"`
	// Pieces are the incomplete parts. What lies in none of them is complete.
	Pieces []*Piece `json:"pieces"`
}

// Piece is the part of a list that changed within a range of time, and how much of it has been
// read.
type Piece struct {
	// Pass is the number of the pass, for lists that take several.
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

// Same reports whether two pieces are the same part of the list, whatever their cursors.
func (p *Piece) Same(o Piece) bool {
	return p.Pass == o.Pass && p.From.Equal(o.From) && p.Before.Equal(o.Before)
}

// Last returns when the last complete read began; zero for never.
func (b *Bookmark) Last() time.Time {
	if b.Until.After(b.Complete) {
		return b.Until
	}
	return b.Complete
}
