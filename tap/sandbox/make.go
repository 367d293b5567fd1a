package sandbox

import (
	"fmt"
	"hash/fnv"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/brianvoe/gofakeit/v7"
	"github.com/go-json-experiment/json"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// variants is the number of variants of a table's rows. Each row has its own ids, times and
// references.
const variants = 12

// sizes are the numbers of rows per thousand candidates; a list that is not named has 40 rows.
var sizes = map[string]float64{
	"candidates": 1000, "applications": 1300, "application_stages": 2600, "attachments": 1200,
	"candidate_educations": 700, "candidate_employments": 800, "applied_candidate_tags": 500,
	"notes": 2000, "eeoc": 600, "demographic_answers": 900, "interviews": 700, "interviewers": 900,
	"scorecards": 600, "scorecard_question_answers": 1500, "scorecard_candidate_attributes": 1200,
	"scorecard_question_answer_options": 400, "rejection_details": 800, "prospect_details": 200,
	"offers": 80, "referrers": 90, "jobs": 60, "job_posts": 70, "openings": 90, "users": 60,
	"user_emails": 70, "job_interviews": 200, "job_owners": 130, "approvers": 150,
	"approval_flows": 60, "job_candidate_attributes": 200, "interview_kits": 180,
	"scorecard_questions": 300,
}

// valueTypes are the value types of custom fields.
var valueTypes = []string{
	"short_text", "long_text", "yes_no", "single_select", "multi_select", "currency", "number",
	"date", "url", "currency_range", "number_range", "user", "linked", "header", "statement",
	"attachment", "rich_text", "date_of_birth", "address_hris", "date_of_birth_hris",
	"phone_number_hris", "national_tax_identity_hris",
}

// maker fills tables with variants.
type maker struct {
	fake   *gofakeit.Faker
	tables map[string]*table
	now    time.Time
}

// newTables makes the tables of all lists; candidates is the number of candidates.
func newTables(streams []*tap.Stream, seed uint64, candidates int,
	now time.Time,
) (map[string]*table, error) {
	m := &maker{fake: gofakeit.New(seed | 1), tables: map[string]*table{}, now: now}
	const span = 3 * 365 * 24 * time.Hour
	for n, s := range streams {
		if s.ViewOf != "" {
			continue
		}
		rows := 40
		if per, ok := sizes[s.Name]; ok {
			rows = max(1, int(per*float64(candidates)/1000))
		}
		if s.Name == "custom_fields" {
			rows = len(optionKeys) + 7*len(valueTypes)
		}
		h := fnv.New64a()
		h.Write([]byte(s.Name))
		begin := now.Add(-span)
		m.tables[s.Name] = &table{
			stream: s, base: 1000000 + int64(n)*100000000,
			seed: h.Sum64() ^ seed*0x9e3779b97f4a7c15, first: rows,
			begin: begin.UnixMilli(), step: max(1,
				int64((span-24*time.Hour)/time.Millisecond)/int64(rows)),
			end:     now.Add(-12 * time.Hour).UnixMilli(),
			changes: map[int]*change{},
		}
	}
	for _, s := range streams {
		t := m.tables[s.Name]
		if t == nil {
			continue
		}
		shape, err := s.Shape()
		if err != nil {
			return nil, err
		}
		count := variants
		if s.Name == "custom_fields" {
			count = t.first
		}
		for v := range count {
			t.variants = append(t.variants, m.variant(t, shape, v))
		}
	}
	return m.tables, nil
}

func (m *maker) variant(t *table, shape *record.Shape, v int) variant {
	var out variant
	for n, c := range shape.Columns {
		name, err := json.Marshal(c.Name)
		if err != nil {
			panic(err) // a name is a string
		}
		col := column{name: c.Name, parts: []part{{text: append(name, ':')}}}
		add := func(op op, p part) {
			p.op = op
			last := &col.parts[len(col.parts)-1]
			if last.op == nothing {
				p.text = append(last.text, p.text...)
				*last = p
				return
			}
			col.parts = append(col.parts, p)
		}
		text := func(v any) {
			j, err := json.Marshal(v, json.Deterministic(true))
			if err != nil {
				panic(err) // values are generated here
			}
			add(nothing, part{text: j})
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
			add(rowID, part{})
		case c.Name == "created_at":
			add(createdAt, part{})
		case c.Name == "updated_at":
			add(updatedAt, part{})
		case s.Name == "job_posts" && c.Name == "active":
			add(isActive, part{})
		case s.Name == "attachments" && c.Name == "url":
			add(fileURL, part{})
		case isSpecial:
			text(special)
		case ref != nil && c.Shape.Kinds&record.Array != 0:
			add(nothing, part{text: []byte{'['}})
			for k := range v % 4 {
				if k > 0 {
					add(nothing, part{text: []byte{','}})
				}
				add(refTo, part{ref: ref, salt: uint64(100 + n*10 + k)})
				col.parts = append(col.parts, part{})
			}
			add(nothing, part{text: []byte{']'}})
		case ref != nil:
			if nullable && !required[c.Name] {
				text(nil)
				break
			}
			add(refTo, part{ref: ref, salt: uint64(100 + n)})
		case nullable:
			text(nil)
		case c.Shape.Format == record.DateTime:
			add(laterAt, part{ms: int64(n+1) * 3600 * 1000})
		default:
			text(m.value(t.stream, c.Name, c.Shape, v))
		}
		out.columns = append(out.columns, col)
	}
	return out
}

// required are references without which a row makes no sense.
var required = map[string]bool{
	"application_id": true, "candidate_id": true, "job_id": true,
	"user_id": true, "custom_field_id": true, "scorecard_id": true, "interview_id": true,
}

// special are the values that other parts of the sandbox depend on.
func (m *maker) special(t *table, column string, v int) (any, bool) {
	s := t.stream
	if s.CustomFields != nil && s.CustomFields.Column == column {
		return m.customValues(s.CustomFields.FieldType, v), true
	}
	switch {
	case s.Name == "attachments" && column == "filename":
		return fileNames[v%len(fileNames)], true
	case s.Name == "custom_field_options" && column == "name":
		return optionLabels[v%len(optionLabels)], true
	case s.Name == "application_stages" && v%3 == 0 &&
		(column == "entered_at" || column == "exited_at"):
		return nil, true // a stage of the plan that the application has not entered
	case s.Name == "application_stages" && column == "current":
		return v%3 == 1, true
	case s.Name == "application_stages" && column == "exited_at" && v%3 == 1:
		return nil, true
	case s.Name != "custom_fields":
		return nil, false
	}
	types := []string{
		"candidate", "application", "job", "offer", "opening", "user_attribute",
		"rejection_question",
	}
	fieldType, valueType, key := "form", "single_select", ""
	if v < len(optionKeys) {
		key = optionKeys[v]
	} else {
		k := v - len(optionKeys)
		fieldType, valueType = types[k/len(valueTypes)], valueTypes[k%len(valueTypes)]
		key = fieldType + "_" + valueType
	}
	switch column {
	case "field_type":
		return fieldType, true
	case "value_type":
		return valueType, true
	case "name_key":
		return key, true
	case "name":
		return strings.ToUpper(key[:1]) + strings.ReplaceAll(key[1:], "_", " "), true
	case "active":
		return true, true
	case "private":
		return v%7 == 3, true
	case "default_value":
		return []any{
			nil, "IC3", 12.5, true,
			map[string]any{"amount": "1.0", "unit": "EUR"},
			[]string{"IC1", "IC2"},
		}[v%6], true
	case "internal_type":
		if v < len(optionKeys) {
			return key, true
		}
		return nil, true
	}
	return nil, false
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
	if _, known, ok := strings.Cut(shape.Description, "Known values: "); ok {
		values := strings.Split(strings.TrimSuffix(known, "."), ", ")
		return values[v%len(values)]
	}
	return m.text(s, name, v)
}
