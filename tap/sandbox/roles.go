package sandbox

// strangers writes openings filled by people who were deleted since.
func (s *story) strangers(jobs []*job) {
	s.tell(func(sc *scene) {
		j := jobs[engineer]
		sc.row("openings", j.opened, values{
			"job_id": j.row, "opened_at": j.opened, "closed_at": j.opened + 30*day,
			"application_id":  s.gone("applications", j.opened+10*day),
			"close_reason_id": j.company.closeReasons[0], "open": false,
			"target_start_on": date(j.opened + 60*day),
		}).single = true
	})
}

// rareRoles are what happens to single candidates of a chapter.
func rareRoles() []role {
	return []role{
		{job: engineer, seat: true, play: hiredAfterTwoOffers},
		{job: designer, play: rejectedAfterInterview},
		{job: engineer, prospect: true, play: prospectForTwoJobs},
		{job: evergreen, play: waitingForInterview},
		{job: support, prospect: true, play: converted},
		{job: support, seat: true, play: rehired},
		{job: sales, play: transferred},
		{job: sales, seat: true, play: referredAndHired},
		{job: analyst, play: declinedOffer},
		{job: evergreen, play: offerPending},
		{job: engineer, seat: true, play: anonymized},
		{job: engineer, play: merged},
		{job: evergreen, play: outsidersAndNobody},
		{job: engineer, play: noShow},
		{job: evergreen, play: repeatedStage},
		{job: support, seat: true, play: reneged},
		{job: engineer, play: bypassedStages},
		{job: evergreen, play: allSuperseded},
		{job: support, seat: true, play: offersOfOneVersion},
		{job: designer, seat: true, play: rejectedInError},
		{job: evergreen, play: rejectedTwice},
		{job: evergreen, play: clocksChange},
		{job: engineer, play: private},
		{job: evergreen, play: oddTimes},
		{job: evergreen, play: otherInterviews},
		{job: support, seat: true, play: hiredWithoutOffer},
		{job: evergreen, play: hiredWithoutOpening},
		{job: unplanned, play: func(l *life) { l.apply(l.jobs[unplanned]) }},
		{job: engineer, prospect: true, play: prospectForNothing},
		{job: engineer, prospect: true, play: prospectForOneJobTwice},
		{job: engineer, prospect: true, play: prospectForHiddenJob},
		{job: engineer, prospect: true, play: prospectWithJob},
		{job: engineer, prospect: true, play: rejectedProspect},
		{job: engineer, prospect: true, play: converted},
		{job: evergreen, play: ofNoStatus},
		{job: sales, seat: true, play: hired(sales)},
		{job: analyst, seat: true, play: hired(analyst)},
		{job: evergreen, play: waitingForInterview},
		{job: support, play: transferred},
		{job: evergreen, play: waitingForReview},
		{job: engineer, play: anonymized},
		{job: evergreen, play: waitingForReview},
	}
}

// hired returns the usual way of being hired for a job.
func hired(n int) func(*life) {
	return func(l *life) {
		j := l.jobs[n]
		l.apply(j)
		for k := 1; k < len(j.plan)-1; k++ {
			l.enter(k, 2)
			l.meet(meeting{guests: []guest{{}, {manager: true}}})
		}
		l.enter(len(j.plan)-1, 1)
		l.hire(1)
	}
}

func hiredAfterTwoOffers(l *life) {
	l.apply(l.jobs[engineer])
	l.note("EMAIL", nil)
	l.enter(1, 2)
	l.meet(meeting{guests: []guest{{}}})
	l.enter(2, 1)
	l.meet(meeting{guests: []guest{{}, {card: late}}})
	l.note("INTERVIEW", nil)
	l.enter(3, 2)
	l.meet(meeting{which: 0, guests: []guest{{manager: true}}})
	l.meet(meeting{which: 1, guests: []guest{{}, {response: "tentative"}}})
	l.enter(4, 1)
	l.offer(1, version{number: 1, status: "Deprecated"})
	l.hire(1)
}

func rejectedAfterInterview(l *life) {
	l.apply(l.jobs[designer])
	l.enter(2, 3) // the plan's second stage is no longer used
	l.meet(meeting{guests: []guest{{card: late}, {}}})
	l.reject(4, 0)
	l.note("EMAIL", nil)
}

func prospectForTwoJobs(l *life) {
	l.apply(nil)
	l.set(l.application, "prospective_job_ids", []any{
		l.jobs[engineer].row, l.jobs[analyst].row,
	})
	l.pool(2)
	l.note("TOUCHPOINT", nil)
}

func prospectForNothing(l *life) {
	l.apply(nil)
	l.pool(3)
}

func prospectForOneJobTwice(l *life) {
	l.apply(nil)
	j := l.jobs[designer].row
	l.set(l.application, "prospective_job_ids", []any{j, j, l.jobs[support].row})
	l.pool(0)
	l.wait(1)
	l.pool(1) // and in another pool since
}

func prospectForHiddenJob(l *life) {
	l.apply(nil)
	l.set(l.application, "prospective_job_ids", []any{
		l.gone("jobs", l.at-20*day), l.jobs[support].row,
	})
}

