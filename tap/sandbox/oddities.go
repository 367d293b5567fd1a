package sandbox

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

func ofNoStatus(l *life) {
	l.apply(l.jobs[evergreen])
	l.set(l.application, "status", nil)
	l.wait(1)
}
