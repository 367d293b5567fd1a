package sandbox

import (
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/brianvoe/gofakeit/v7"
	"github.com/go-json-experiment/json"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// variants is the number of variants of a table's decoration: the columns that its entries do not
// name.
const variants = 12

// plainRows is the number of rows of a list that the story does not tell about.
const plainRows = 40

// valueTypes are the value types of custom fields.
var valueTypes = []string{
	"short_text", "long_text", "yes_no", "single_select", "multi_select", "currency", "number",
	"date", "url", "currency_range", "number_range", "user", "linked", "header", "statement",
	"attachment", "rich_text", "date_of_birth", "address_hris", "date_of_birth_hris",
	"phone_number_hris", "national_tax_identity_hris",
}

// maker decorates a table: it makes the variants of the columns about which the story tells
// nothing.
type maker struct {
	fake   *gofakeit.Faker
	tables map[string]*table
	now    time.Time
}

// newTables makes the tables of all lists; candidates is the number of candidates.
func newTables(streams []*tap.Stream, seed uint64, candidates int,
	now time.Time,
) map[string]*table {
	tables := map[string]*table{}
	removals := false
	story := newStory(tables, candidates, now)
	for n, s := range streams {
		if s.ViewOf != "" {
			continue
		}
		h := fnv.New64a()
		h.Write([]byte(s.Name))
		t := &table{
			stream: s, base: 1000000 + int64(n)*100000000,
			seed:  h.Sum64() ^ seed*0x9e3779b97f4a7c15,
			begin: story.begin, period: int64(story.period), chapters: story.chapters,
			now: story.now, end: story.end,
			changes: map[int]*change{}, removals: &removals,
		}
		t.ready = sync.OnceFunc(func() {
			t.cast(story)
			m := &maker{fake: gofakeit.New(t.seed | 1), tables: tables, now: now}
			m.decorate(t)
		})
		tables[s.Name] = t
	}
	story.write(gofakeit.New(seed | 1))
	return tables
}

// decorate makes the variants of a table.
func (m *maker) decorate(t *table) {
	shape, err := t.stream.Shape()
	if err != nil {
		panic(err) // the streams' files are part of the program
	}
	count := variants
	if t.stream.Name == "candidates" {
		count *= 4 // they are the ones whom people look at
	}
	for v := range count {
		t.variants = append(t.variants, m.variant(t, shape, v))
	}
}

func (m *maker) variant(t *table, shape *record.Shape, v int) variant {
	var out variant
	for n, c := range shape.Columns {
		out.columns = append(out.columns, m.column(t, c, n, v))
	}
	return out
}

// column makes variant v of column n of a table.
func (m *maker) column(t *table, c record.Column, n, v int) column {
	key := slices.Concat(marshal(c.Name), []byte{':'})
	col := column{name: c.Name, key: key, parts: []part{{text: slices.Clip(key)}}}
	var isWritten bool
	if col.cell, isWritten = slices.BinarySearch(t.written, c.Name); !isWritten {
		col.cell = -1
	}
	s := t.stream
	ref := m.tables[s.References[c.Name]]
	if ref == nil && s.References[c.Name] != "" {
		ref = m.tables["custom_field_options"]
	}
	nullable := c.Shape.Kinds&record.Null != 0 && (v+n)%5 == 3
	special, isSpecial := m.special(t, c.Name, v)
	switch {
	case c.Name == "id":
		col.add(part{op: rowID})
	case c.Name == "created_at":
		col.add(part{op: createdAt})
	case c.Name == "updated_at":
		col.add(part{op: updatedAt})
	case s.Name == "job_posts" && c.Name == "active":
		col.add(part{op: isActive})
	case s.Name == "attachments" && c.Name == "url":
		col.add(part{op: fileURL})
	case isSpecial:
		col.text(special)
	case ref != nil && c.Shape.Kinds&record.Array != 0:
		col.add(part{text: []byte{'['}})
		for k := range v % 4 {
			if k > 0 {
				col.add(part{text: []byte{','}})
			}
			col.add(part{op: refTo, ref: ref, salt: uint64(100 + n*10 + k)})
			col.parts = append(col.parts, part{})
		}
		col.add(part{text: []byte{']'}})
	case nullable && (ref == nil || !belongs[c.Name]):
		col.text(nil)
	case ref != nil:
		col.add(part{op: refTo, ref: ref, salt: uint64(100 + n)})
	case c.Shape.Format == record.DateTime:
		col.add(part{op: laterAt, ms: int64(n+1) * 3600 * 1000})
	default:
		col.text(m.value(t.stream, c.Name, c.Shape, v))
	}
	return col
}

// add adds a part to a column; a text continues the one before.
func (c *column) add(p part) {
	last := &c.parts[len(c.parts)-1]
	if last.op == nothing {
		p.text = append(last.text, p.text...)
		*last = p
		return
	}
	c.parts = append(c.parts, p)
}

// text adds a value as JSON.
func (c *column) text(v any) { c.add(part{text: marshal(v)}) }

// marshal returns a value that is generated here as JSON.
func marshal(v any) []byte {
	text, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		panic(err) // it has no other types than those of JSON
	}
	return text
}

