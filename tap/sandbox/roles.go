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

func rejectedAfterInterview(l *life) {
	l.apply(l.jobs[designer])
	l.enter(2, 3) // the plan's second stage is no longer used
	l.meet(meeting{guests: []guest{{card: late}, {}}})
	l.reject(4, 0)
	l.note("EMAIL", nil)
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
