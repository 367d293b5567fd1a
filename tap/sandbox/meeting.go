package sandbox

// meeting is an interview that takes place, or should.
type meeting struct {
	which  int // of the stage's interviews
	kind   slotKind
	status string // complete, unless it says something else
	guests []guest
	allDay bool
	open   bool // without an end
	future bool // after the sandbox's start
	more   values
}

// guest is somebody who is invited.
type guest struct {
	outsider string // the address of somebody who is no user
	response string // accepted, unless it says something else
	card     cardState
	manager  bool
}

// cardState is the state of a guest's scorecard.
type cardState uint8

const (
	submitted cardState = iota
	late
	drafted
	forgotten
	shared // the one of the guest before
)

// ratings are the overall ratings of scorecards.
var ratings = []string{"strong_yes", "yes", "no", "definitely_not", "no_decision", "mixed"}

// meet writes an interview of the current stage.
func (l *life) meet(m meeting) {
	v := l.visits[len(l.visits)-1]
	iv := v.stage.interviews[m.which%len(v.stage.interviews)]
	starts := slot{at: l.at + day + hour*moment(5+l.n%9), kind: m.kind}
	ends := starts
	ends.plus = moment(iv.minutes) * hour / 60
	all := values{
		"job_id": l.job.row, "application_id": l.application, "job_interview_id": iv.row,
		"starts_at": starts, "ends_at": ends, "status": "complete",
		"organizer_id": l.job.user(coordinatorOf), "scheduled_at": l.at + 2*hour,
		"all_day_start_on": nil, "all_day_end_on": nil, "availability_received_at": nil,
	}
	if m.status != "" {
		all["status"] = m.status
	}
	switch {
	case iv.minutes == 0: // a test to take home
		all["starts_at"], all["ends_at"] = nil, nil
	case m.future:
		plus := day * moment(1+l.n%5)
		all["starts_at"], all["ends_at"] = soon(plus), soon(plus+moment(iv.minutes)*hour/60)
	case m.allDay:
		all["starts_at"], all["ends_at"] = nil, nil
		all["all_day_start_on"], all["all_day_end_on"] = slotDay(starts), slotDay(starts)
	case m.open:
		all["ends_at"] = nil
	}
	for column, value := range m.more {
		all[column] = value
	}
	row := l.row("interviews", l.at+hour, all)
	var card *entry
	for k, g := range m.guests {
		guest := values{
			"interview_id": row, "user_id": l.job.user(interviewerOf + k), "scorecard_id": nil,
			"email": nil, "response_status": "accepted",
		}
		if g.manager {
			guest["user_id"] = l.job.user(managerOf)
		}
		if g.response != "" {
			guest["response_status"] = g.response
		}
		if g.outsider != "" {
			guest["user_id"], guest["email"] = nil, g.outsider
		}
		if g.card != shared {
			card = l.scorecard(iv, g, guest["user_id"], ends)
		}
		if card != nil {
			guest["scorecard_id"] = card
		}
		l.row("interviewers", l.at+hour, guest)
	}
	if all["starts_at"] != nil && !m.future {
		l.at = max(l.at, ends.latest()+day)
	}
}

// scorecard writes what a guest thinks of the candidate.
func (l *life) scorecard(iv *interview, g guest, user any, ends slot) *entry {
	if g.card == forgotten || user == nil {
		return nil
	}
	sent := ends
	sent.plus += hour * moment(1+l.n%5)
	if g.card == late {
		sent.plus += 40 * hour
	}
	v := values{
		"interview_kit_id": iv.kit, "interviewer_id": user, "submitter_id": user,
		"application_id": l.application, "interviewed_at": ends, "submitted_at": sent,
		"status": "complete", "candidate_rating": ratings[l.n%len(ratings)],
	}
	if g.card == drafted {
		v["status"], v["submitted_at"], v["candidate_rating"] = "draft", nil, nil
		v["submitter_id"] = nil
	}
	at := ends.latest() - 3*day - 20*hour - ends.plus // not before the row of the interview
	at = max(at, l.at+2*hour)
	card := l.row("scorecards", at, v)
	for k, attribute := range l.job.attributes[:min(len(l.job.attributes), 1+l.n%3)] {
		l.row("scorecard_candidate_attributes", at, values{
			"scorecard_id": card, "job_candidate_attribute_id": attribute,
			"candidate_attribute_rating": ratings[(l.n+k)%len(ratings)],
		})
	}
	for k, question := range iv.questions {
		answer := l.row("scorecard_question_answers", at, values{
			"scorecard_id": card, "scorecard_question_id": question,
		})
		switch k {
		case 0:
			l.set(answer, "answer_with_tags", nil)
			l.set(answer, "boolean_value", nil)
		case 1:
			l.set(answer, "answer", []string{"Junior", "Senior", "Lead"}[l.n%3])
			l.set(answer, "answer_with_tags", nil)
			l.set(answer, "boolean_value", nil)
			l.row("scorecard_question_answer_options", at, values{
				"scorecard_question_answer_id": answer,
				"scorecard_question_option_id": iv.options[l.n%3],
			})
		default:
			l.set(answer, "answer", []string{"yes", "no"}[l.n%2])
			l.set(answer, "answer_with_tags", nil)
			l.set(answer, "boolean_value", l.n%2 == 0)
		}
	}
	return card
}
