package engine

import (
	"container/heap"
	"sync"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// task is something to do for a stream.
type task struct {
	stream *stream
	stage  stage
	// piece is what to read, from cursor; nil before the stream's turn has come, for sweeps, and for
	// proofs.
	piece  *tap.Piece
	cursor string
	head   head // valid after the first page
	// listing means that the piece is part of a listing of the whole list: it has no bounds, and
	// this run began it. following means that it is read for what changed since a full table began.
	listing, following bool
	waits              time.Time // since when the stream has read nothing; zero for never read
	weight             float64   // the expected number of pages
	number             int       // in the order of arrival
	circle             tap.Circle
	perPage            int // the size of the pages that the cursor leads to; 0 for the maximum
	// without reports whether a row of a page is not written; nil for none.
	without func(record.Row) bool
}

// stage orders the work. Pieces of an earlier run come first, one page each, so that runs that end
// early still make progress. Then comes the first page of every stream. By then most lists are
// complete, and the age of the account is known, which shows how long the others are. Sweeps come
// behind all that is left to read, and last a proof that the user may see anything.
type stage uint8

const (
	underWay stage = iota
	firstPage
	longLists
	sweeps
	proofs
)

// opening returns the task of a stream whose turn has not come.
func (r *run) opening(st *stream) *task {
	t := &task{
		stream: st, stage: firstPage, waits: st.bookmark.Last(), weight: float64(st.bookmark.Pages),
	}
	if p := st.bookmark.Progress; p != nil && p.Query == st.query.Fingerprint() && !r.Sample {
		t.stage = underWay
	}
	return t
}

// queue hands out tasks: by stage, then the one that waited longest, then the longest list, then in
// the order of arrival.
type queue struct {
	mu     sync.Mutex
	ready  sync.Cond
	heap   taskHeap
	count  int
	closed bool
}

func newQueue() *queue {
	q := &queue{}
	q.ready.L = &q.mu
	return q
}

func (q *queue) push(t *task) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.count++
	t.number = q.count
	heap.Push(&q.heap, t)
	q.ready.Signal()
}

// pop waits for a task; false means that there are no more.
func (q *queue) pop() (*task, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.heap) == 0 && !q.closed {
		q.ready.Wait()
	}
	if q.closed {
		return nil, false
	}
	return heap.Pop(&q.heap).(*task), true
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.ready.Broadcast()
}

type taskHeap []*task

func (h taskHeap) Len() int { return len(h) }
func (h taskHeap) Less(i, j int) bool {
	a, b := h[i], h[j]
	switch {
	case a.stage != b.stage:
		return a.stage < b.stage
	case !a.waits.Equal(b.waits):
		return a.waits.Before(b.waits)
	case a.weight != b.weight:
		return a.weight > b.weight
	}
	return a.number < b.number
}
func (h taskHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *taskHeap) Push(x any)   { *h = append(*h, x.(*task)) }
func (h *taskHeap) Pop() any {
	old := *h
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return t
}