func prospectWithJob(l *life) {
	l.apply(nil)
	l.set(l.application, "job_id", l.jobs[evergreen].row)
	l.set(l.application, "prospective_job_ids", []any{l.jobs[evergreen].row})
}

func rejectedProspect(l *life) {
	l.apply(nil)
	l.set(l.application, "prospective_job_ids", []any{l.jobs[sales].row})
	l.pool(1)
	l.reject(20, 1)
}

// converted is a prospect who becomes a candidate for a job.
func converted(l *life) {
	l.apply(nil)
	j := l.jobs[support]
	l.set(l.application, "prospective_job_ids", []any{j.row})
	l.pool(2)
	l.wait(6)
	l.set(l.application, "status", "converted")
	l.apply(j)
	l.enter(1, 2)
	l.meet(meeting{guests: []guest{{}}})
	l.reject(3, 7)
}

func waitingForReview(l *life) {
	l.apply(l.jobs[evergreen])
	l.set(l.application, "needs_decision", true)
}

func waitingForInterview(l *life) {
	l.apply(l.jobs[evergreen])
	l.enter(1, 3)
	l.meet(meeting{guests: []guest{{}}})
	l.set(l.application, "needs_decision", nil)
	l.enter(2, 1)
	l.meet(meeting{status: "scheduled", future: true, guests: []guest{
		{card: forgotten}, {card: forgotten, response: "needs_action"},
	}})
}

// rehired is hired, leaves, and is hired again.
func rehired(l *life) {
	hired(support)(l)
	l.wait(200)
	hired(engineer)(l)
}

// transferred moves to another job in the middle of the process.
func transferred(l *life) {
	from, to := l.jobs[sales], l.jobs[analyst]
	if l.n%2 == 0 {
		from, to = l.jobs[support], l.jobs[engineer]
	}
	l.apply(from)
	l.enter(1, 2)
	l.meet(meeting{guests: []guest{{}}})
	l.wait(2)
	l.leave()
	l.job = to
	l.set(l.application, "job_id", to.row)
	l.set(l.application, "job_post_id", nil)
	l.note("ACTIVITY", nil)
	l.enter(0, 0)
	l.enter(1, 2)
	l.reject(5, 4)
}

func referredAndHired(l *life) {
	l.apply(l.jobs[sales])
	l.refer()
	l.enter(1, 1)
	l.meet(meeting{guests: []guest{{}}})
	l.enter(2, 1)
	l.meet(meeting{guests: []guest{{manager: true}}})
	l.enter(3, 0)
	l.hire(1)
}

func declinedOffer(l *life) {
	l.apply(l.jobs[analyst])
	l.refer()
	l.enter(1, 1)
	l.meet(meeting{guests: []guest{{}}})
	l.enter(3, 12)
	l.offer(1, version{number: 1, status: "Rejected", resolved: true})
	l.reject(1, 1)
}

func offerPending(l *life) {
	l.apply(l.jobs[evergreen])
	l.enter(3, 2) // without any interview
	l.offer(1, version{number: 1, status: "Deprecated"})
	l.offer(1, version{number: 2, status: "Created"})
}

// allSuperseded has offers, none of which counts any more.
func allSuperseded(l *life) {
	l.apply(l.jobs[evergreen])
	l.enter(3, 2)
	l.offer(1, version{number: 1, status: "Deprecated"})
	l.offer(3, version{number: 2, status: "Deprecated"})
}

func offersOfOneVersion(l *life) {
	l.apply(l.jobs[support])
	l.enter(2, 4)
	l.offer(1, version{number: nil, status: "Rejected", resolved: true})
	l.offer(1, version{number: 1, status: "Rejected", resolved: true})
	l.offers = 0
	l.hire(1)
}

// reneged accepts an offer and does not come: the opening is open again.
func reneged(l *life) {
	l.apply(l.jobs[support])
	l.enter(1, 1)
	l.meet(meeting{guests: []guest{{}}})
	l.enter(2, 1)
	offer := l.offer(1, version{number: 1, status: "Accepted", resolved: true})
	l.set(offer, "opening_id", l.fill(values{"open": true}))
	l.reject(20, 1)
}

// anonymized is a person of whom only the row and the applications are left.
func anonymized(l *life) {
	l.bare = true
	l.apply(l.jobs[engineer])
	l.application.pretends = l.at + 40*day
	l.visits = nil
	l.enter(0, 0)
	l.wait(5)
	l.set(l.application, "status", "rejected")
	l.set(l.application, "rejected_at", l.at)
	l.wait(35)
	for _, column := range []string{
		"phone_numbers", "addresses", "email_addresses", "website_addresses",
		"social_media_addresses", "tags",
	} {
		l.set(l.candidate, column, []any{})
	}
	for _, column := range []string{"company", "title", "preferred_name"} {
		l.set(l.candidate, column, nil)
	}
	l.set(l.candidate, "first_name", "Anonymized")
	l.set(l.candidate, "last_name", number{})
	l.set(l.candidate, "custom_fields", raw("{}"))
	l.set(l.application, "location_address", nil)
	l.set(l.application, "answers", []any{})
	l.set(l.application, "custom_fields", raw("{}"))
	l.touch(l.application, l.at)
}

