package sandbox

import (
	"math"
	"slices"
	"sort"
	"time"
)

// The rows of a sandbox tell a story: how an invented company hires. The story is written once, for
// a chapter of a hundred candidates and the jobs they apply for, and happens again in each chapter
// with other ids, times and people. A table's row is one entry of one chapter, so that every
// reference and every time of a row can be computed from its number: millions of rows take no
// memory, and all of them agree.

const (
	// chapterSize is the number of candidates in a chapter.
	chapterSize = 100

	// never is a moment, or a chapter, that does not come.
	never = math.MaxInt

	day  = moment(24 * time.Hour / time.Millisecond)
	hour = moment(time.Hour / time.Millisecond)

	// span is the time in which candidates have applied.
	span = 3 * 365 * day
	// lead is the time between the start of a chapter and its first candidate, in which jobs open.
	lead = 60 * day
	// founding is the time before the first chapter, in which the company is set up.
	founding = 100 * day
)

// moment is a time in milliseconds after the start of a chapter.
type moment int64

// entry is a row as it is in every chapter in which it exists.
type entry struct {
	table    *table
	at       moment // creation
	touched  moment // the last thing that the row tells, if it is later
	closed   moment // the closing of its job, if the row tells it
	until    int    // the last chapter in which the job is closed
	pretends moment // creation that the row tells, if it is another; 0 for none
	from, to int    // the chapters in which the row exists
	shift    int    // the periods between the start of a chapter and the creation
	rank     int    // place among the rows of a period
	cells    []cell
	owners   []*entry // rows that take this one along when they are deleted
	partOf   *entry   // the row that is deleted if this one should be: it never goes alone
	inactive bool     // the value of a post's column active
	single   bool     // a copy of the row would contradict the story

	values values
}

// values are what an entry's columns say; those it does not name say something decorative.
type values map[string]any

// story writes the entries of all tables.
type story struct {
	tables   map[string]*table
	begin    int64 // when chapter 0 begins, in milliseconds since 1970
	now, end int64
	period   moment // between the starts of two chapters
	people   int    // candidates in all chapters
	chapters int
}

// scene is a part of a chapter whose rows exist together.
type scene struct {
	*story
	entries []*entry
	last    moment // the last thing that happens in it
}

func newStory(tables map[string]*table, candidates int, now time.Time) *story {
	return &story{
		tables: tables, now: now.UnixMilli(), end: now.UnixMilli() - int64(12*hour),
		begin:  now.UnixMilli() - int64(span+lead),
		period: max(1, (span-day)*chapterSize/moment(candidates)),
		people: candidates, chapters: (candidates + chapterSize - 1) / chapterSize,
	}
}

// row adds a row of a list, created at this moment, to the scene.
func (s *scene) row(list string, at moment, v values) *entry {
	e := &entry{table: s.tables[list], at: at, touched: at, values: v}
	for _, value := range v {
		e.see(value)
	}
	s.last = max(s.last, e.touched)
	s.entries = append(s.entries, e)
	return e
}

// see notes when a value comes about.
func (e *entry) see(value any) {
	switch v := value.(type) {
	case moment:
		e.touched = max(e.touched, v)
	case slot:
		e.touched = max(e.touched, v.latest())
	}
}

// set changes a value of a row.
func (s *scene) set(e *entry, column string, value any) {
	e.values[column] = value
	e.see(value)
	s.last = max(s.last, e.touched)
}

// touch says that something about the row happened.
func (s *scene) touch(e *entry, at moment) {
	e.touched = max(e.touched, at)
	s.last = max(s.last, at)
}

// lastChapter returns the last chapter in which this moment has passed.
func (s *story) lastChapter(m moment) int {
	passed := s.end - s.begin - int64(m)
	if passed < 0 {
		return -1
	}
	return min(s.chapters-1, int(passed/int64(s.period)))
}

