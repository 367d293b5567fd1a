package sandbox

import (
	"slices"

	"github.com/brianvoe/gofakeit/v7"
)

// write tells the whole story.
func (s *story) write(fake *gofakeit.Faker) {
	c := s.found(fake)
	jobs := s.jobs(c)
	s.strangers(jobs)
	for n, role := range cast() {
		tell := func(play func(*life)) func(*scene) {
			return func(sc *scene) {
				l := born(sc, c, jobs, n)
				play(l)
				l.done()
			}
		}
		j := jobs[role.job]
		fresh := func(l *life) {
			l.apply(j)
			if role.seat {
				l.seat(j)
			}
		}
		underway := func(l *life) {
			fresh(l)
			l.enter(1, 1)
			l.note("ACTIVITY", nil)
			l.meet(meeting{status: "scheduled", future: true, guests: []guest{{card: forgotten}}})
			l.set(l.application, "needs_decision", n%2 == 0)
		}
		if role.prospect {
			fresh = func(l *life) { l.apply(nil) }
			underway = func(l *life) {
				l.apply(nil)
				l.pool(n % 4)
			}
		}
		s.life(n, tell(role.play), tell(underway), tell(fresh))
	}
	for name, t := range s.tables {
		if len(t.entries) == 0 && !slices.Contains(ofLives, name) { // there is nothing to tell
			s.founded(name, plainRows, func(int) values { return values{} })
		}
	}
	s.bind()
}

// ofLives are lists that have rows only if there are candidates who need them.
var ofLives = []string{
	"applied_candidate_tags", "demographic_answers", "eeoc", "offers", "prospect_details",
	"referrers", "rejection_details", "scorecard_question_answer_options", "candidate_educations",
	"candidate_employments", "notes",
}

// role is what happens to a candidate, and the job that it is mostly about.
type role struct {
	job      int
	play     func(*life)
	seat     bool // there is an opening for the candidate
	prospect bool
}

// cast returns the roles of the candidates of a chapter: the first ones show most, for accounts
// with few candidates; rare and common ones alternate then.
func cast() []role {
	rare := rareRoles()
	first := 16
	roles := rare[:first:first]
	rare = rare[first:]
	for n := 0; len(roles) < chapterSize; n++ {
		roles = append(roles, commonRoles[n%len(commonRoles)])
		if len(rare) > 0 && len(roles) < chapterSize {
			roles = append(roles, rare[0])
			rare = rare[1:]
		}
	}
	return roles
}

// commonRoles are what happens to most candidates.
var commonRoles = []role{
	{job: engineer, play: func(l *life) { l.apply(l.jobs[engineer]); l.reject(3, l.n) }},
	{job: designer, play: func(l *life) { l.apply(l.jobs[designer]); l.reject(2, l.n) }},
	{job: evergreen, play: func(l *life) { l.apply(l.jobs[evergreen]); l.reject(5, l.n) }},
	{job: engineer, play: func(l *life) {
		l.apply(l.jobs[engineer])
		l.enter(1, 2)
		l.meet(meeting{guests: []guest{{}}})
		l.reject(2, l.n)
	}},
	{job: sales, play: func(l *life) { // sent by an agency
		l.apply(l.jobs[sales])
		l.set(l.application, "agency_note_id", l.note("NOTE", nil))
		l.set(l.application, "source_id", l.sources[9])
		l.reject(4, l.n)
	}},
	{job: support, play: func(l *life) {
		l.apply(l.jobs[support])
		l.enter(1, 1)
		l.meet(meeting{guests: []guest{{card: late}}})
		l.reject(1, l.n)
	}},
	{job: evergreen, play: func(l *life) {
		l.apply(l.jobs[evergreen])
		l.enter(1, 4)
		l.meet(meeting{guests: []guest{{}, {manager: true}}})
		l.note("INTERVIEW", nil)
		l.enter(2, 1)
		l.meet(meeting{guests: []guest{{}}})
		l.reject(3, l.n)
	}},
	{job: analyst, play: func(l *life) {
		l.apply(l.jobs[analyst])
		l.enter(1, 1)
		l.meet(meeting{status: "received"})
		l.reject(9, l.n)
	}},
	{job: engineer, play: func(l *life) { // once more, for another job
		l.apply(l.jobs[engineer])
		l.reject(2, l.n)
		l.wait(12)
		l.apply(l.jobs[support])
		l.reject(3, l.n+1)
	}},
}
