package greenhouse

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"

	"github.com/tap-greenhouse/tap-greenhouse/tap/gone"
	"github.com/tap-greenhouse/tap-greenhouse/tap/store"
)

// ledgers keeps the ledgers of deletes in a store: a file STREAM.ids, and a log for each run in
// STREAM.log.
type ledgers struct{ store store.Store }

// nonce tells a run from others that begin at the same time.
func nonce() string { return rand.Text()[:8] }

func file(stream string) string { return stream + ".ids" }
func logs(stream string) string { return stream + ".log" }

// Load implements [gone.Store]. A log that another run removes meanwhile is part of the file by
// then, so the file is read last.
func (l ledgers) Load(ctx context.Context, stream string) ([]byte, []gone.Log, error) {
	found, err := l.store.Logs(ctx, logs(stream))
	if err != nil {
		return nil, nil, err
	}
	file, err := store.ReadFile(ctx, l.store, file(stream))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	var all []gone.Log
	for _, log := range found {
		all = append(all, gone.Log{
			Run: log.Name, Data: log.Data, Changed: log.Changed, Parts: log.Parts, Last: log.Last,
		})
	}
	return file, all, nil
}

// Append implements [gone.Store].
func (l ledgers) Append(
	ctx context.Context, stream, run string, number uint64, data []byte,
) error {
	return l.store.Append(ctx, logs(stream)+"/"+run, number, data)
}

// Replace implements [gone.Store].
func (l ledgers) Replace(ctx context.Context, stream string, data []byte, old []gone.Log) error {
	if err := store.WriteFile(ctx, l.store, file(stream), data); err != nil {
		return err
	}
	for _, log := range old {
		as := store.Log{Name: log.Run, Data: log.Data, Last: log.Last}
		if err := l.store.RemoveLog(ctx, logs(stream), as); err != nil {
			return err
		}
	}
	return nil
}

// Name implements [gone.Store].
func (l ledgers) Name(stream string) string { return l.store.URL(file(stream)) }

// Slow implements [gone.Store].
func (l ledgers) Slow() bool { return l.store.Slow() }
