package sandbox

// job is a job of a chapter, with its plan.
type job struct {
	n          int
	row        *entry
	opened     moment
	closes     moment // never for a job that stays open
	plan       []*stage
	attributes []*entry
	post       *entry
	company    *company
}

// stage is a stage of a job's plan.
type stage struct {
	row        *entry
	name       string
	order      int
	interviews []*interview
}

// interview is an interview of a stage, as planned.
type interview struct {
	row       *entry
	kit       *entry // nil if there is nothing to score
	questions []*entry
	options   []*entry // of the second question
	minutes   int
}

// closing stands for the moment at which the job of a value closes.
type closing struct{}

// closedUntil returns the last chapter in which the job is closed.
func (j *job) closedUntil(s *story) int {
	if j.closes == never {
		return -1
	}
	return s.lastChapter(j.closes)
}

// jobs writes the jobs of a chapter.
func (s *story) jobs(c *company) []*job {
	var jobs []*job
	s.tell(func(sc *scene) {
		for n, plan := range jobPlans() {
			j := &job{n: n, company: c, opened: lead - day*moment(40-3*n)}
			if !plan.closes {
				j.closes = never
			}
			j.row = sc.row("jobs", j.opened-2*day, values{})
			jobs = append(jobs, j)
			sc.job(j, plan)
		}
		sc.set(jobs[engineer].row, "copied_from_id", jobs[template].row)
	})
	return jobs
}

// job writes a job and what belongs to it.
func (s *scene) job(j *job, plan jobPlan) {
	var opened, closed any = j.opened, nil
	status := any(plan.status)
	switch {
	case plan.closes:
		status, closed = either{j, "closed", "open"}, either{j, closing{}, nil}
	case j.n == draft:
		opened = nil
	case j.n == support: // closed, and opened again
		closed = j.opened + 20*day
		s.touch(j.row, j.opened+25*day)
	}
	ids := []any{}
	for _, k := range plan.offices {
		ids = append(ids, j.company.offices[k])
	}
	for column, value := range (values{
		"name": plan.name, "status": status, "opened_at": opened, "closed_at": closed,
		"confidential": plan.confidential, "is_template": false, "copied_from_id": nil,
		"department_id": j.company.departments[plan.department], "office_ids": ids,
	}) {
		s.set(j.row, column, value)
	}
	for column, value := range plan.more {
		s.set(j.row, column, value)
	}
	at := j.row.at
	for k, name := range []string{"Experience", "Communication", "Curiosity"}[:min(3, 1+j.n%4)] {
		kind := s.row("candidate_attribute_types", at, values{
			"name": []string{"Skills", "Personality Traits", "Qualifications"}[k], "job_id": j.row,
			"sort_order": k, "active": true, "is_draft": false,
		})
		j.attributes = append(j.attributes, s.row("job_candidate_attributes", at, values{
			"job_id": j.row, "candidate_attribute_type_id": kind, "active": k != 2,
			"sort_order": 2 - k, "name": name,
		}))
	}
	for order, p := range plan.stages {
		j.plan = append(j.plan, s.stage(j, order, p))
	}
	s.team(j)
	s.posts(j)
	s.openings(j)
}

// stage writes a stage of a plan.
func (s *scene) stage(j *job, order int, plan stagePlan) *stage {
	at := j.row.at + hour
	st := &stage{name: plan.name, order: order, row: s.row("job_interview_stages", at, values{
		"job_id": j.row, "sort_order": order, "name": plan.name, "active": !plan.inactive,
	})}
	st.row.single, st.row.partOf = j.n != template, j.row
	for k, p := range plan.interviews {
		iv := &interview{minutes: p.minutes, row: s.row("job_interviews", at, values{
			"job_id": j.row, "job_interview_stage_id": st.row, "sort_order": k, "name": p.name,
			"scheduling_type": p.schedule, "duration": p.minutes, "active": !plan.inactive,
			"require_scorecard": p.scorecard,
		})}
		iv.kit = s.row("interview_kits", at, values{"job_id": j.row, "job_interview_id": iv.row})
		s.row("default_interviewers", at, values{
			"user_id": j.user(interviewerOf + k), "interview_kit_id": iv.kit,
		})
		for q, kind := range []string{"text", "single_select", "yes_no"}[:1+(j.n+order)%3] {
			question := s.row("scorecard_questions", at, values{
				"interview_kit_id": iv.kit, "sort_order": q, "answer_type": kind, "active": true,
				"question": []string{"What stood out?", "Which level?", "Would you work with them?"}[q],
			})
			iv.questions = append(iv.questions, question)
			if kind == "single_select" {
				for o, name := range []string{"Junior", "Senior", "Lead"} {
					iv.options = append(iv.options, s.row("scorecard_question_options", at, values{
						"scorecard_question_id": question, "name": name, "sort_order": o,
						"active": true,
					}))
				}
			}
		}
		for a, attribute := range j.attributes[:1] {
			focus := s.row("focus_candidate_attributes", at, values{
				"interview_kit_id": iv.kit, "job_candidate_attribute_id": attribute,
			})
			s.row("scorecard_question_candidate_attributes", at, values{
				"scorecard_question_id":        iv.questions[a],
				"focus_candidate_attribute_id": focus,
			})
		}
		st.interviews = append(st.interviews, iv)
	}
	return st
}

// What users do for a job.
const (
	recruiterOf = iota
	coordinatorOf
	sourcerOf
	managerOf
	interviewerOf // and more
)

// user is the user who does something for the job.
func (j *job) user(does int) pick { return pick{"users", 20*j.n + does} }

