package harvest

import (
	"sync"
	"time"
)

// health judges failures: is the API dead, or one list, or is it the credential?
type health struct {
	patience time.Duration // how long no list may answer
	crowd    int           // how many new tokens may be refused in a row while others work

	mu       sync.Mutex      // guards what follows
	answers  bool            // anything has answered, be it a proxy
	pages    bool            // a list has answered with a page
	heard    bool            // a list has answered, with a page or a refusal
	last     time.Time       // when one last did; at first, when the client was created
	failing  map[string]bool // operations that failed since then
	refusals int             // new tokens that lists refused since the last page
}

func newHealth(patience time.Duration, concurrency int) *health {
	now := time.Now()
	return &health{
		patience: patience, crowd: max(8, concurrency), last: now, failing: map[string]bool{},
	}
}

// reach notes that something has answered.
func (h *health) reach() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answers = true
}

// reached reports whether anything has answered, so that the address is most likely right.
func (h *health) reached() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.answers
}

// answered notes that a list has answered with a page, or else with a refusal.
func (h *health) answered(page bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.heard, h.last = true, time.Now()
	clear(h.failing)
	if page {
		h.pages, h.refusals = true, 0
	}
}

// failed notes that an operation failed and is repeated.
func (h *health) failed(op string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failing[op] = true
}

// silence is how long ago a list last answered.
func (h *health) silence() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return time.Since(h.last)
}

// dead reports whether the API as a whole does not answer: none of its lists has for too long, and
// more than one was asked.
func (h *health) dead() bool {
	if h.silence() < h.patience {
		return false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.heard || len(h.failing) > 1
}

// mayLive reports whether a list that refused some new tokens in a row, each before any other use,
// may be asked with another one. A token can die before its first use if another process requests
// one, but not repeatedly.
func (h *health) mayLive(refused int) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return refused < 2 || refused < 4 && h.pages
}

// refused notes that a list refuses every token, and reports whether the credential is at fault:
// no list answers, or none does any more.
func (h *health) refused() (credential bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.refusals++
	return !h.pages || h.refusals > h.crowd
}
