package sandbox

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// The API's limits on parameters.
const (
	maxPerPage     = 500
	defaultPerPage = 100
	maxIDs         = 50
	maxFields      = 50
)

// query is a read of a list, from its parameters.
type query struct {
	params  url.Values
	perPage int
	fields  map[string]bool
	gone    map[string]bool // columns that rows lack
	ids     map[int64]bool
	bounds  map[string][2]int64 // by column: from, inclusive, and to, exclusive, in milliseconds
	equal   map[string][]string // by parameter: the values that match
	active  string              // of job_posts
	option  string              // custom_field_key
	hidden  bool                // hidden rows are listed
	before  int64               // rows with smaller ids; 0 for all
}

// cursor is the content of a cursor, which is opaque to its users.
type cursor struct {
	Path   string `json:"p"`
	Params string `json:"q"`
	Before int64  `json:"b"`
	Issued int64  `json:"t"`
}

func (c cursor) String() string {
	text, err := json.Marshal(c)
	if err != nil {
		panic(err) // strings and numbers
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

func parseCursor(text string) (c cursor, ok bool) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	return c, err == nil && json.Unmarshal(raw, &c) == nil
}

// refusal is the reason of a 422, and the parameter at fault. Without a text, the API does not know
// the parameter, or does not take it here.
type refusal struct{ param, text string }

func (r refusal) Error() string { return r.param + " " + r.text }

// parseQuery reads the parameters of a list, as strictly as the API.
func parseQuery(s *tap.Stream, params url.Values) (*query, error) {
	q := &query{
		params: params, perPage: defaultPerPage, bounds: map[string][2]int64{},
		equal: map[string][]string{},
	}
	for name, values := range params {
		if len(values) != 1 {
			return nil, refusal{name, "stands there more than once"}
		}
		if err := q.parameter(s, name, values[0]); err != nil {
			return nil, err
		}
	}
	_, created := q.bounds["created_at"]
	if _, updated := q.bounds["updated_at"]; created && updated {
		return nil, refusal{"created_at", "cannot be combined with updated_at"}
	}
	return q, nil
}

func (q *query) parameter(s *tap.Stream, name, value string) error {
	switch name {
	case "per_page":
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 || n > maxPerPage {
			return refusal{name, "must be between 1 and 500"}
		}
		q.perPage = n
		return nil
	case "fields":
		return q.parseFields(s, value)
	case "ids":
		ids, err := parseIDs(name, value)
		q.ids = ids
		return err
	case "created_at", "updated_at":
		if s.Bookmark == "" {
			return refusal{name, ""}
		}
		return q.parseBounds(name, value)
	}
	filter, ok := s.Filters[name]
	if !ok {
		return refusal{name, ""}
	}
	switch filter.Type {
	case "ids":
		if _, err := parseIDs(name, value); err != nil {
			return err
		}
		q.equal[name] = strings.Split(value, ",")
		return nil
	case "time":
		return q.parseBounds(name, value)
	case "boolean":
		if value != "true" && value != "false" {
			return refusal{name, "must be true or false"}
		}
	case "integer":
		if _, err := strconv.ParseInt(value, 10, 64); err != nil {
			return refusal{name, "must be a number"}
		}
	}
	if len(filter.Enum) > 0 && !slices.Contains(filter.Enum, value) {
		return refusal{name, "must be one of " + strings.Join(filter.Enum, ", ")}
	}
	switch {
	case name == "show_service_accounts" || name == "include_defaults":
		q.hidden = value == "true"
	case name == "active" && s.Name == "job_posts":
		q.active = value
	case name == "custom_field_key":
		if !slices.Contains(optionKeys, value) {
			return refusal{name, "is unknown"}
		}
		q.option = value
	default:
		q.equal[name] = []string{value}
	}
	return nil
}

func (q *query) parseFields(s *tap.Stream, value string) error {
	shape, err := s.Shape()
	if err != nil {
		return err
	}
	names := strings.Split(value, ",")
	if len(names) > maxFields {
		return refusal{"fields", "takes at most 50 names"}
	}
	q.fields = map[string]bool{}
	for _, name := range names {
		if shape.Column(name) == nil {
			return refusal{"fields", "unknown field " + name}
		}
		q.fields[name] = true
	}
	return nil
}

func parseIDs(name, value string) (map[int64]bool, error) {
	texts := strings.Split(value, ",")
	if len(texts) > maxIDs {
		return nil, refusal{name, "takes at most 50 numbers"}
	}
	ids := map[int64]bool{}
	for _, text := range texts {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, refusal{name, "must be numbers"}
		}
		ids[id] = true
	}
	return ids, nil
}

