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
	"strconv"
	"strings"
	"sync"
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

// maxIDs is the number of rows per request (docs).
const maxIDs = 50

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
			Name: c.name, Made: true,
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
	// Silence is how long a connection may be silent.
	Silence   time.Duration
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
		opts: opts, fetch: newFetcher(opts.Concurrency, opts.MaxBytes, opts.Silence,
			opts.UserAgent), slots: make(chan struct{}, opts.Concurrency),
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
	failed  error
}

// Enrich adds the contents to a page of attachments; records of other streams are returned
// unchanged. An error concerns the store or the run: failures of single files are in their records.
func (e *Enricher) Enrich(ctx context.Context, sel *tap.Selection, shape *record.Shape,
	records [][]byte,
) ([][]byte, error) {
	if sel.Stream.Name != Stream || len(records) == 0 {
		return records, nil
	}
	plain := func(column string) bool {
		c := shape.Column(column)
		return c != nil && c.Treatment == record.Keep
	}
	rows := make([]row, len(records))
	for i, r := range records {
		if err := json.Unmarshal(r, &rows[i], jsontext.AllowDuplicateNames(true),
			jsontext.AllowInvalidUTF8(true)); err != nil {
			// A member has an unexpected type. What else is needed can be requested.
			id := struct {
				ID int64 `json:"id"`
			}{}
			if json.Unmarshal(r, &id, jsontext.AllowDuplicateNames(true)) != nil {
				rows[i].failed = &fileError{text: "the record cannot be read"}
				continue
			}
			rows[i] = row{ID: id.ID}
		}
		if !plain("filename") {
			rows[i].Filename = ""
		}
	}
	links := &links{enricher: e, sel: sel, rows: rows}
	if !plain("url") || len(e.opts.Types) > 0 && !plain("type") {
		if err := links.renew(ctx); err != nil {
			return nil, err
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	for i := range rows {
		if r := &rows[i]; r.failed == nil {
			group.Go(func() error { return e.keep(ctx, r, links) })
		}
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	out := make([][]byte, len(records))
	for i := range rows {
		out[i] = rows[i].complete(records[i], shape, e.opts.Store)
	}
	return out, nil
}

// keep makes sure that the content of a row is in the store.
func (e *Enricher) keep(ctx context.Context, r *row, links *links) error {
	select {
	case e.slots <- struct{}{}:
		defer func() { <-e.slots }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if len(e.opts.Types) > 0 && !slices.Contains(e.opts.Types, r.Type) {
		r.failed = &fileError{text: "left out: its type is not among attachments.types"}
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
	file, m, err := e.fetch.fetch(ctx, r.URL, e.opts.Store)
	var own *fileError
	if errors.As(err, &own) && (own.expired || r.URL == "") {
		link, renewErr := links.fresh(ctx, r)
		if renewErr != nil {
			return renewErr
		}
		if link != "" && link != r.URL {
			file, m, err = e.fetch.fetch(ctx, link, e.opts.Store)
		}
	}
	switch {
	case errors.As(err, &own):
		r.failed = own
		e.opts.Log.Warn("an attachment could not be fetched", "stream", Stream, "id", r.ID,
			"reason", own.text)
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
	if cause := context.Cause(ctx); cause != nil && tap.KindOf(err) != tap.Fault {
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

// links are the links of a page's rows. Expired ones are requested again once, all together.
type links struct {
	enricher *Enricher
	sel      *tap.Selection
	rows     []row

	mu      sync.Mutex
	renewed map[int64]row
}

// fresh returns a new link of a row; empty if there is none.
func (l *links) fresh(ctx context.Context, r *row) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.renewed == nil {
		if err := l.ask(ctx); err != nil {
			return "", err
		}
	}
	return l.renewed[r.ID].URL, nil
}

// renew requests all links, and what the records do not hold unchanged.
func (l *links) renew(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.ask(ctx); err != nil {
		return err
	}
	for i := range l.rows {
		found := l.renewed[l.rows[i].ID]
		l.rows[i].URL, l.rows[i].Type, l.rows[i].UpdatedAt = found.URL, found.Type, found.UpdatedAt
	}
	return nil
}

func (l *links) ask(ctx context.Context) error {
	l.renewed = map[int64]row{}
	for at := 0; at < len(l.rows); at += maxIDs {
		var ids []string
		part := l.rows[at:min(at+maxIDs, len(l.rows))]
		for i := range part { // no copy of a row: its other members may be written concurrently
			ids = append(ids, strconv.FormatInt(part[i].ID, 10))
		}
		req := tap.Request{
			Stream: l.sel.Stream,
			Params: map[string]string{"ids": strings.Join(ids, ",")},
		}
		err := l.enricher.opts.Source.Read(ctx, req, func(page tap.Page) error {
			var rows []row
			if err := json.Unmarshal(page.Body, &rows, jsontext.AllowDuplicateNames(true),
				jsontext.AllowInvalidUTF8(true)); err != nil {
				return &record.MalformedError{What: "links that cannot be read"}
			}
			for _, r := range rows {
				l.renewed[r.ID] = r
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
