// Package attachments stores the contents of attachments: it downloads each file, puts it in a
// store, and adds its place to the record. It is a [tap.Enricher]: a record waits for its file, and
// so does the state that covers it.
package attachments

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/sync/errgroup"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
	"github.com/tap-greenhouse/tap-greenhouse/tap/store"
)

// Stream is the stream whose records have contents.
const Stream = "attachments"

// columns are added to records.
var columns = []struct {
	name, description string
	kind              record.Kinds
}{
	{"content_url", "Where the content is in the store.", record.String},
	{"content_bytes", "Size of the content.", record.Integer},
	{"content_sha256", "SHA-256 of the content, in hex.", record.String},
	{"content_type", "Media type of the content, according to the file host.", record.String},
	{"content_error", "Why there is no content; null if there is.", record.String},
}

// Shape returns the shape with the columns for contents.
func Shape(shape *record.Shape) *record.Shape {
	var more []record.Column
	for _, c := range columns {
		more = append(more, record.Column{
			Name: c.name, Added: true,
			Shape: &record.Shape{Kinds: c.kind | record.Null, Description: c.description},
		})
	}
	return shape.With(more...)
}

// Options say which files to store, and how to download them.
type Options struct {
	Store store.Store
	// Types are the types of attachments to store; empty for all.
	Types []string
	// MaxBytes is the maximum size of a file.
	MaxBytes int64
	// Concurrency is the number of downloads at the same time.
	Concurrency int
	// RequestTimeout is how long a connection may be silent.
	RequestTimeout time.Duration
	// MaxRetryTime is how long a file is requested from a host that is away.
	MaxRetryTime time.Duration
	// Local allows files on this machine, as a sandbox has them.
	Local     bool
	UserAgent string
	Source    tap.Source
	Log       *slog.Logger
}

// Enricher adds contents to the records of attachments.
type Enricher struct {
	opts  Options
	fetch *fetcher
	slots chan struct{}
}

// New returns an enricher. It does not use the store or the network before its first use.
func New(opts Options) *Enricher {
	return &Enricher{
		opts: opts, fetch: newFetcher(&opts), slots: make(chan struct{}, opts.Concurrency),
	}
}

// row is the part of a record that is needed.
type row struct {
	ID        int64  `json:"id"`
	Type      string `json:"type"`
	Filename  string `json:"filename"`
	URL       string `json:"url"`
	UpdatedAt string `json:"updated_at"`

	content *store.Meta
	name    string
	failed  *fileError
}

// Enrich adds the contents to a page of attachments; records of other streams are returned
// unchanged. An error concerns the store, a file host that is away, or the run: failures of single
// files are in their records.
func (e *Enricher) Enrich(ctx context.Context, q *tap.Query, shape *record.Shape,
	records [][]byte,
) ([][]byte, error) {
	if q.Stream.Name != Stream || len(records) == 0 {
		return records, nil
	}
	rows := parseRows(records, shape)
	all := make([]*row, len(rows))
	for i := range rows {
		all[i] = &rows[i]
	}
	if len(e.opts.Types) > 0 && !plain(shape, "type") {
		if err := e.renew(ctx, q.Stream, all); err != nil {
			return nil, err
		}
	}
	if err := e.keepAll(ctx, all); err != nil {
		return nil, err
	}
	// Links that failed together are renewed together.
	if dead := slices.DeleteFunc(all, func(r *row) bool {
		return r.failed == nil || !r.failed.expired
	}); len(dead) > 0 {
		if err := e.retryLinks(ctx, q.Stream, dead); err != nil {
			return nil, err
		}
	}
	out := make([][]byte, len(records))
	for i := range rows {
		r := &rows[i]
		if r.failed != nil && !r.failed.unwanted {
			e.opts.Log.Warn("an attachment could not be fetched", "stream", Stream, "id", r.ID,
				"reason", r.failed.text)
		}
		out[i] = r.complete(records[i], shape, e.opts.Store)
	}
	return out, nil
}

// plain reports whether the records hold a column unchanged.
func plain(shape *record.Shape, column string) bool {
	c := shape.Column(column)
	return c != nil && c.Treatment == record.Keep
}

// parseRows reads what is needed of the records; a link that they do not hold unchanged is empty.
func parseRows(records [][]byte, shape *record.Shape) []row {
	rows := make([]row, len(records))
	for i, rec := range records {
		r := &rows[i]
		if err := json.Unmarshal(rec, r, record.Tolerant); err != nil || r.ID == 0 {
			r.failed = &fileError{text: "the record cannot be read"}
			continue
		}
		if !plain(shape, "filename") {
			r.Filename = ""
		}
		if !plain(shape, "url") {
			r.URL = ""
		}
	}
	return rows
}

// keepAll makes sure that the contents of rows are in the store.
func (e *Enricher) keepAll(ctx context.Context, rows []*row) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, r := range rows {
		if r.failed == nil {
			group.Go(func() error { return e.keep(ctx, r) })
		}
	}
	return group.Wait()
}

// keep makes sure that the content of a row is in the store.
func (e *Enricher) keep(ctx context.Context, r *row) error {
	select {
	case e.slots <- struct{}{}:
		defer func() { <-e.slots }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if len(e.opts.Types) > 0 && !slices.Contains(e.opts.Types, r.Type) {
		r.failed = &fileError{
			text: "left out: its type is not among attachments.types", unwanted: true,
		}
		return nil
	}
	r.name = fmt.Sprintf("%d/%s", r.ID, SafeName(r.Filename))
	have, err := e.opts.Store.Stat(ctx, r.name)
	switch {
	case err == nil && have.SHA256 != "" && have.Source == r.UpdatedAt:
		r.content = &have
		return nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return e.storeError(ctx, "looking for "+r.name, err)
	}
	file, m, err := e.fetch.fetch(ctx, r.ID, r.URL, e.opts.Store)
	var own *fileError
	switch {
	case errors.As(err, &own):
		r.failed = own
		return nil
	case err != nil:
		return e.storeError(ctx, "keeping "+r.name, err)
	}
	m.Source = r.UpdatedAt
	if err := e.opts.Store.Put(ctx, r.name, file, m); err != nil {
		return e.storeError(ctx, "keeping "+r.name, err)
	}
	r.content = &m
	return nil
}

func (e *Enricher) storeError(ctx context.Context, op string, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if kind := tap.KindOf(err); kind != tap.Fault {
		return err
	}
	return &tap.Error{
		Kind: tap.Storage, Op: op + " in " + e.opts.Store.URL(""), Err: err,
		Hint: "check that attachments.store exists and is writable",
	}
}

// complete adds the columns for contents to a record, at its end.
func (r *row) complete(rec []byte, shape *record.Shape, s store.Store) []byte {
	values := map[string]any{}
	if r.content != nil {
		values["content_url"], values["content_bytes"], values["content_sha256"],
			values["content_type"] = s.URL(r.name), r.content.Bytes, r.content.SHA256,
			mediaType(r.content.ContentType) // an older version may have stored more
	} else if r.failed != nil {
		values["content_error"] = r.failed.Error()
	}
	out := bytes.Clone(rec[:len(rec)-1])
	for _, c := range columns {
		column := shape.Column(c.name)
		if column == nil || column.Treatment == record.Drop {
			continue
		}
		value := []byte("null")
		if v := values[c.name]; v != nil && column.Treatment == record.Keep {
			if text, err := json.Marshal(v, jsontext.AllowInvalidUTF8(true)); err == nil {
				value = text
			}
		}
		out = append(append(append(out, `,"`+c.name+`":`...), value...), ""...)
	}
	return append(out, '}')
}
