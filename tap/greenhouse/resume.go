package greenhouse

import (
	"context"
	"slices"
	"strings"

	"github.com/tap-greenhouse/tap-greenhouse/schemas"
	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/config"
)

// readState reads the state, and refuses one that is of another organization.
func (r *Run) readState(ctx context.Context, lookup tap.Lookup) (err error) {
	if r.read.State == nil {
		return nil
	}
	op := "state " + r.read.StateName
	if err := r.parseState(lookup); err != nil {
		return err
	}
	if len(r.state.Earlier) == 0 {
		return nil
	}
	if err := r.identify(ctx); err != nil {
		return &tap.Error{
			Kind: tap.BadInput, Op: op, Err: err,
			Hint: "two accounts would be mixed in one table: check which state belongs to this credential, or give --accept-organization",
		}
	}
	return nil
}

func (r *Run) parseState(lookup tap.Lookup) (err error) {
	if r.state, err = r.read.Protocol.parseState(r.read.State, lookup); err != nil {
		return config.Misread("state "+r.read.StateName, err, r.read.State)
	}
	return nil
}

// compare warns if the state was written for another user, or with a later start date: rows that
// are visible only now may be older than the bookmark.
func (r *Run) compare() {
	for _, note := range r.state.Notes {
		r.opts.Log.Warn(note)
	}
	readAs := r.cfg.ReadAs()
	var others, later, treated []string
	for _, q := range r.queries {
		b := r.state.Of(q.Stream.Name)
		if b.ReadAs != "" && b.ReadAs != readAs {
			others = append(others, q.Stream.Name)
		}
		if b.Policy != r.cfg.Policy.Fingerprint() &&
			(!b.Until.IsZero() || b.Progress != nil || !b.Complete.IsZero()) {
			treated = append(treated, q.Stream.Name)
		}
		if !b.Start.IsZero() && r.cfg.StartDate.Before(b.Start) {
			later = append(later, q.Stream.Name)
		}
	}
	r.warnOf(others, "the state was written with another credential or user_id: older rows that only this user can see may be missing")
	r.warnOf(treated, "the policy for personal data, or its key, has changed: rows that are already loaded keep their old values")
	r.warnOf(later, "start_date is earlier than the state's: rows last updated between the two are missing")
}

// warnOf warns of streams whose rows should be read again, if there are any. It names a few; all of
// them stand in the log for debugging.
func (r *Run) warnOf(streams []string, what string) {
	const named = 3
	if len(streams) == 0 {
		return
	}
	r.opts.Log.Warn(what+"; to read them again, use --refresh (Singer), or refresh the streams (Airbyte)",
		"streams", tap.Few(streams, named))
	r.opts.Log.Debug("rows of these streams should be read again", "streams", strings.Join(streams, ", "))
}

// refresh finds the streams to read from the start. Each pattern must match a selected one.
func (r *Run) refresh() error {
	for _, pattern := range r.read.Refresh {
		matched, err := schemas.Match([]string{pattern})
		if err != nil {
			return &tap.Error{Kind: tap.BadInput, Op: "--refresh", Err: err}
		}
		found := false
		for _, q := range r.queries {
			if slices.Contains(matched, q.Stream.Name) {
				found = true
				r.anew[q.Stream.Name] = true
			}
		}
		if !found {
			return tap.Errorf(tap.BadInput, "--refresh", "%q matches no selected stream", pattern).
				WithHint("select it in the catalog or in streams")
		}
	}
	return nil
}
