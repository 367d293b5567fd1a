package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/tap-greenhouse/tap-greenhouse/tap/greenhouse"
)

// sink stores messages in a schema: a table for each stream, and the state beside them. Rows and
// the state that covers them are stored in one transaction, so neither is ever ahead of the other.
type sink struct {
	ctx    context.Context
	db     *pgx.Conn
	schema string
	state  []byte // of the last run; nil for none
	tables map[string]*table
	held   int // rows
}

// table holds rows of a stream that are not stored yet, by key: the last one counts.
type table struct {
	key  string
	rows map[string][]byte
}

// most is how many rows are held.
const most = 20_000

var errTaken = errors.New("another run is writing to this schema")

// open makes the schema, takes it for this run, and reads its state.
func open(ctx context.Context, db *pgx.Conn, schema string) (*sink, error) {
	s := &sink{ctx: ctx, db: db, schema: schema, tables: map[string]*table{}}
	var free bool
	err := db.QueryRow(ctx, "select pg_try_advisory_lock(hashtextextended($1, 0))", schema).Scan(&free)
	if err != nil {
		return nil, err
	}
	if !free {
		return nil, errTaken
	}
	if _, err := db.Exec(ctx, fmt.Sprintf(
		"create schema if not exists %s; create table if not exists %s (state jsonb)",
		name(schema), s.name("_state"))); err != nil {
		return nil, err
	}
	err = db.QueryRow(ctx, "select state::text from "+s.name("_state")).Scan(&s.state)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return nil, err
	}
	return s, nil
}

func name(parts ...string) string { return pgx.Identifier(parts).Sanitize() }

func (s *sink) name(table string) string { return name(s.schema, table) }

// take stores a message, or holds it until the next state.
func (s *sink) take(m greenhouse.Message) error {
	switch m.Type {
	case "SCHEMA":
		if err := s.flush(nil); err != nil { // rows of the schema before
			return err
		}
		return s.shape(m)
	case "RECORD":
		t := s.tables[m.Stream]
		var key map[string]json.RawMessage
		if err := json.Unmarshal(m.Record, &key); err != nil {
			return err
		}
		t.rows[string(key[t.key])] = m.Record
		if s.held++; s.held >= most {
			return s.flush(nil)
		}
	case "STATE":
		return s.flush(m.State)
	}
	return nil
}

// shape makes a table fit a schema: columns are added, and take wider types.
func (s *sink) shape(m greenhouse.Message) error {
	var schema struct {
		Properties map[string]json.RawMessage `json:"properties"`
	}
	if err := json.Unmarshal(m.Schema, &schema); err != nil {
		return err
	}
	key := m.Key[0]
	s.tables[m.Stream] = &table{key: key, rows: map[string][]byte{}}
	t := s.name(m.Stream)
	if _, err := s.db.Exec(s.ctx, fmt.Sprintf("create table if not exists %s (%s %s primary key)", t,
		name(key), typeOf(schema.Properties[key]))); err != nil {
		return err
	}
	rows, err := s.db.Query(s.ctx, `select attname, format_type(atttypid, null) from pg_attribute
		where attrelid = $1::regclass and attnum > 0 and not attisdropped`, t)
	if err != nil {
		return err
	}
	have := map[string]string{}
	var column, kind string
	if _, err := pgx.ForEachRow(rows, []any{&column, &kind}, func() error {
		have[column] = kind
		return nil
	}); err != nil {
		return err
	}
	var changes []string
	for column, property := range schema.Properties {
		switch want, now := typeOf(property), have[column]; {
		case now == "":
			changes = append(changes, fmt.Sprintf("add column %s %s", name(column), want))
		case now != want:
			changes = append(changes, fmt.Sprintf("alter column %s type %s using %s", name(column),
				want, converted(name(column), want)))
		}
	}
	if len(changes) == 0 {
		return nil
	}
	slices.Sort(changes)
	_, err = s.db.Exec(s.ctx, "alter table "+t+" "+strings.Join(changes, ", "))
	return err
}

