package plan

import (
	"math"
	"time"
)

// PageRows is the number of rows of a page.
const PageRows = 500

// Pages is the number of requests that a list of so many rows takes in a number of passes.
func Pages(rows, passes int) int {
	return max(1, (rows+PageRows-1)/PageRows) + max(passes, 1) - 1
}

// Limit is what is known of the API's limit: Requests in a Window, 0 for no limit.
type Limit struct {
	Requests int           `json:"requests"`
	Window   time.Duration `json:"-"`
	// Share is the part of it that may be used, 0 to 1.
	Share float64 `json:"share"`
}

const (
	// Window is how long a window of the limit is (observed).
	Window = 30 * time.Second
	// answer is how long an answer takes (observed: 0.3 to 0.7 s).
	answer = 500 * time.Millisecond
)

// Time is how long requests take: a window's budget in each window, and no faster than answers come
// with a number of requests in flight.
func Time(requests int, l Limit, concurrency int) time.Duration {
	answers := time.Duration(math.Ceil(float64(requests)/float64(max(1, concurrency)))) * answer
	if l.Requests <= 0 {
		return answers
	}
	own := max(1, int(float64(l.Requests)*l.Share))
	windows := (requests+own-1)/own - 1 // the first one is there already
	return max(answers, time.Duration(max(0, windows))*l.Window)
}