// parseBounds reads one or two bounds: gte|2026-01-01T00:00:00.000Z|lt|2026-02-01T00:00:00.000Z.
func (q *query) parseBounds(name, value string) error {
	parts := strings.Split(value, "|")
	if len(parts) != 2 && len(parts) != 4 {
		return refusal{name, "must be one or two bounds"}
	}
	lo, hi := int64(-1<<62), int64(1<<62)
	for k := 0; k < len(parts); k += 2 {
		at, err := time.Parse(time.RFC3339Nano, parts[k+1])
		if err != nil {
			return refusal{name, "must hold a time"}
		}
		ms := at.UnixMilli()
		switch parts[k] {
		case "gte":
			lo = max(lo, ms)
		case "gt":
			lo = max(lo, ms+1)
		case "lte":
			hi = min(hi, ms+1)
		case "lt":
			hi = min(hi, ms)
		default:
			return refusal{name, "knows gte, gt, lte and lt"}
		}
	}
	q.bounds[name] = [2]int64{lo, hi}
	return nil
}

// list calls row for each row of a page of the query, newest first, and returns the id of the last
// one; more reports whether others follow.
func (t *table) list(q *query, row func(i int)) (last int64, more bool) {
	top := t.len() - 1
	if q.before > 0 {
		top = min(top, int(q.before-t.base)-1)
	}
	bottom := 0
	updated, byUpdate := q.bounds["updated_at"]
	if byUpdate && len(t.changes) == 0 && len(t.inserted) == 0 {
		// A row is changed after its creation, but not long after: the others can be skipped.
		rows := int64(len(t.entries))
		top = min(top, int(((updated[1]-t.begin)/t.period+1)*rows))
		bottom = max(0, int(((updated[0]-t.lag-t.begin)/t.period-1)*rows))
	}
	created, byCreation := q.bounds["created_at"]
	n := 0
	for i := top; i >= bottom; i-- {
		switch {
		case !t.alive(i), t.hidden(i) && !q.hidden,
			q.ids != nil && !q.ids[t.id(i)],
			q.active != "" && q.active != strconv.FormatBool(t.active(i)),
			q.active == "" && t.stream.Name == "job_posts" && !t.active(i),
			q.option != "" && t.option(i) != q.option:
			continue
		}
		if byUpdate {
			if at := t.updated(i); at < updated[0] || at >= updated[1] {
				continue
			}
		}
		if byCreation {
			if at := t.created(i); at < created[0] || at >= created[1] {
				continue
			}
		}
		if !t.matches(q, i) {
			continue
		}
		if n == q.perPage {
			return last, true
		}
		n++
		last = t.id(i)
		row(i)
	}
	return last, false
}

// matches checks a row's values against the other filters.
func (t *table) matches(q *query, i int) bool {
	other := len(q.equal) > 0
	for column := range q.bounds {
		other = other || column != "updated_at" && column != "created_at"
	}
	if !other {
		return true
	}
	var row map[string]any
	if err := json.Unmarshal(t.appendRow(nil, i, nil, nil), &row); err != nil {
		panic(err) // rows are generated here
	}
	for name, wanted := range q.equal {
		column := name
		if strings.HasSuffix(name, "_ids") && row[name] == nil {
			column = strings.TrimSuffix(name, "s")
		}
		var have []string
		switch v := row[column].(type) {
		case []any:
			for _, item := range v {
				have = append(have, plain(item))
			}
		default:
			have = []string{plain(v)}
		}
		if t.stream.Name == "applications" && name == "status" &&
			slices.Contains(wanted, "active") {
			wanted = []string{"in_process"}
		}
		if !slices.ContainsFunc(have, func(h string) bool { return slices.Contains(wanted, h) }) {
			return false
		}
	}
	for column, b := range q.bounds {
		text, _ := row[column].(string)
		at, err := tap.ParseTime(text)
		if err != nil || at.UnixMilli() < b[0] || at.UnixMilli() >= b[1] {
			return false
		}
	}
	return true
}

func plain(v any) string {
	if f, ok := v.(float64); ok {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}
