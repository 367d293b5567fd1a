package sandbox

// life is what happens to a candidate of a chapter.
type life struct {
	*scene
	*company
	n         int
	at        moment // now
	jobs      []*job
	candidate *entry
	bare      bool // what belonged to the candidate was destroyed

	// of the current application
	job         *job
	application *entry
	visits      []visit
	offers      int
}

// visit is a stay in a stage; left is 0 if the candidate is still there.
type visit struct {
	stage         *stage
	entered, left moment
	row           *entry
}

// born begins a life with a candidate.
func born(s *scene, c *company, jobs []*job, n int) *life {
	l := &life{scene: s, company: c, jobs: jobs, n: n}
	l.at = lead + s.period*moment(n)/chapterSize + moment(n*7919%3600)*1000
	l.candidate = s.row("candidates", l.at, values{"private": false, "linked_user_ids": []any{}})
	return l
}

// belongings writes what the candidate brings along.
func (l *life) belongings() {
	if l.bare {
		return
	}
	at, c := l.candidate.at, l.candidate
	tags := []any{}
	for k := range l.n % 3 {
		tag := (l.n + k) % len(l.tags)
		tags = append(tags, tagNames[tag])
		l.row("applied_candidate_tags", at+hour, values{
			"candidate_id": c, "candidate_tag_id": l.tags[tag],
		})
	}
	l.set(c, "tags", tags)
	if l.n%10 < 6 {
		start := at - 365*day*moment(4+l.n%7)
		end := start + 1300*day
		v := values{
			"candidate_id": c, "latest": true, "start_at": start, "end_at": end,
			"start_date_month": monthOf(start), "start_date_year": yearOf(start),
			"end_date_month": monthOf(end), "end_date_year": yearOf(end),
			"degree_custom_field_option_id":      l.degrees[l.n%len(l.degrees)],
			"discipline_custom_field_option_id":  l.fields[l.n%len(l.fields)],
			"school_name_custom_field_option_id": l.schools[l.n%len(l.schools)],
		}
		l.row("candidate_educations", at, v)
	}
	if l.n%4 == 1 {
		l.note("NOTE", nil)
	}
	for k := range (l.n + 1) % 3 {
		start := at - 365*day*moment(2+k)
		v := values{
			"candidate_id": c, "latest": k == 0, "start_date": date(start),
			"end_date": date(start + 300*day),
		}
		if k == 0 {
			v["end_date"] = nil
		}
		l.row("candidate_employments", at, v)
	}
}

// apply begins an application for a job; a nil job is a prospect.
func (l *life) apply(j *job) {
	l.finish()
	l.job, l.visits, l.offers = j, nil, 0
	v := values{
		"candidate_id": l.candidate, "status": "in_process", "prospect": j == nil,
		"needs_decision": false, "rejected_at": nil, "rejection_reason_id": nil,
		"agency_note_id": nil, "referrer_id": nil, "prospective_job_ids": []any{},
		"job_id": nil, "job_post_id": nil, "recruiter_id": nil, "coordinator_id": nil,
		"stage_id": nil, "stage_name": nil, "job_interview_stage_id": nil,
		"source_id": l.sources[(l.n*5+7)%len(l.sources)],
	}
	if l.n%9 == 4 {
		v["source_id"] = nil
	}
	l.application = l.row("applications", l.at, v)
	if j != nil {
		v["job_id"], v["job_post_id"] = j.row, j.post
		v["recruiter_id"], v["coordinator_id"] = j.user(recruiterOf), j.user(coordinatorOf)
		if j.post == nil || l.n%7 == 3 {
			v["job_post_id"] = nil
		}
		if l.n%11 == 5 {
			v["coordinator_id"] = nil
		}
	}
	if l.bare {
		return
	}
	kinds := []string{"resume", "cover_letter", "other"}
	for k := range 1 + l.n%4/3 {
		l.row("attachments", l.at, values{
			"candidate_id": l.candidate, "application_id": l.application, "type": kinds[k],
		})
	}
	l.asked()
	if j != nil && len(j.plan) > 0 {
		l.enter(0, 0)
	}
}

// asked writes what the candidate answers about himself.
func (l *life) asked() {
	if l.n%5 < 2 {
		v := values{
			"application_id": l.application, "candidate_id": l.candidate,
			"submitted_at": l.at + hour/2,
		}
		for column, texts := range eeocAnswers {
			k := (l.n/5 + len(column)) % (len(texts) + 1)
			v[column] = nil
			if k < len(texts) {
				v[column] = map[string]any{"id": k + 1, "description": texts[k]}
			}
		}
		if l.n%15 == 6 { // asked again
			l.row("eeoc", l.at, values{
				"application_id": l.application, "candidate_id": l.candidate, "gender": nil,
				"race": nil, "veteran_status": nil, "disability_status": nil, "submitted_at": l.at,
			})
		}
		l.row("eeoc", l.at+hour/2, v)
	}
	for k, question := range l.questions[:l.n%3] {
		n := (l.n/3 + k) % len(l.answers[k])
		for o := n; o <= min(n+l.n%2*k, len(l.answers[k])-1); o++ {
			v := values{
				"application_id": l.application, "demographic_question_id": question,
				"demographic_answer_option_id": l.answers[k][o], "free_form_text": nil,
			}
			if o < len(questions[k].options) && questions[k].options[o] == "Another" {
				delete(v, "free_form_text")
			}
			l.row("demographic_answers", l.at+hour/2, v)
		}
	}
}

