package sandbox

// version is a version of an offer.
type version struct {
	number   any // nil for none
	status   string
	resolved bool
	more     values
}

// offer makes an offer, and returns it.
func (l *life) offer(days int, ver version) *entry {
	l.wait(days)
	j := l.job
	v := values{
		"application_id": l.application, "candidate_id": l.candidate, "job_id": j.row,
		"opening_id": nil, "version": ver.number, "status": ver.status,
		"starts_on": date(l.at + 45*day), "sent_on": date(l.at + day), "resolved_at": nil,
	}
	for column, value := range ver.more {
		v[column] = value
	}
	offer := l.row("offers", l.at, v)
	l.offers++
	if ver.status != "Deprecated" {
		offer.single, offer.partOf = true, l.application
		l.approve(offer, ver.status != "Created")
	}
	l.wait(2)
	if ver.resolved {
		l.wait(1)
		l.set(offer, "resolved_at", l.at)
	}
	l.touch(offer, l.at)
	return offer
}

// approve writes the approval of an offer, of which one without an end is still pending.
func (l *life) approve(offer *entry, ended bool) {
	j := l.job
	flow := l.row("approval_flows", l.at, values{
		"job_id": j.row, "offer_id": offer, "approval_type": "offer_candidate",
		"version": l.offers, "approval_status": "approved", "sequential": true,
		"requested_by_id": j.user(recruiterOf),
	})
	if ended {
		l.approved(flow, j, 2, l.at, l.at+4*hour)
		return
	}
	flow.values["approval_status"] = "pending"
	group := l.row("approver_groups", l.at, values{
		"approval_flow_id": flow, "approvals_required": 1, "sort_order": 0, "resolved_at": nil,
	})
	l.row("approvers", l.at, values{
		"approver_group_id": group, "user_id": j.user(managerOf), "status": "due",
		"resolved_by_id": nil, "resolved_at": nil, "request_sent_at": l.at, "sort_order": 0,
		"reminder_sent_at": nil, "reminder_sent_by_id": nil, "added_by_custom_field_id": nil,
	})
}

// hire hires the candidate for an opening, by accepting an offer.
func (l *life) hire(days int) {
	offer := l.offer(days, version{number: l.offers + 1, status: "Accepted", resolved: true})
	l.set(l.application, "status", "hired")
	opening := l.fill(values{})
	l.set(offer, "opening_id", opening)
	l.row("attachments", l.at, values{
		"candidate_id": l.candidate, "application_id": l.application,
		"type": "signed_offer_letter",
	})
}

// fill writes the opening that the candidate fills.
func (l *life) fill(more values) *entry {
	v := values{
		"job_id": l.job.row, "opened_at": l.job.opened, "closed_at": l.at,
		"application_id": l.application, "close_reason_id": l.closeReasons[l.n%2], "open": false,
		"target_start_on": date(l.at + 30*day),
	}
	for column, value := range more {
		v[column] = value
	}
	opening := l.row("openings", l.job.opened, v)
	opening.single = true
	return opening
}

// seat writes the opening that will be filled later.
func (l *life) seat(j *job) {
	l.row("openings", j.opened, values{
		"job_id": j.row, "opened_at": j.opened, "closed_at": nil, "application_id": nil,
		"close_reason_id": nil, "open": true, "target_start_on": date(l.at + 30*day),
	})
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
