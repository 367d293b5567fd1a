package harvest

import "context"

// largePages is how many pages of more than keptBytes are in memory at a time, however many
// requests are in flight. The others wait, half read, until one of them has been written.
const largePages = 4

// room bounds the large pages in memory.
type room chan struct{}

func newRoom() room { return make(room, largePages) }

// guest is a page, which may turn out to be large.
func (r room) guest() *guest { return &guest{room: r} }

type guest struct {
	room   room
	inside bool
}

// enter waits for room.
func (g *guest) enter(ctx context.Context) error {
	select {
	case g.room <- struct{}{}:
		g.inside = true
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// leave makes room for others; it does nothing for a page that was not large.
func (g *guest) leave() {
	if g.inside {
		<-g.room
	}
}