// typeOf returns the type of a column for a JSON Schema: jsonb if it has several.
func typeOf(schema json.RawMessage) string {
	var p struct {
		Type   any    `json:"type"`
		Format string `json:"format"`
	}
	if json.Unmarshal(schema, &p) != nil {
		return "jsonb"
	}
	var types []string
	switch t := p.Type.(type) {
	case string:
		types = []string{t}
	case []any:
		for _, one := range t {
			if one != "null" {
				types = append(types, fmt.Sprint(one))
			}
		}
	}
	if len(types) != 1 {
		return "jsonb"
	}
	switch types[0] + " " + p.Format {
	case "string date-time":
		return "timestamp with time zone"
	case "string date":
		return "date"
	}
	switch types[0] {
	case "string":
		return "text"
	case "integer":
		return "bigint"
	case "number":
		return "numeric"
	case "boolean":
		return "boolean"
	}
	return "jsonb"
}

// converted converts a column to a wider type.
func converted(column, to string) string {
	if to == "jsonb" {
		return "to_jsonb(" + column + ")"
	}
	return column + "::text::" + to
}

// flush stores the rows that are held and, unless it is nil, the state that covers them.
func (s *sink) flush(state []byte) error {
	if s.held == 0 && state == nil {
		return nil
	}
	return pgx.BeginFunc(s.ctx, s.db, func(tx pgx.Tx) error {
		for stream, t := range s.tables {
			if err := s.store(tx, stream, t); err != nil {
				return fmt.Errorf("storing %s: %w", stream, err)
			}
			clear(t.rows)
		}
		s.held = 0
		if state == nil {
			return nil
		}
		_, err := tx.Exec(s.ctx, fmt.Sprintf("delete from %[1]s", s.name("_state")))
		if err == nil {
			_, err = tx.Exec(s.ctx, fmt.Sprintf("insert into %s values ($1::text::jsonb)",
				s.name("_state")), string(state))
		}
		return err
	})
}

// store copies rows into a temporary table, and from there over those with the same key. A column
// that a row does not have stays as it was: a row that is gone brings its key and the time only.
func (s *sink) store(tx pgx.Tx, stream string, t *table) error {
	if len(t.rows) == 0 {
		return nil
	}
	const batch = "create temporary table if not exists _batch (doc jsonb) on commit delete rows"
	if _, err := tx.Exec(s.ctx, batch); err != nil {
		return err
	}
	if _, err := tx.Exec(s.ctx, "truncate _batch"); err != nil {
		return err
	}
	docs := make([][]any, 0, len(t.rows))
	for _, row := range t.rows {
		docs = append(docs, []any{json.RawMessage(row)})
	}
	if _, err := tx.CopyFrom(s.ctx, pgx.Identifier{"_batch"}, []string{"doc"},
		pgx.CopyFromRows(docs)); err != nil {
		return err
	}
	table, key := s.name(stream), name(t.key)
	var columns []string
	rows, err := tx.Query(s.ctx, `select attname from pg_attribute
		where attrelid = $1::regclass and attnum > 0 and not attisdropped`, table)
	if err != nil {
		return err
	}
	if columns, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
		return err
	}
	var sets []string
	for _, column := range columns {
		if column != t.key {
			sets = append(sets, fmt.Sprintf("%s = excluded.%[1]s", name(column)))
		}
	}
	_, err = tx.Exec(s.ctx, fmt.Sprintf(`insert into %s
		select row.* from (select doc, (jsonb_populate_record(null::%[1]s, doc)).%s as key from _batch) batch
		left join %[1]s old on old.%[2]s = batch.key
		cross join lateral jsonb_populate_record(old, batch.doc) row
		on conflict (%[2]s) do update set %s`, table, key, strings.Join(sets, ", ")))
	return err
}
