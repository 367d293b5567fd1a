package greenhouse

import (
	"context"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/config"
	"github.com/tap-greenhouse/tap-greenhouse/tap/gone"
	"github.com/tap-greenhouse/tap-greenhouse/tap/progress"
)

// InspectDeletes returns what the store of deletes says of a stream, as a state sees it; nil for
// none. It makes no request to Greenhouse.
func InspectDeletes(
	ctx context.Context, cfg *config.Config, stream string, state []byte, stateName string,
) (*gone.Status, error) {
	if cfg.Deletes == nil {
		return nil, tap.Errorf(tap.BadInput, "deletes show", "deletes is not set in the config").
			WithHint("set deletes.store: what was delivered is kept there")
	}
	lookup := lookupOf()
	if lookup(stream) == nil {
		return nil, tap.Errorf(tap.BadInput, "deletes show", "there is no stream %q", stream)
	}
	parsed := tap.NewState()
	if state != nil {
		var err error
		if parsed, err = Singer.parseState(state, lookup); err != nil {
			return nil, config.Misread("state "+stateName, err, state)
		}
	}
	bookmark := *parsed.Of(stream)
	status, err := gone.Inspect(ctx, ledgers{cfg.Deletes.Store}, gone.Opening{
		Stream: stream, Passes: 1, Token: gone.ParseToken(bookmark.Ledger), Version: bookmark.Version,
		Loaded: progress.Loaded(bookmark),
	})
	if err != nil {
		return nil, &tap.Error{Kind: tap.Storage, Op: "loading the ids of " + stream, Err: err}
	}
	return status, nil
}
