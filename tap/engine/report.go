package engine

import (
	"slices"
	"sync"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/gone"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// report counts what was read of a stream. Workers and the writer add to it, and observers read
// it, under its lock.
type report struct {
	mu sync.Mutex
	tap.StreamReport
	asked, latest time.Time // the first request, and the latest page
	messages      int       // rows that contain only a message
	rows          bool      // a page had rows
	pace          pace
}

// asking notes that a page is requested.
func (r *report) asking() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.asked.IsZero() {
		r.asked = time.Now()
	}
}

// page notes a page, and returns the number of pages so far.
func (r *report) page(bytes, messages int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Pages++
	r.Bytes += int64(bytes)
	r.messages += messages
	return r.Pages
}

// pageWritten notes that a page was written.
func (r *report) pageWritten() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.latest = time.Now()
}

// expect notes the estimated number of pages of one pass, and returns the estimate for all passes:
// at least one more than were read.
func (r *report) expect(pages int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Expected = max(r.Expected+pages, r.Pages+1)
	return r.Expected
}

// covered notes what a page covers of the list's time.
func (r *report) covered(piece *tap.Piece, h head, oldest time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pace.page(piece, h, oldest)
}

// reportNow is the report as it is now, with an estimate that follows the pages read so far of a
// list that is read whole.
func (st *stream) reportNow(oldest time.Time) tap.StreamReport {
	s := st.report.snapshot()
	st.report.mu.Lock()
	defer st.report.mu.Unlock()
	n := st.report.pace.expected(oldest, len(st.query.Stream.ReadParams()))
	if n > 0 && s.Expected > 0 && st.bookmark.Until.IsZero() {
		s.Expected = n
	}
	if st.query.Err == nil {
		s.Shape = st.current().shape
	}
	return s
}

// changed notes a column that is new or had a value of another type.
func (r *report) changed(column string, isNew bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if slices.Contains(r.Changes, column) {
		return
	}
	r.Changes = append(r.Changes, column)
	if isNew {
		r.New = append(r.New, column)
	}
}

// unlisted notes values that are not among the known ones of their column, and returns the new
// ones.
func (r *report) unlisted(values []record.Unlisted) (fresh []record.Unlisted) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, v := range values {
		text := []rune(v.Value)
		if len(text) > maxValue {
			v.Value = string(text[:maxValue]) + "…"
		}
		if name := v.Column + "=" + v.Value; !slices.Contains(r.NewValues, name) {
			r.NewValues = append(r.NewValues, name)
			fresh = append(fresh, v)
		}
	}
	return fresh
}

// maxValue is how many letters of a value are reported.
const maxValue = 40

// absent notes the columns that no record of a page has.
func (r *report) absent(columns []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.rows {
		r.rows, r.Absent = true, slices.Clone(columns)
		return
	}
	r.Absent = slices.DeleteFunc(r.Absent,
		func(name string) bool { return !slices.Contains(columns, name) })
}

// dropped notes columns that were dropped because nobody classified them, and returns the new ones.
func (r *report) dropped(columns []string) (fresh []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, name := range columns {
		if !slices.Contains(r.Dropped, name) {
			r.Dropped = append(r.Dropped, name)
			fresh = append(fresh, name)
		}
	}
	return fresh
}

// records notes what was written.
func (r *report) records(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Records += n
}

// status notes that the stream is being read, or how it ended.
func (r *report) status(status string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Status, r.Err, r.Reading = status, err, status == tap.Unfinished && err == nil
	r.ended()
}

// ended notes the time, unless the stream is being read.
func (r *report) ended() {
	now := time.Now().UTC()
	if r.Began.IsZero() {
		r.Began = now
	}
	if !r.Reading {
		r.Ended = now
	}
}

// leftAlone notes that the stream is not read before a time.
func (r *report) leftAlone(next time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Status, r.NextRead = tap.LeftAlone, next
	r.ended()
}

// due notes when the stream is read next; zero for in every run.
func (r *report) due(next time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.NextRead = next
}

// complete notes the time up to which every change has been written.
func (r *report) complete(until time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.CompleteUntil = until
}

// skippedRows returns the number of rows that contain only a message.
func (r *report) skippedRows() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.messages
}

// swept notes the result of a sweep, and when the next one is due.
func (r *report) swept(f gone.Found, every time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Gone, r.Repaired = f.Gone, f.Repaired
	if !f.Swept.IsZero() {
		r.Swept, r.NextSweep = f.Swept, f.Swept.Add(every)
	}
	if f.Compared {
		r.VerifiedUntil, r.VerifiedRows, r.VerifiedSum = f.Until, &f.Rows, f.Sum.String()
		r.VerifiedNewest = f.Newest
	}
}

// snapshot returns the report as it is now.
func (r *report) snapshot() tap.StreamReport {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.StreamReport
	s.Changes, s.New = slices.Clone(r.Changes), slices.Clone(r.New)
	s.Dropped, s.NewValues = slices.Clone(r.Dropped), slices.Clone(r.NewValues)
	s.Absent = slices.Clone(r.Absent)
	if !r.latest.IsZero() {
		s.Seconds = r.latest.Sub(r.asked).Seconds()
	}
	if s.Err != nil {
		s.Reason = s.Err.Error()
	}
	return s
}