// wait lets days pass.
func (l *life) wait(days int) { l.at += day * moment(days) }

// enter moves the application to a stage of its job's plan, days after the last thing happened.
func (l *life) enter(k, days int) {
	l.wait(days)
	l.leave()
	v := visit{stage: l.job.plan[k], entered: l.at}
	v.row = l.row("application_stages", l.application.at, values{
		"application_id": l.application, "job_interview_stage_id": v.stage.row,
		"entered_at": l.at, "exited_at": nil, "current": false,
		"days_in_stage": daysIn{l.at, 0},
	})
	for _, before := range l.visits {
		if before.stage == v.stage {
			v.row.at = l.at // another visit is another row
		}
	}
	v.row.single, v.row.partOf = true, l.application
	l.visits = append(l.visits, v)
}

// leave ends the visit of the current stage.
func (l *life) leave() {
	if len(l.visits) == 0 {
		return
	}
	v := &l.visits[len(l.visits)-1]
	if v.left != 0 {
		return
	}
	v.left = l.at
	l.set(v.row, "exited_at", l.at)
	l.set(v.row, "days_in_stage", daysIn{v.entered, l.at})
}

// finish writes what is known at the end of an application.
func (l *life) finish() {
	if l.application == nil {
		return
	}
	l.set(l.application, "last_activity_at", l.at)
	l.set(l.candidate, "last_activity_at", l.at)
	if l.job == nil || len(l.job.plan) == 0 {
		l.application = nil
		return
	}
	visited := map[*stage]bool{}
	for _, v := range l.visits {
		visited[v.stage] = true
	}
	for _, st := range l.job.plan {
		if !visited[st] {
			l.row("application_stages", l.application.at, values{
				"application_id": l.application, "job_interview_stage_id": st.row,
				"entered_at": nil, "exited_at": nil, "current": false, "days_in_stage": nil,
			}).partOf = l.application
		}
	}
	last := l.visits[len(l.visits)-1]
	last.row.values["current"] = true
	l.set(l.application, "stage_id", last.row)
	l.set(l.application, "stage_name", last.stage.name)
	l.set(l.application, "job_interview_stage_id", last.stage.row)
	l.application.single = true
	if l.job.closes != never {
		l.job.closes = max(l.job.closes, l.last+2*day)
	}
	l.application = nil
}

// done ends a life.
func (l *life) done() {
	l.finish()
	l.belongings()
}

// note writes a note about the candidate.
func (l *life) note(kind string, v values) *entry {
	all := values{
		"candidate_id": l.candidate, "application_id": nil, "type": kind,
		"user_id": pick{"users", 60 + l.n}, "visibility": "publicly_visible",
	}
	if l.application != nil {
		all["application_id"] = l.application
	}
	for column, value := range v {
		all[column] = value
	}
	return l.row("notes", l.at, all)
}

// reject rejects the application.
func (l *life) reject(days, reason int) {
	l.wait(days)
	note := l.note("NOTE", values{"visibility": "privately_visible"})
	v := values{
		"application_id": l.application, "rejected_at": l.at, "rejection_note_id": note,
		"rejection_reason_id": l.reasons[reason%len(l.reasons)],
		"rejected_by_id":      pick{"users", 60 + l.n},
	}
	if l.job != nil {
		v["rejected_by_id"] = l.job.user(recruiterOf)
	}
	l.row("rejection_details", l.at, v).partOf = l.application
	l.set(l.application, "status", "rejected")
	l.set(l.application, "rejected_at", l.at)
	l.set(l.application, "rejection_reason_id", v["rejection_reason_id"])
}

// unreject takes a rejection back; its details stay.
func (l *life) unreject(days int) {
	l.wait(days)
	l.set(l.application, "status", "in_process")
	l.set(l.application, "rejected_at", nil)
	l.set(l.application, "rejection_reason_id", nil)
}

// refer says who referred the candidate.
func (l *life) refer() {
	v := values{"user_id": pick{"users", 60 + l.n}}
	if l.n%2 == 0 { // somebody who does not work here
		v["user_id"] = nil
	} else {
		v["name"] = nil
	}
	l.set(l.application, "referrer_id", l.row("referrers", l.at, v))
	l.set(l.application, "source_id", l.sources[6])
}
