package engine

import (
	"slices"
	"sync"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/gone"
)

// account counts what was read of a stream. Workers and the writer add to it, and observers read
// it, under its lock.
type account struct {
	mu sync.Mutex
	tap.StreamAccount
	asked, latest time.Time // the first request, and the latest page
	messages      int       // rows that contain only a message
	pace          pace
}

// asking notes that a page is requested.
func (a *account) asking() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.asked.IsZero() {
		a.asked = time.Now()
	}
}

// page notes a page, and returns the number of pages so far.
func (a *account) page(bytes, messages int) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.Pages++
	a.Bytes += int64(bytes)
	a.messages += messages
	return a.Pages
}

// pageWritten notes that a page was written.
func (a *account) pageWritten() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.latest = time.Now()
}

// expect notes the estimated number of pages of one pass, and returns the estimate for all passes:
// at least one more than were read.
func (a *account) expect(pages int) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.Expected = max(a.Expected+pages, a.Pages+1)
	return a.Expected
}

// covered notes what a page covers of the list's time.
func (a *account) covered(piece *tap.Piece, h head, oldest time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.pace.page(piece, h, oldest)
}

// following is the account as it is now, with an estimate that follows the pages read so far of a
// list that is read whole.
func (st *stream) following(oldest time.Time) tap.StreamAccount {
	s := st.account.snapshot()
	st.account.mu.Lock()
	defer st.account.mu.Unlock()
	n := st.account.pace.expected(oldest, len(st.sel.Stream.ReadParams()))
	if n > 0 && s.Expected > 0 && st.mark.Until.IsZero() {
		s.Expected = n
	}
	return s
}

// changed notes a column that is new or had a value of another type.
func (a *account) changed(column string, isNew bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if slices.Contains(a.Changes, column) {
		return
	}
	a.Changes = append(a.Changes, column)
	if isNew {
		a.New = append(a.New, column)
	}
}

// dropped notes columns that were dropped because nobody classified them, and returns the new ones.
func (a *account) dropped(columns []string) (fresh []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, name := range columns {
		if !slices.Contains(a.Dropped, name) {
			a.Dropped = append(a.Dropped, name)
			fresh = append(fresh, name)
		}
	}
	return fresh
}

// records notes what was written.
func (a *account) records(n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.Records += n
}

// status notes how the stream is, or ended.
func (a *account) status(status string, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.Status, a.Err, a.Reading = status, err, status == tap.Unfinished && err == nil
	a.ended()
}

// ended notes the time, unless the stream is being read.
func (a *account) ended() {
	now := time.Now().UTC()
	if a.Began.IsZero() {
		a.Began = now
	}
	if !a.Reading {
		a.Ended = now
	}
}

// leftAlone notes that the stream is not read before a time.
func (a *account) leftAlone(next time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.Status, a.NextRead = tap.LeftAlone, next
	a.ended()
}

// due notes when the stream is read next; zero for in every run.
func (a *account) due(next time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.NextRead = next
}

// complete notes the time up to which every change has been written.
func (a *account) complete(until time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.CompleteUntil = until
}

// skippedRows returns the number of rows that contain only a message.
func (a *account) skippedRows() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.messages
}

// swept notes the result of a sweep, and when the next one is due.
func (a *account) swept(f gone.Found, every time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.Gone, a.Repaired = f.Gone, f.Repaired
	if !f.Swept.IsZero() {
		a.Swept, a.NextSweep = f.Swept, f.Swept.Add(every)
	}
	if f.Compared {
		a.VerifiedUntil, a.VerifiedRows, a.VerifiedSum = f.Until, f.Rows, f.Sum.String()
	}
}

// snapshot returns the account as it is now.
func (a *account) snapshot() tap.StreamAccount {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.StreamAccount
	s.Changes, s.New = slices.Clone(a.Changes), slices.Clone(a.New)
	s.Dropped = slices.Clone(a.Dropped)
	if !a.latest.IsZero() {
		s.Seconds = a.latest.Sub(a.asked).Seconds()
	}
	if s.Err != nil {
		s.Reason = s.Err.Error()
	}
	return s
}
