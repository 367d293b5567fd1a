package attachments

import (
	"cmp"
	"context"
	"slices"

	"github.com/go-json-experiment/json"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// retryLinks asks for new links of rows whose links are dead, and fetches the files of those that
// have one.
func (e *Enricher) retryLinks(ctx context.Context, s *tap.Stream, rows []*row) error {
	dead := make(map[int64]string, len(rows))
	for _, r := range rows {
		dead[r.ID] = r.URL
	}
	if err := e.renew(ctx, s, rows); err != nil {
		return err
	}
	var renewed []*row
	for _, r := range rows {
		if r.URL != "" && r.URL != dead[r.ID] {
			r.failed = nil
			renewed = append(renewed, r)
		}
	}
	return e.keepAll(ctx, renewed)
}

// renew requests the links of rows, and what else their records do not hold unchanged.
func (e *Enricher) renew(ctx context.Context, s *tap.Stream, rows []*row) error {
	found := map[int64]row{}
	for asked := range slices.Chunk(rows, tap.MaxIDs) {
		req := tap.Request{Stream: s}
		for _, r := range asked {
			req.IDs = append(req.IDs, r.ID)
		}
		err := e.opts.Source.Read(ctx, req, func(page tap.Page) error {
			var part []row
			if err := json.Unmarshal(page.Body, &part, record.Tolerant); err != nil {
				return &record.MalformedError{What: "links that cannot be read"}
			}
			for _, r := range part {
				found[r.ID] = r
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	for _, r := range rows {
		if now, ok := found[r.ID]; ok {
			r.URL, r.Type, r.UpdatedAt = now.URL, now.Type, cmp.Or(r.UpdatedAt, now.UpdatedAt)
		}
	}
	return nil
}
