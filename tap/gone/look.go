package gone

import (
	"context"
	"fmt"
	"time"
)

// Look returns how many rows of a stream the ledger knows, and when the last complete listing
// began; zero for never. It changes nothing.
func Look(ctx context.Context, store Store, stream string, token Token) (rows int, swept time.Time,
	err error,
) {
	file, logs, err := store.Load(ctx, stream)
	if err != nil {
		return 0, time.Time{}, err
	}
	c, err := decode(file)
	if err != nil {
		return 0, time.Time{}, fmt.Errorf("%s: %w", store.Name(stream), err)
	}
	c.replay(logs, token)
	return c.rows.Len(), c.swept, nil
}
