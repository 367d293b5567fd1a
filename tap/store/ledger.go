package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// Ledger keeps what is known of each stream in a file of a store: a line of JSON, followed by sets
// of ids with the lengths given in it.
type Ledger struct{ Store Store }

// header is the first line of a file.
type header struct {
	Version int64     `json:"version"`
	ReadAs  string    `json:"read_as"`
	Swept   time.Time `json:"swept,omitzero"`
	Sweep   *sweep    `json:"sweep,omitzero"`
	// Sets are the lengths of the sets, in bytes: rows, fresh, and those of the sweep: listed,
	// current, since.
	Sets [5]int `json:"sets"`
}

type sweep struct {
	Began  time.Time `json:"began,omitzero"`
	Pass   int       `json:"pass"`
	Cursor string    `json:"cursor"`
}

func fileOf(stream string) string { return stream + ".ids" }

// Load implements [tap.Ledger]. A damaged file is an error: it must not be used to report deletes.
func (l *Ledger) Load(ctx context.Context, stream string) (*tap.Known, error) {
	data, err := ReadFile(ctx, l.Store, fileOf(stream))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // nothing is known yet
	}
	if err != nil {
		return nil, err
	}
	damaged := fmt.Errorf("%s is damaged: remove it, and the tap collects the ids again",
		l.Store.URL(fileOf(stream)))
	line, rest, ok := bytes.Cut(data, []byte{'\n'})
	var h header
	if !ok || json.Unmarshal(line, &h) != nil {
		return nil, damaged
	}
	var sets [5]tap.IDs
	for i, n := range h.Sets {
		if n < 0 || n > len(rest) {
			return nil, damaged
		}
		if sets[i], ok = tap.ParseIDs(rest[:n]); !ok {
			return nil, damaged
		}
		rest = rest[n:]
	}
	if len(rest) > 0 {
		return nil, damaged
	}
	k := &tap.Known{
		Version: h.Version, ReadAs: h.ReadAs, Swept: h.Swept, Rows: sets[0],
		Fresh: sets[1],
	}
	if h.Sweep != nil {
		k.Sweep = &tap.Sweep{
			Began: h.Sweep.Began, Pass: h.Sweep.Pass, Cursor: h.Sweep.Cursor,
			Listed: sets[2], Current: sets[3], Since: sets[4],
		}
	}
	return k, nil
}

// Save implements [tap.Ledger].
func (l *Ledger) Save(ctx context.Context, stream string, k *tap.Known) error {
	h := header{Version: k.Version, ReadAs: k.ReadAs, Swept: k.Swept}
	sets := []*tap.IDs{&k.Rows, &k.Fresh}
	if s := k.Sweep; s != nil {
		h.Sweep = &sweep{Began: s.Began, Pass: s.Pass, Cursor: s.Cursor}
		sets = append(sets, &s.Listed, &s.Current, &s.Since)
	}
	for i, s := range sets {
		h.Sets[i] = len(s.Bytes())
	}
	data, err := json.Marshal(h)
	if err != nil {
		return err
	}
	data = append(data, '\n')
	for _, s := range sets {
		data = append(data, s.Bytes()...)
	}
	return WriteFile(ctx, l.Store, fileOf(stream), data)
}