// tell adds a scene to the chapters in which it has happened to its end.
func (s *story) tell(write func(*scene)) {
	sc := &scene{story: s}
	write(sc)
	for _, e := range sc.entries {
		s.add(e, 0, s.lastChapter(sc.last))
	}
}

// life adds the life of a candidate: in each chapter, the first of its versions that has come to
// its end. The last version comes in any case.
func (s *story) life(n int, versions ...func(*scene)) {
	next, last := 0, -1
	if n < s.people {
		last = (s.people - 1 - n) / chapterSize
	}
	for k, write := range versions {
		if next > last {
			return
		}
		sc := &scene{story: s}
		write(sc)
		to := min(last, s.lastChapter(sc.last))
		if k == len(versions)-1 {
			to = last
		}
		if to < next {
			continue
		}
		for _, e := range sc.entries {
			s.add(e, next, to)
		}
		next = to + 1
	}
}

// gone returns a row that no list has any more, because it was deleted, merged into another one, or
// may not be seen. References to it lead nowhere.
func (s *story) gone(list string, at moment) *entry {
	e := &entry{table: s.tables[list], at: at, values: values{}}
	s.add(e, 0, -1)
	return e
}

func (s *story) add(e *entry, from, to int) {
	e.from, e.to = from, to
	e.table.entries = append(e.table.entries, e)
}

// bind computes what the rows of all tables need to be found.
func (s *story) bind() {
	for list, t := range s.tables {
		for _, e := range t.entries {
			for name, value := range e.values {
				if v, ok := value.(either); ok {
					e.closed, e.until = v.job.closes, v.job.closedUntil(s)
				}
				owner, ok := value.(*entry)
				if ok && owner.to >= owner.from && belongs[name] && !looser[list+"."+name] {
					e.owners = append(e.owners, owner)
				}
			}
		}
		t.arrange()
	}
}

// arrange puts the entries into the order of their creation, so that ids rise with it, and counts
// the rows.
func (t *table) arrange() {
	latest := 0
	for _, e := range t.entries {
		e.shift = int(int64(e.at) / t.period)
		latest = max(latest, e.shift)
		t.lag = max(t.lag, int64(max(e.touched, e.closed)-e.at)+maxLag)
	}
	sort.SliceStable(t.entries, func(a, b int) bool {
		return int64(t.entries[a].at)%t.period < int64(t.entries[b].at)%t.period
	})
	for rank, e := range t.entries {
		e.rank = rank
	}
	t.first = (t.chapters + latest) * len(t.entries)
}

// belongs are references to rows that take a row along when they are deleted.
var belongs = map[string]bool{
	"candidate_id": true, "application_id": true, "job_id": true, "job_post_id": true,
	"user_id": true, "custom_field_id": true, "scorecard_id": true, "interview_id": true,
	"interview_kit_id": true, "job_interview_id": true, "job_interview_stage_id": true,
	"offer_id": true, "approval_flow_id": true, "approver_group_id": true,
	"scorecard_question_id": true, "scorecard_question_answer_id": true,
	"job_candidate_attribute_id": true, "prospect_pool_id": true,
}

// looser are such references, as list.column, to rows that a row outlives.
var looser = map[string]bool{
	"openings.application_id": true, "interviewers.scorecard_id": true,
	"interviewers.user_id": true, "applications.job_interview_stage_id": true,
	"applications.job_post_id": true, "notes.application_id": true,
}

// cast turns the entries' values into cells.
func (t *table) cast(s *story) {
	columns := map[string]bool{}
	for _, e := range t.entries {
		for name := range e.values {
			columns[name] = true
		}
	}
	for name := range columns {
		t.written = append(t.written, name)
	}
	slices.Sort(t.written)
	all := make([]cell, len(t.entries)*len(t.written))
	for _, e := range t.entries {
		e.cells, all = all[:len(t.written)], all[len(t.written):]
		for k, name := range t.written {
			value, ok := e.values[name]
			if !ok {
				continue
			}
			e.cells[k] = s.cell(value)
		}
		e.values = nil
	}
}
