package greenhouse

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/plan"
	"github.com/tap-greenhouse/tap-greenhouse/tap/progress"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
	"github.com/tap-greenhouse/tap-greenhouse/tap/rights"
)

// Plan is what runs will cost.
type Plan struct {
	tap.Identity
	Streams []StreamPlan `json:"streams"`
	// First is the cost of reading everything, Quiet that of a run with little new, Sweep that of
	// listing all ids, and Next that of the next run with the state that was given.
	First Cost `json:"first_read"`
	Quiet Cost `json:"little_new"`
	Sweep Cost `json:"sweep"`
	Next  Cost `json:"next_run"`
	// Limit is the limit that the API reported.
	Limit plan.Limit `json:"limit"`
	// Missing are the scopes that the credential lacks.
	Missing []string `json:"missing_scopes"`
	// Requests is how many the plan itself took.
	Requests int64 `json:"requests_of_this_plan"`
}

// Cost is what a run costs.
type Cost struct {
	Requests int     `json:"requests"`
	Minutes  float64 `json:"minutes"`
}

// StreamPlan is what reading a stream costs, in requests.
type StreamPlan struct {
	Stream string `json:"stream"`
	plan.Guess
	First int `json:"first_read"`
	Quiet int `json:"little_new"`
	Sweep int `json:"sweep"`
	Next  int `json:"next_run"`
	// Due is when the stream is read next, if it is left alone before.
	Due time.Time `json:"due,omitzero"`
	// Scope is the missing scope because of which it cannot be read.
	Scope string `json:"missing_scope,omitzero"`
	// Reason is why nothing is known of it.
	Reason string `json:"reason,omitzero"`
}

// Plan asks each list for its first page at most, and estimates what runs will cost. It writes
// nothing.
func (r *Run) Plan(ctx context.Context) (*Plan, error) {
	introspection, err := r.introspect(ctx, r.client)
	if err != nil {
		return nil, err
	}
	var reach map[string]rights.Reach
	var streams []*tap.Stream
	for _, q := range r.queries {
		streams = append(streams, q.Stream)
	}
	if introspection != nil {
		reach = rights.Granted(introspection.Scopes(), introspection.Identity(), streams)
	}
	heads, failed, err := r.heads(ctx, reach)
	if err != nil {
		return nil, err
	}
	guesses := plan.Rows(heads)
	p := &Plan{Identity: r.Identity(), Missing: []string{}}
	for _, q := range r.queries {
		if !q.Stream.Local {
			one := r.planOf(q, guesses, heads[q.Stream.Name], failed[q.Stream.Name])
			if err := r.planSweep(ctx, &one); err != nil {
				return nil, err
			}
			p.add(one)
		}
	}
	slices.Sort(p.Missing)
	p.Missing = slices.Compact(p.Missing)
	p.Requests = r.client.Usage().Requests
	p.Limit = plan.Limit{Share: r.cfg.Budget, Window: plan.Window}
	windows, _, _ := r.client.Windows()
	for _, w := range windows {
		p.Limit.Requests = max(p.Limit.Requests, w.Limit)
	}
	for _, c := range []*Cost{&p.First, &p.Quiet, &p.Sweep, &p.Next} {
		c.Minutes = plan.Time(c.Requests, p.Limit, r.cfg.Concurrency).Minutes()
	}
	return p, nil
}

func (p *Plan) add(s StreamPlan) {
	p.Streams = append(p.Streams, s)
	p.First.Requests += s.First
	p.Quiet.Requests += s.Quiet
	p.Sweep.Requests += s.Sweep
	p.Next.Requests += s.Next
	if s.Scope != "" {
		p.Missing = append(p.Missing, s.Scope)
	}
}

