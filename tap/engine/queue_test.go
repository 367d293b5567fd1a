package engine

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// Unfinished pieces come first, then first pages, then the rest; within these, what waited longest,
// then the longest list, then what came first; each task once.
func TestQueueOrdersTheWork(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 0))
		q := newQueue()
		var pushed, popped []*task
		for range random.IntN(60) {
			task := &task{
				stage: stage(random.IntN(3)), weight: float64(random.IntN(4)),
				waits: time.Unix(random.Int64N(3), 0),
			}
			pushed = append(pushed, task)
			q.push(task)
		}
		for range pushed {
			task, ok := q.pop()
			assert.True(t, ok)
			popped = append(popped, task)
		}
		slices.SortStableFunc(pushed, func(a, b *task) int {
			return cmp.Or(cmp.Compare(a.stage, b.stage), a.waits.Compare(b.waits),
				cmp.Compare(b.weight, a.weight))
		})
		assert.Equal(t, pushed, popped, "seed %d", seed)
	}
}

// Each task goes to one of many workers, which also add tasks, and closing releases waiting
// workers.
func TestQueueWithManyWorkers(t *testing.T) {
	q := newQueue()
	const tasks = 500
	var mu sync.Mutex
	seen := map[*task]int{}
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			for {
				done, ok := q.pop()
				if !ok {
					return
				}
				mu.Lock()
				seen[done]++
				last := len(seen) == 2*tasks
				mu.Unlock()
				if done.stage == firstPage {
					q.push(&task{stage: longLists, weight: done.weight})
				}
				if last {
					q.close()
				}
			}
		})
	}
	for n := range tasks {
		q.push(&task{stage: firstPage, weight: float64(n % 7)})
	}
	workers.Wait()
	assert.Len(t, seen, 2*tasks)
	for _, n := range seen {
		assert.Equal(t, 1, n)
	}
}