// merged was two people; one of them is gone, though an offer still names him.
func merged(l *life) {
	l.apply(l.jobs[engineer])
	l.reject(2, 8)
	l.wait(3)
	l.apply(l.jobs[support])
	l.enter(2, 2)
	l.offer(1, version{number: 1, status: "Rejected", resolved: true, more: values{
		"candidate_id": l.gone("candidates", l.at-day),
	}})
	l.reject(1, 1)
	l.note("ACTIVITY", nil)
}

// outsidersAndNobody is interviewed by people who are no users, and by nobody.
func outsidersAndNobody(l *life) {
	l.apply(l.jobs[evergreen])
	l.enter(1, 1)
	l.meet(meeting{guests: []guest{
		{}, {outsider: "board@partner.example"}, {outsider: "advisor@partner.example"},
	}})
	l.meet(meeting{})
	l.enter(2, 1)
	l.meet(meeting{allDay: true, guests: []guest{{}, {card: forgotten}}})
	l.wait(6)
	l.reject(2, 3)
}

func noShow(l *life) {
	l.apply(l.jobs[engineer])
	l.enter(1, 1)
	l.meet(meeting{status: "awaiting_feedback", guests: []guest{
		{response: "declined", card: forgotten}, {card: drafted}, {card: forgotten},
	}})
	l.note("NOTE", nil)
	l.meet(meeting{guests: []guest{{}, {card: shared}}})
	l.reject(3, 2)
}

func repeatedStage(l *life) {
	l.apply(l.jobs[evergreen])
	l.enter(1, 2)
	l.meet(meeting{guests: []guest{{card: drafted}}})
	l.enter(2, 1)
	l.enter(1, 4)
	l.meet(meeting{guests: []guest{{}}})
	l.enter(2, 1)
	l.reject(6, 0)
}

// bypassedStages goes from the review to the end, and through two stages in the same moment.
func bypassedStages(l *life) {
	l.apply(l.jobs[engineer])
	l.enter(2, 2)
	l.enter(3, 0)
	l.meet(meeting{which: 1, open: true, guests: []guest{{}}})
	l.reject(3, 0)
}

// rejectedInError is rejected, taken back, and hired.
func rejectedInError(l *life) {
	l.apply(l.jobs[designer])
	l.reject(2, 0)
	l.unreject(1)
	l.enter(2, 1)
	l.meet(meeting{guests: []guest{{}, {manager: true}}})
	l.enter(3, 1)
	l.hire(2)
}

func rejectedTwice(l *life) {
	l.apply(l.jobs[evergreen])
	l.reject(2, 0)
	l.unreject(4)
	l.enter(1, 1)
	l.reject(9, 3)
}

// clocksChange has interviews around midnight and in the night in which the clocks change.
func clocksChange(l *life) {
	l.apply(l.jobs[evergreen])
	l.enter(1, 1)
	l.meet(meeting{kind: night, guests: []guest{{}}})
	l.enter(2, 1)
	l.meet(meeting{kind: clockChange, guests: []guest{{}}})
	l.reject(4, 0)
}

func private(l *life) {
	l.set(l.candidate, "private", true)
	l.set(l.candidate, "linked_user_ids", []any{pick{"users", 60 + l.n}}) // who works here
	l.apply(l.jobs[engineer])
	l.enter(1, 2)
	l.meet(meeting{guests: []guest{{}}})
	l.reject(2, 0)
}

// oddTimes has a visit without an end, one that ends before it begins, and a rejection before the
// last move.
func oddTimes(l *life) {
	l.apply(l.jobs[evergreen])
	l.enter(1, 2)
	l.set(l.visits[0].row, "exited_at", nil)
	l.enter(2, 3)
	l.set(l.visits[1].row, "exited_at", l.visits[1].entered-hour)
	l.reject(3, 0)
	l.enter(3, 1)
}

// otherInterviews has interviews of each status in which nobody meets.
func otherInterviews(l *life) {
	l.apply(l.jobs[evergreen])
	l.enter(1, 1)
	none := values{"starts_at": nil, "ends_at": nil, "scheduled_at": nil}
	for _, status := range []string{
		"to_be_scheduled", "skipped", "collect_feedback", "to_be_sent", "sent",
	} {
		more := values{}
		for column, value := range none {
			more[column] = value
		}
		l.meet(meeting{status: status, more: more})
		l.at += hour
	}
	l.meet(meeting{more: values{"status": nil}, guests: []guest{{}}})
	l.reject(8, 0)
}

func hiredWithoutOffer(l *life) {
	l.apply(l.jobs[support])
	l.enter(2, 6)
	l.wait(2)
	l.set(l.application, "status", "hired")
	l.fill(values{})
}

func hiredWithoutOpening(l *life) {
	l.apply(l.jobs[evergreen])
	l.enter(3, 6)
	l.wait(2)
	l.set(l.application, "status", "hired")
}

func ofNoStatus(l *life) {
	l.apply(l.jobs[evergreen])
	l.set(l.application, "status", nil)
	l.wait(1)
}