// planOf is the plan of a stream.
func (r *Run) planOf(q *tap.Query, guesses map[string]plan.Guess, head plan.Head,
	failed error,
) StreamPlan {
	name := q.Stream.Name
	s := StreamPlan{Stream: name}
	bookmark := r.state.Of(name)
	passes := len(q.Stream.ReadParams())
	switch {
	case tap.KindOf(failed) == tap.Scope && failed != nil:
		s.Scope, s.Basis, s.Quiet = q.Stream.Scope, plan.NotAsked, 1
		s.First, s.Next = 1, 1
		return s
	case failed != nil:
		s.Reason, s.Basis = tap.Plain(failed), plan.NotAsked
		s.First, s.Quiet, s.Next = passes, passes, passes
		return s
	}
	s.Guess = guesses[name]
	if v := bookmark.Verified; v != nil {
		s.Guess = plan.Guess{Rows: v.Rows, Basis: plan.Counted}
	}
	if s.Rows > plan.PageRows || passes > 1 { // a list that fits on a page is compared as it is read
		s.Sweep = plan.Pages(s.Rows, passes)
	}
	if start := r.cfg.StartDate; !start.IsZero() && q.Stream.Bookmark != "" {
		s.Rows = head.Since(start, s.Rows)
	}
	s.First = plan.Pages(s.Rows, passes)
	s.Quiet = passes
	if !q.Incremental() {
		s.Quiet = s.First
	}
	s.Next = s.First
	if progress.Loaded(*bookmark) && bookmark.Progress == nil {
		s.Next = s.Quiet
	}
	schedule := r.scheduleOf(q)
	if now := r.client.Now(); schedule.Leaves(*bookmark, now, r.before()) {
		s.Due, s.Next = schedule.Due(*bookmark), 0
	}
	return s
}

// planSweep adds the sweep that is due to the cost of the next run.
func (r *Run) planSweep(ctx context.Context, s *StreamPlan) error {
	d, bookmark := r.cfg.Deletes, r.state.Of(s.Stream)
	if d == nil || s.Sweep == 0 || s.Next == 0 || !progress.Loaded(*bookmark) {
		return nil
	}
	_, swept, err := r.look(ctx, s.Stream, bookmark)
	if err == nil && r.client.Now().Sub(swept) >= d.Every {
		s.Next += s.Sweep
	}
	return err
}

// scheduleOf says when a stream may be left alone; of a full table nobody knows whether it brings
// anything new.
func (r *Run) scheduleOf(q *tap.Query) progress.Schedule {
	schedule := r.schedule(q.Stream.Name)
	if !q.Incremental() {
		schedule.MaxStaleness = 0
	}
	return schedule
}

// before is when the run before was: the latest complete read of any stream.
func (r *Run) before() (latest time.Time) {
	for _, q := range r.queries {
		if last := r.state.Of(q.Stream.Name).Last(); last.After(latest) {
			latest = last
		}
	}
	return latest
}

// heads reads the first page of each list that may be read, and returns why others could not be.
func (r *Run) heads(
	ctx context.Context, reach map[string]rights.Reach,
) (heads map[string]plan.Head, failed map[string]error, err error) {
	heads, failed = map[string]plan.Head{}, map[string]error{}
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(r.cfg.Concurrency)
	for _, q := range r.queries {
		name := q.Stream.Name
		switch {
		case q.Stream.Local:
			continue
		case q.Err != nil:
			failed[name] = q.Err
			continue
		case reach[name] == rights.NoScope:
			failed[name] = &tap.Error{Kind: tap.Scope}
			continue
		}
		group.Go(func() error {
			h, err := r.head(ctx, q)
			mu.Lock()
			defer mu.Unlock()
			if err != nil && slices.Contains(endsPlan, tap.KindOf(err)) {
				return err
			}
			if err != nil {
				failed[name] = err
				return context.Cause(ctx)
			}
			heads[name] = h
			return nil
		})
	}
	return heads, failed, group.Wait()
}

// head reads the first page of a list: keys and times alone, and none that the query leaves out.
func (r *Run) head(ctx context.Context, q *tap.Query) (h plan.Head, err error) {
	s := q.Stream
	column := ""
	for _, name := range []string{"created_at", s.Bookmark} {
		if c := q.Shape.Column(name); column == "" && c != nil && c.Treatment == record.Keep {
			column = name
		}
	}
	fields := slices.Clone(s.Key)
	changed := ""
	if q.Shape.Column(s.Bookmark) != nil {
		changed = s.Bookmark
	}
	for _, name := range []string{column, changed} {
		if name != "" && !slices.Contains(fields, name) {
			fields = append(fields, name)
		}
	}
	req := tap.Request{Stream: s, Params: maps.Clone(s.ReadParams()[0]), Fields: fields}
	err = r.client.Read(ctx, req, func(page tap.Page) error {
		var err error
		h, err = plan.HeadOf(page.Body, column, changed, page.Next != "")
		return err
	})
	return h, err
}

// endsPlan are the kinds of errors that are not about a single list.
var endsPlan = []tap.Kind{
	tap.Credentials, tap.SignIn, tap.BadInput, tap.Rights, tap.Unreachable, tap.Interrupted,
}