// team writes who works for a job.
func (s *scene) team(j *job) {
	at := j.row.at + 2*hour
	for k, kind := range []string{"recruiter", "coordinator", "sourcer"} {
		s.row("job_owners", at, values{
			"job_id": j.row, "user_id": j.user(k), "type": kind, "responsible": k < 2,
		})
	}
	if j.n == sales {
		s.row("job_owners", at, values{
			"job_id": j.row, "user_id": pick{"users", 7}, "type": "recruiter", "responsible": false,
		})
	}
	s.row("job_hiring_managers", at, values{"job_id": j.row, "user_id": j.user(managerOf)})
	s.row("user_job_permissions", at, values{
		"job_id": j.row, "user_id": j.user(managerOf), "role_id": j.company.roles[j.n%2],
	})
	s.row("job_notes", at, values{"job_id": j.row, "user_id": j.user(recruiterOf)})
	if j.n != draft {
		flow := s.row("approval_flows", at, values{
			"job_id": j.row, "offer_id": nil, "approval_type": "open_job", "version": 1,
			"approval_status": "approved", "requested_by_id": j.user(recruiterOf),
		})
		s.approved(flow, j, 1, at, at+6*hour)
	}
}

// approved writes the groups of an approval flow, all of which approved it, one after the other.
func (s *scene) approved(flow *entry, j *job, groups int, asked, at moment) {
	for g := range groups {
		resolved := at + moment(g)*hour
		group := s.row("approver_groups", asked, values{
			"approval_flow_id": flow, "approvals_required": 1, "sort_order": g,
			"resolved_at": resolved,
		})
		approver := s.row("approvers", asked, values{
			"approver_group_id": group, "user_id": j.user(managerOf), "status": "approved",
			"resolved_by_id": j.user(managerOf), "resolved_at": resolved,
			"request_sent_at": asked, "sort_order": 0, "reminder_sent_at": nil,
			"reminder_sent_by_id": nil, "added_by_custom_field_id": nil,
		})
		if g == 1 { // added by a field, and reminded
			s.set(approver, "added_by_custom_field_id", pick{"custom_fields", j.n})
			s.set(approver, "reminder_sent_by_id", j.user(recruiterOf))
			s.set(approver, "reminder_sent_at", at)
		}
	}
	s.touch(flow, at+moment(groups)*hour)
}

// posts writes the posts of a job, some of which were deleted while they were live.
func (s *scene) posts(j *job) {
	at := j.opened
	c := j.company
	live := func(v any) any {
		if j.closes == never {
			return v
		}
		return either{j, false, v}
	}
	post := func(internal bool, more values) *entry {
		v := values{
			"job_id": j.row, "job_board_id": c.boards[j.n%2], "internal": internal,
			"live": live(true), "title": j.row.values["name"], "first_published_at": at,
			"demographic_question_set_id": c.questionSets[0],
		}
		if internal {
			v["job_board_id"] = c.boards[2]
		}
		for column, value := range more {
			v[column] = value
		}
		return s.row("job_posts", at, v)
	}
	if j.n == draft || j.n == template {
		post(false, values{"live": false, "first_published_at": nil})
		return
	}
	j.post = post(false, nil)
	if j.n%2 == 0 {
		post(true, nil)
	}
	if j.n%3 == 0 { // deleted, though live
		e := post(false, values{"title": j.row.values["name"]})
		e.inactive = true
	}
	kinds := []values{
		{"type": "office", "office_id": c.offices[1+j.n%2], "custom_location_id": nil},
		{"type": "custom_list", "office_id": nil, "custom_location_id": c.places[j.n]},
		{
			"type": "free_text", "office_id": nil, "custom_location_id": nil,
			"plain_text_location": " Remote, EMEA",
		},
	}
	for k, v := range kinds[:1+j.n%3] {
		if k < 2 {
			v["plain_text_location"] = nil
		}
		v["job_post_id"] = j.post
		s.row("job_post_locations", at, v)
	}
	s.row("job_post_searchable_locations", at, values{"job_post_id": j.post})
	var referrer any
	if j.n == sales {
		referrer = s.row("referrers", at, values{"user_id": j.user(sourcerOf), "name": nil})
	}
	s.row("tracking_links", at, values{
		"job_id": j.row, "job_post_id": j.post, "job_board_id": c.boards[j.n%2],
		"source_id": c.sources[j.n], "referrer_id": referrer, "related_post_id": j.post,
		"related_post_type": "JobPost",
	})
	s.row("pay_input_ranges", at, values{
		"job_post_id": j.post, "pay_input_id": pick{"pay_inputs", j.n}, "currency_type": "EUR",
		"min_cents": 5000000 + 100000*j.n, "max_cents": 7000000 + 100000*j.n,
	})
}

// openings writes the openings that nobody has filled: still open, cancelled, or open as the
// column open is null.
func (s *scene) openings(j *job) {
	open := values{
		"job_id": j.row, "opened_at": j.opened, "closed_at": nil, "application_id": nil,
		"close_reason_id": nil, "open": true, "target_start_on": date(j.opened + 90*day),
	}
	switch {
	case j.n == draft || j.n == template:
		return
	case j.closes != never:
		open["open"] = either{j, false, true}
		open["closed_at"] = either{j, closing{}, nil}
		open["close_reason_id"] = either{j, j.company.closeReasons[3], nil}
	case j.n == evergreen:
		open["open"] = nil
	}
	s.row("openings", j.opened, open)
	if j.n == engineer { // cancelled, and one on hold that was opened again
		s.row("openings", j.opened, values{
			"job_id": j.row, "opened_at": j.opened, "closed_at": j.opened + 15*day,
			"application_id": nil, "close_reason_id": j.company.closeReasons[2], "open": false,
			"target_start_on": nil,
		})
	}
}
