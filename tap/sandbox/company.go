package sandbox

import (
	"strings"

	"github.com/brianvoe/gofakeit/v7"
)

// founded adds the rows of a list that belongs to the company.
func (s *story) founded(list string, n int, v func(k int) values) []*entry {
	t := s.tables[list]
	t.chapters = 1
	t.begin, t.period = s.begin-int64(founding), int64(founding)
	entries := make([]*entry, n)
	for k := range entries {
		e := &entry{table: t, at: 40 * day * moment(k) / moment(n), values: v(k)}
		e.touched = e.at
		s.add(e, 0, 0)
		entries[k] = e
	}
	return entries
}

// cohort adds the rows of a list of which every so many candidates need more.
func (s *story) cohort(list string, n int, v func(k int) values) []*entry {
	entries := s.founded(list, n, v)
	t := s.tables[list]
	t.chapters = max(1, s.people/1000)
	t.period = int64(50*day) / int64(t.chapters)
	for k, e := range entries {
		e.at = moment(t.period) * moment(k) / moment(n)
		e.touched, e.to = e.at, t.chapters-1
	}
	return entries
}

// branch is a node of a tree: a name, and the number of the parent.
type branch struct {
	name   any
	parent int
	place  string
}

const (
	root = -1
	// deleted stands for a parent that is gone.
	deleted = -2
)

var departments = []branch{
	{name: "Engineering", parent: root},
	{name: "Platform", parent: 0},
	{name: "Data", parent: 0},
	{name: "Site Reliability", parent: 1},
	{name: "Commercial", parent: root},
	{name: "Sales", parent: 4},
	{name: "Customer Support", parent: 4},
	{name: "Marketing", parent: 4},
	{name: "Design", parent: root},
	{name: "Finance", parent: root},
	{name: "People & Culture", parent: root},
	{name: "Recruiting", parent: 10},
	{name: "Legal", parent: deleted},
	{name: nil, parent: 0},
	{name: "Research", parent: 13},
}

var offices = []branch{
	{name: "Europe", parent: root, place: ""},
	{name: "Berlin", parent: 0, place: "Berlin, Germany"},
	{name: "Zürich", parent: 0, place: "Zürich, Switzerland"},
	{name: "Americas", parent: root, place: ""},
	{name: "New York", parent: 3, place: "New York, NY, United States"},
	{name: "São Paulo", parent: 3, place: "São Paulo, Brazil"},
	{name: "Tokyo", parent: deleted, place: "東京, Japan"},
	{name: "Remote", parent: root, place: "Anywhere"},
}

// tree adds departments or offices.
func (s *story) tree(list string, nodes []branch) []*entry {
	lost := s.tables[list]
	rows := s.founded(list, len(nodes), func(int) values { return values{} })
	gone := &entry{table: lost, at: 40 * day, values: values{}}
	s.add(gone, 0, -1)
	for k, node := range nodes {
		v := rows[k].values
		v["name"] = node.name
		switch node.parent {
		case root:
			v["parent_id"] = nil
		case deleted:
			v["parent_id"] = gone
		default:
			v["parent_id"] = rows[node.parent]
		}
		if list == "offices" {
			v["location"] = node.place
			v["primary_in_house_contact_user_id"] = pick{"users", k}
		}
	}
	return append(rows, gone)
}

// company is what jobs and candidates share.
type company struct {
	departments, offices     []*entry // the last one is gone
	sources, reasons         []*entry
	closeReasons, tags       []*entry
	boards, places           []*entry
	pools                    []*entry
	poolStages               [][]*entry
	questionSets             []*entry
	questions                []*entry
	answers                  [][]*entry
	roles                    []*entry
	degrees, fields, schools []*entry
}

// found writes the lists of the company.
func (s *story) found(fake *gofakeit.Faker) *company {
	c := &company{
		departments: s.tree("departments", departments),
		offices:     s.tree("offices", offices),
	}
	s.users(fake)
	c.sources = s.founded("sources", len(sourceNames), func(k int) values {
		t := k / 3
		return values{
			"name": sourceNames[k],
			"type": map[string]any{"id": 10 + t, "name": sourceTypes[t]},
		}
	})
	c.reasons = s.founded("rejection_reasons", len(rejectionReasons), func(k int) values {
		t := k % 3
		return values{
			"name": rejectionReasons[k],
			"type": map[string]any{
				"id": 1 + t, "key": reasonTypes[t][0], "name": reasonTypes[t][1],
			},
		}
	})
	named := func(list string, names []string) []*entry {
		return s.founded(list, len(names), func(k int) values { return values{"name": names[k]} })
	}
	c.closeReasons = named("close_reasons", []string{
		"Hire - New Headcount",
		"Hire - Backfill", "On Hold", "Cancelled",
	})
	c.tags = named("candidate_tags", tagNames)
	named("interviewer_tags", []string{"Bar raiser", "System design", "Deutsch", "Culture"})
	c.roles = s.founded("user_roles", 4, func(k int) values {
		return values{
			"name":      []string{"Standard", "Private", "Site Admin", "Interviewer"}[k],
			"role_type": []string{"job_admin", "job_admin", "site_admin", "deprecated_interviewer"}[k],
		}
	})
	c.boards = s.founded("job_boards", 3, func(k int) values {
		return values{
			"company_name": "Greenhouse & Söhne", "internal": k == 2, "status": "live",
			"url_token": []string{"greenhouse-soehne", "careers", "inside"}[k],
		}
	})
	c.places = s.founded("job_board_custom_locations", len(cities), func(k int) values {
		return values{
			"value": cities[k], "active": k != 3, "greenhouse_job_board_id": c.boards[k%3],
		}
	})
	s.poolsOf(c)
	s.demographics(c)
	s.customFields(c, fake)
	return c
}