// special are the values that other parts of the sandbox depend on.
func (m *maker) special(t *table, column string, v int) (any, bool) {
	s := t.stream
	switch {
	case s.CustomFields != nil && s.CustomFields.Column == column:
		return m.customValues(s.CustomFields.FieldType, v), true
	case s.Name == "attachments" && column == "filename":
		return fileNames[v%len(fileNames)], true
	case s.Name == "custom_fields" && column == "active":
		return true, true
	case s.Name == "custom_fields" && column == "default_value":
		return []any{
			nil, "IC3", 12.5, true,
			map[string]any{"amount": "1.0", "unit": "EUR"},
			[]string{"IC1", "IC2"},
		}[v%6], true
	case s.Name == "candidates":
		return m.contact(column, v)
	}
	return nil, false
}

// contact are the addresses of a candidate.
func (m *maker) contact(column string, v int) (any, bool) {
	items := []any{}
	add := func(kind, value string) {
		item := map[string]any{"value": value}
		if kind != "" {
			item["type"] = kind
		}
		items = append(items, item)
	}
	switch column {
	case "email_addresses":
		for k := range v % 3 {
			add([]string{"personal", "work"}[k], m.fake.Email())
		}
	case "phone_numbers":
		for k := range (v + 1) % 3 {
			add([]string{"mobile", "home"}[k], "+49 30 "+m.fake.DigitN(7))
		}
	case "addresses":
		for range v % 2 {
			add("home", m.fake.Street()+", "+cities[v%len(cities)])
		}
	case "social_media_addresses":
		for k := range v % 4 {
			add("", []string{"https://www.LinkedIn.com/in/", "@", "https://github.com/"}[k]+
				m.fake.Username())
		}
	case "website_addresses":
		for k := range v % 3 {
			add([]string{"portfolio", "blog"}[k],
				[]string{"github.com/", "https://example.com/~"}[k]+m.fake.Username())
		}
	default:
		return nil, false
	}
	return items, true
}

// customValues are the custom fields of a record, some of those defined for its type.
func (m *maker) customValues(fieldType string, v int) any {
	values := map[string]any{}
	for k, valueType := range valueTypes {
		if (k+v)%3 == 0 {
			continue
		}
		var value any
		switch valueType {
		case "short_text", "long_text", "rich_text", "header", "statement":
			value = phrases[(k+v)%len(phrases)]
		case "yes_no":
			value = v%2 == 0
		case "single_select":
			value = optionLabels[v%len(optionLabels)]
		case "multi_select":
			value = []string{
				optionLabels[v%len(optionLabels)],
				optionLabels[(v+1)%len(optionLabels)],
			}
		case "linked":
			value = m.tables["custom_field_options"].id(v)
		case "address_hris", "date_of_birth_hris", "phone_number_hris",
			"national_tax_identity_hris":
			value = "*******" + strconv.Itoa(10+v)
		case "currency":
			value = map[string]any{"amount": "120000.0", "unit": "EUR"}
		case "currency_range":
			value = map[string]any{"min_value": "90000.0", "max_value": "130000.0", "unit": "USD"}
		case "number":
			value = float64(v) + 0.25
		case "number_range":
			value = map[string]any{"min_value": v, "max_value": v + 10}
		case "date", "date_of_birth":
			value = fmt.Sprintf("19%02d-0%d-1%d", 70+v, 1+v%9, v%9)
		case "url", "attachment":
			value = "https://example.com/" + valueType
		case "user":
			value = m.tables["users"].id(v)
		}
		key := fieldType + "_" + valueType
		values[key] = map[string]any{"name": strings.ToUpper(key[:1]) +
			strings.ReplaceAll(key[1:], "_", " "), "type": valueType, "value": value}
	}
	return values
}

// value generates a value of a shape for a column.
func (m *maker) value(s *tap.Stream, name string, shape *record.Shape, v int) any {
	kinds := shape.Kinds &^ record.Null
	switch {
	case kinds&record.Object != 0:
		if len(shape.Columns) == 0 {
			return map[string]any{"value": phrases[v%len(phrases)]}
		}
		members := map[string]any{}
		for _, c := range shape.Columns {
			members[c.Name] = m.value(s, c.Name, c.Shape, v)
		}
		return members
	case kinds&record.Array != 0:
		items := []any{}
		for k := range v % 3 {
			items = append(items, m.value(s, name, shape.Items, v+k))
		}
		return items
	case kinds&record.Boolean != 0:
		return v%2 == 0
	case kinds&record.Integer != 0:
		if strings.HasSuffix(name, "_cents") {
			return 5000000 + v*100000
		}
		return v + 1
	case kinds&record.Number != 0:
		return math.Round(m.fake.Float64Range(-90, 90)*1e6) / 1e6
	}
	if shape.Format == record.Date {
		return m.now.AddDate(0, 0, v-20).Format(time.DateOnly)
	}
	if known := shape.Values; known != nil {
		return known[v%len(known)]
	}
	return m.text(s, name, v)
}
