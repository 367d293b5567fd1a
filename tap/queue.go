package tap

import (
	"container/heap"
	"sync"
	"time"
)

// task is a piece of a stream to read, and its progress.
type task struct {
	run    *streamRun
	piece  *Piece
	cursor string
	stage  stage
	idle   bool // nothing is left to do but end
	head   head // valid after the first page
	circle Circle
	// perPage is the size of the pages that the cursor leads to; 0 for the maximum
	perPage int
	waits   time.Time // since when the stream has read nothing; zero for never read
	weight  float64
	number  int
}

// stage orders the work. Pieces of an earlier run come first, one page each, so that runs that end
// early still make progress. Then comes the first page of every stream. By then most lists are
// complete, and the age of the account is known, which tells how long the others are.
type stage uint8

const (
	underWay stage = iota
	firstPage
	longLists
	sweeps // listing ids, with the budget that is left
)

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