// users adds users, of whom two share a name, which a third one's contains.
func (s *story) users(fake *gofakeit.Faker) {
	const n = 60
	users := s.cohort("users", n, func(k int) values {
		first, last := fake.FirstName(), fake.LastName()
		switch {
		case k == 12 || k == 33:
			first, last = "Ann", "Lee"
		case k == 34:
			first, last = "Joann", "Leeds"
		case k%6 == 0:
			first, last = firstNames[k/6], lastNames[k/6]
		}
		mail := address{"user" + string(rune('a'+k/26)) + string(rune('a'+k%26)) + "."}
		v := values{
			"first_name": first, "last_name": last, "name": first + " " + last,
			"primary_email": mail, "emails": []any{mail}, "site_admin": k%15 == 1,
			"deactivated": k%20 == 11, "agency_id": nil, "linked_candidate_ids": []any{},
			"office_ids":       []any{pick{"offices", k}},
			"department_ids":   []any{pick{"departments", k}},
			"interviewer_tags": []any{},
		}
		switch {
		case k%20 == 7: // a service account
			v["emails"], v["first_name"], v["last_name"] = []any{}, "Service", "Account"
			v["name"] = "Service Account"
		case k == 41:
			v["first_name"], v["name"] = nil, last
		case k == 42:
			v["linked_candidate_ids"] = []any{pick{"candidates", k}}
		}
		return v
	})
	s.cohort("user_emails", n, func(k int) values {
		return values{
			"user_id": users[k], "email": users[k].values["primary_email"],
			"verified": k%20 != 11,
		}
	})
}

func (s *story) poolsOf(c *company) {
	names := []string{"Alumni", "Conference 2025", "Silver medalists", "Werkstudenten"}
	c.pools = s.founded("prospect_pools", len(names), func(k int) values {
		v := values{
			"name": names[k], "active": k != 1, "department_ids": []any{c.departments[k]},
			"office_ids": []any{c.offices[k], c.offices[k+1]}, "job_ids": []any{},
		}
		if k == 2 {
			v["job_ids"] = []any{pick{"jobs", 1}, pick{"jobs", 2}}
		}
		return v
	})
	stages := []string{"Not contacted", "Contacted", "Interested"}
	rows := s.founded("prospect_pool_stages", len(names)*len(stages), func(k int) values {
		return values{
			"prospect_pool_id": c.pools[k/len(stages)], "name": stages[k%len(stages)],
			"sort_order": k % len(stages),
		}
	})
	for k := range names {
		c.poolStages = append(c.poolStages, rows[k*len(stages):(k+1)*len(stages)])
	}
}

// demographics adds questions, one of which has an option that is gone.
func (s *story) demographics(c *company) {
	c.questionSets = s.founded("demographic_question_sets", 2, func(k int) values {
		return values{
			"title": []string{"Diversity", "Diversity (old)"}[k], "active": k == 0,
			"enabled": k == 0,
		}
	})
	c.questions = s.founded("demographic_questions", len(questions), func(k int) values {
		return values{
			"demographic_question_set_id": c.questionSets[k/2], "name": questions[k].name,
			"sort_order": k, "active": k/2 == 0, "required": false,
			"answer_type": []string{"multi_value_single_select", "multi_value_multi_select"}[k%2],
		}
	})
	total := 0
	for _, q := range questions {
		total += len(q.options)
	}
	question, option := 0, -1
	rows := s.founded("demographic_answer_options", total, func(int) values {
		if option++; option == len(questions[question].options) {
			question, option = question+1, 0
		}
		name := questions[question].options[option]
		return values{
			"demographic_question_id": c.questions[question], "name": name,
			"sort_order": option, "active": option != 1 || question != 1,
			"free_form": name == "Another", "decline_to_answer": strings.HasPrefix(name, "I don"),
		}
	})
	for _, q := range questions {
		c.answers = append(c.answers, rows[:len(q.options)])
		rows = rows[len(q.options):]
	}
	gone := &entry{
		table: s.tables["demographic_answer_options"], at: 40 * day, values: values{},
	}
	s.add(gone, 0, -1)
	c.answers[1] = append(c.answers[1], gone)
}
