package tap

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// State is what is known of all streams at a moment: it can be written down at any time and is right. docs/state.md explains it.
type State struct {
	Bookmarks map[string]*Bookmark
	// Others are bookmarks of streams that this program does not know, and whatever else stood in the state: passed on as they came.
	Others map[string]jsontext.Value
	Extra  map[string]jsontext.Value
}

// Bookmark says how far a stream is read.
type Bookmark struct {
	// Until is the time, by the server's clock, up to which every change of the stream has been written; zero for none.
	Until time.Time `json:"-"`
	// Progress is a read that is under way beside it; nil for none.
	Progress *Progress `json:"progress,omitzero"`
	// Learnt holds the schemas of columns that the stream's file lacks or has narrower.
	Learnt map[string]jsontext.Value `json:"learnt,omitzero"`
	// Pages is how many pages the last read of the stream took.
	Pages int `json:"pages,omitzero"`
}

// ParseBookmark reads what is this program's own in a stream's entry of a state; Until is left to the protocol, which has its own name for it. A member that stands
// there twice counts as it does in the platforms' own parsers: the last one.
func ParseBookmark(entry jsontext.Value, s *Stream) (*Bookmark, error) {
	b := &Bookmark{}
	if err := json.Unmarshal(entry, b, jsontext.AllowDuplicateNames(true)); err != nil {
		return nil, err
	}
	return b, b.check(s)
}

// Slowest is the earliest of the times up to which the parts of a stream are complete; zero, for none, where one of them is.
func Slowest(parts []time.Time) time.Time {
	if len(parts) == 0 {
		return time.Time{}
	}
	return slices.MinFunc(parts, time.Time.Compare)
}

// check tells what is wrong with a bookmark that was read from a file, for use with a stream.
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

// Progress is a read under way. When its last piece is complete, the stream is complete up to Began.
type Progress struct {
	// Began is the time, by the server's clock, at which the first page was asked for.
	Began time.Time `json:"began"`
	// Query is a mark of what was asked for; a cursor is good for nothing else.
	Query string `json:"query,omitzero"`
	// Pieces are those not yet complete. What lies in none of them is complete.
	Pieces []*Piece `json:"pieces"`
}

// Piece is the part of a list that changed within a range of time, and how far it is read.
type Piece struct {
	// Pass is the number of the read, for lists that one read does not return whole.
	Pass int `json:"pass,omitzero"`
	// From is the first moment of the range, Before the first one behind it; zero for no bound.
	From   time.Time `json:"from,omitzero"`
	Before time.Time `json:"before,omitzero"`
	// Cursor leads to the next page; empty at the start of the piece.
	Cursor string `json:"cursor,omitzero"`
}

// NewState returns a state that knows nothing.
func NewState() *State { return &State{Bookmarks: map[string]*Bookmark{}} }

// Of returns the bookmark of a stream; an empty one is made where there was none.
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

// complete notes that a read which began at a time is complete.
func (b *Bookmark) complete(began time.Time, pages int) {
	b.Progress = nil
	b.Until = began
	if pages > 0 {
		b.Pages = pages
	}
}

// timeLayouts are the ways in which taps write the time of a bookmark. One without an offset is UTC.
var timeLayouts = []string{
	time.RFC3339Nano,
	"2006-01-02T15:04:05.999999999Z0700",
	"2006-01-02 15:04:05.999999999Z07:00",
	"2006-01-02T15:04:05.999999999",
	"2006-01-02 15:04:05.999999999",
	time.DateOnly,
}

// ParseTime reads a time or a date as config files and the states of other taps hold them.
func ParseTime(s string) (time.Time, error) {
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time: write it as 2026-01-31T08:15:30Z or 2026-01-31", s)
}

// FormatTime writes a time as the API does, in milliseconds of UTC, rounded down.
func FormatTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
