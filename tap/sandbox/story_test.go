package sandbox_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/internal/long"
	"github.com/tap-greenhouse/tap-greenhouse/schemas"
	"github.com/tap-greenhouse/tap-greenhouse/tap/sandbox"
)

var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

// row is a row of a list.
type row map[string]any

func (r row) id() int64 { return r.ref("id") }

// ref returns the id that a column holds, or 0.
func (r row) ref(column string) int64 {
	f, _ := r[column].(float64)
	return int64(f)
}

func (r row) text(column string) string {
	s, _ := r[column].(string)
	return s
}

// at returns the time that a column holds, or the zero time.
func (r row) at(column string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, r.text(column))
	if err != nil {
		return time.Time{}
	}
	return t
}

// account is what a sandbox's lists contain.
type account struct {
	lists map[string][]row
	byID  map[string]map[int64]row
	by    map[string]map[int64][]row // by list and column, once they are asked for
}

func newSandbox(t *testing.T, candidates int) *sandbox.Server {
	t.Helper()
	s, err := sandbox.New(sandbox.Options{
		Candidates: candidates, Clock: func() time.Time { return noon },
	})
	require.NoError(t, err)
	return s
}

func read(t *testing.T, s *sandbox.Server) account {
	t.Helper()
	a := account{
		map[string][]row{}, map[string]map[int64]row{}, map[string]map[int64][]row{},
	}
	for _, name := range lists(t) {
		data, err := s.Rows(name)
		require.NoError(t, err)
		var rows []row
		require.NoError(t, json.Unmarshal(data, &rows))
		slices.SortFunc(rows, func(x, y row) int { return int(x.id() - y.id()) })
		a.lists[name], a.byID[name] = rows, map[int64]row{}
		for _, r := range rows {
			require.Nil(t, a.byID[name][r.id()], "%s has an id twice", name)
			a.byID[name][r.id()] = r
		}
	}
	return a
}

// thousand is an account of a thousand candidates, which several tests look at.
func thousand(t *testing.T) account {
	t.Helper()
	readThousand.Do(func() { ofThousand = read(t, newSandbox(t, 1000)) })
	return ofThousand
}

var (
	readThousand sync.Once
	ofThousand   account
)

// of returns the rows of a list by the id in a column.
func (a account) of(list, column string) map[int64][]row {
	if rows := a.by[list+"."+column]; rows != nil {
		return rows
	}
	rows := map[int64][]row{}
	a.by[list+"."+column] = rows
	for _, r := range a.lists[list] {
		if id := r.ref(column); id != 0 {
			rows[id] = append(rows[id], r)
		}
	}
	return rows
}

// dangling are the references that may lead nowhere, and why.
var dangling = map[string]string{
	"departments.parent_id":                            "a department was deleted",
	"offices.parent_id":                                "an office was deleted",
	"jobs.department_id":                               "a department was deleted",
	"jobs.office_ids":                                  "an office was deleted",
	"openings.application_id":                          "the person who filled it was deleted",
	"offers.candidate_id":                              "the candidate was merged into another one",
	"applications.prospective_job_ids":                 "the job is confidential",
	"demographic_answers.demographic_answer_option_id": "an option was deleted",
}

// lists returns the names of all lists.
func lists(t testing.TB) (names []string) {
	t.Helper()
	streams, err := schemas.Lists()
	require.NoError(t, err)
	for _, s := range streams {
		names = append(names, s.Name)
	}
	return names
}

func TestReferencesLeadToRows(t *testing.T) {
	streams, err := schemas.Lists()
	require.NoError(t, err)
	for _, candidates := range []int{1, 16, 137, 1000} {
		t.Run(fmt.Sprint(candidates), func(t *testing.T) {
			a := thousand(t)
			if candidates < 1000 {
				a = read(t, newSandbox(t, candidates))
			}
			lost := map[string]int{}
			for _, s := range streams {
				if candidates >= 16 {
					require.NotEmpty(t, a.lists[s.Name], "%s is empty", s.Name)
				}
				for column, target := range s.References {
					seen := 0
					for _, r := range a.lists[s.Name] {
						ids, isList := r[column].([]any)
						if !isList && r[column] != nil {
							ids = []any{r[column]}
						}
						for _, id := range ids {
							seen++
							if a.byID[target][row{"id": id}.id()] == nil {
								lost[s.Name+"."+column]++
							}
						}
					}
					if candidates >= 1000 {
						assert.NotZero(t, seen, "%s.%s refers to nothing", s.Name, column)
					}
				}
			}
			for what, n := range lost {
				assert.Contains(t, dangling, what, "%d of its references lead nowhere", n)
			}
			if candidates >= 1000 {
				for what := range dangling {
					assert.NotZero(t, lost[what], "%s always leads to a row", what)
				}
			}
		})
	}
}

// invariants are what the story promises, beyond references: each returns what breaks it.
var invariants = []struct {
	name  string
	check func(account) []string
}{
	{"an application has a row for each stage of its job's plan", everyStage},
	{"stages are entered in the order of their visits", visitsInOrder},
	{"an application with a plan has one current stage, the one it names", oneCurrent},
	{"a rejection has its time, and nobody else has", rejections},
	{"a hired application has an accepted offer of its own time, if any", acceptedOffers},
	{"a filled opening belongs to the job of the hired application", filledOpenings},
	{"interviews and scorecards belong to the application's jobs", interviews},
	{"questions, answers and attributes belong to the same kit or job", answers},
	{"prospects have no stages, and others have a job", prospects},
	{"pools, questions and options belong together", pairs},
	{"times follow each other", times},
	{"a row goes with what it belongs to", parents},
	{"a closed job has no active application and no open opening", closedJobs},
	{"addresses belong to their users", addresses},
}

func TestTheStoryIsConsistent(t *testing.T) {
	for _, candidates := range long.Or([]int{1, 16, 137}, []int{1, 16, 137, 1000}) {
		s := newSandbox(t, candidates)
		random := rand.New(rand.NewPCG(1, uint64(candidates)))
		for round := range 3 {
			a := read(t, s)
			for _, inv := range invariants {
				broken := inv.check(a)
				if len(broken) > 0 {
					t.Errorf("%d candidates, round %d: %s: %d times not so, for example %s",
						candidates, round, inv.name, len(broken), broken[0])
				}
			}
			for _, name := range lists(t) {
				if len(a.lists[name]) > 0 && !slices.Contains([]string{
					"degrees", "disciplines", "schools", "users", "jobs", "departments", "offices",
				}, name) {
					s.Change(name, random, 2, 3, 1)
				}
			}
		}
	}
}

func everyStage(a account) (broken []string) {
	plan := a.of("job_interview_stages", "job_id")
	stages := a.of("application_stages", "application_id")
	for _, app := range a.lists["applications"] {
		have := map[int64]bool{}
		for _, st := range stages[app.id()] {
			have[st.ref("job_interview_stage_id")] = true
		}
		for _, st := range plan[app.ref("job_id")] {
			if app["prospect"] == false && !have[st.id()] {
				broken = append(broken, fmt.Sprintf("application %d lacks a stage", app.id()))
			}
		}
	}
	for _, st := range a.lists["application_stages"] {
		app := a.byID["applications"][st.ref("application_id")]
		of := a.byID["job_interview_stages"][st.ref("job_interview_stage_id")].ref("job_id")
		if of != app.ref("job_id") && st["entered_at"] == nil {
			broken = append(broken, fmt.Sprintf("row %d is of another job's plan", st.id()))
		}
		if st["entered_at"] == nil && (st["exited_at"] != nil || st["current"] == true) {
			broken = append(broken, fmt.Sprintf("row %d was never entered", st.id()))
		}
	}
	return broken
}

func visitsInOrder(a account) (broken []string) {
	for id, rows := range a.of("application_stages", "application_id") {
		app := a.byID["applications"][id]
		for _, st := range rows {
			entered, left := st.at("entered_at"), st.at("exited_at")
			if !entered.IsZero() && entered.Before(app.at("created_at")) && app.at("created_at").
				Sub(entered) < 39*24*time.Hour {
				broken = append(broken, fmt.Sprintf("row %d is entered too early", st.id()))
			}
			if !left.IsZero() && left.Before(entered) && entered.Sub(left) != time.Hour {
				broken = append(broken, fmt.Sprintf("row %d is left too early", st.id()))
			}
			if st["current"] == true && !left.IsZero() {
				broken = append(broken, fmt.Sprintf("row %d is current and left", st.id()))
			}
		}
	}
	return broken
}

func oneCurrent(a account) (broken []string) {
	stages := a.of("application_stages", "application_id")
	plan := a.of("job_interview_stages", "job_id")
	for _, app := range a.lists["applications"] {
		var current []row
		var last time.Time
		for _, st := range stages[app.id()] {
			if st["current"] == true {
				current = append(current, st)
			}
			if at := st.at("entered_at"); at.After(last) {
				last = at
			}
		}
		planned := app["prospect"] == false && len(plan[app.ref("job_id")]) > 0
		switch {
		case !planned && (len(current) > 0 || app["stage_id"] != nil):
			broken = append(broken, fmt.Sprintf("application %d has no plan", app.id()))
		case !planned:
		case len(current) != 1 || current[0].id() != app.ref("stage_id") ||
			current[0].ref("job_interview_stage_id") != app.ref("job_interview_stage_id"):
			broken = append(broken, fmt.Sprintf("application %d: %d current", app.id(),
				len(current)))
		case !current[0].at("entered_at").Equal(last):
			broken = append(broken, fmt.Sprintf("application %d moved on", app.id()))
		case a.byID["job_interview_stages"][app.ref("job_interview_stage_id")]["name"] !=
			app["stage_name"]:
			broken = append(broken, fmt.Sprintf("application %d: stage_name", app.id()))
		}
	}
	return broken
}

func rejections(a account) (broken []string) {
	details := a.of("rejection_details", "application_id")
	for _, app := range a.lists["applications"] {
		rejected := app["status"] == "rejected"
		if rejected != (app["rejected_at"] != nil) ||
			!rejected && app["rejection_reason_id"] != nil {
			broken = append(broken, fmt.Sprintf("application %d", app.id()))
		}
		if !rejected || len(details[app.id()]) == 0 {
			continue
		}
		if !slices.ContainsFunc(details[app.id()], func(d row) bool {
			return d["rejected_at"] == app["rejected_at"] &&
				d["rejection_reason_id"] == app["rejection_reason_id"]
		}) {
			broken = append(broken, fmt.Sprintf("application %d has other details", app.id()))
		}
	}
	return broken
}

func acceptedOffers(a account) (broken []string) {
	offers := a.of("offers", "application_id")
	for _, app := range a.lists["applications"] {
		accepted := 0
		for _, o := range offers[app.id()] {
			if o["status"] != "Accepted" {
				continue
			}
			accepted++
			at := o.at("resolved_at")
			if at.Before(app.at("created_at")) || at.After(app.at("last_activity_at")) {
				broken = append(broken, fmt.Sprintf("offer %d is of another time", o.id()))
			}
			if app["status"] != "hired" && app["status"] != "rejected" {
				broken = append(broken, fmt.Sprintf("application %d is not hired", app.id()))
			}
		}
		if accepted > 1 || app["status"] == "hired" && accepted == 0 && len(offers[app.id()]) > 0 {
			broken = append(broken, fmt.Sprintf("application %d has %d accepted offers", app.id(),
				accepted))
		}
	}
	for _, o := range a.lists["offers"] {
		app := a.byID["applications"][o.ref("application_id")]
		person := a.byID["candidates"][o.ref("candidate_id")]
		opening := a.byID["openings"][o.ref("opening_id")]
		if app.ref("job_id") != o.ref("job_id") || app["prospect"] != false ||
			person != nil && person.id() != app.ref("candidate_id") ||
			opening != nil && opening.ref("application_id") != app.id() ||
			(o["resolved_at"] != nil) != (o["status"] == "Accepted" || o["status"] == "Rejected") {
			broken = append(broken, fmt.Sprintf("offer %d", o.id()))
		}
	}
	return broken
}

func filledOpenings(a account) (broken []string) {
	for _, o := range a.lists["openings"] {
		app := a.byID["applications"][o.ref("application_id")]
		if app != nil && (app.ref("job_id") != o.ref("job_id") ||
			app["status"] != "hired" && o["open"] == false) {
			broken = append(broken, fmt.Sprintf("opening %d", o.id()))
		}
		if o["open"] == false && (o["closed_at"] == nil || o["close_reason_id"] == nil) {
			broken = append(broken, fmt.Sprintf("opening %d does not say when it closed", o.id()))
		}
	}
	return broken
}

func interviews(a account) (broken []string) {
	stages := a.of("application_stages", "application_id")
	for _, iv := range a.lists["interviews"] {
		planned := a.byID["job_interviews"][iv.ref("job_interview_id")]
		visited := slices.ContainsFunc(stages[iv.ref("application_id")], func(st row) bool {
			return st["entered_at"] != nil &&
				st.ref("job_interview_stage_id") == planned.ref("job_interview_stage_id")
		})
		if planned.ref("job_id") != iv.ref("job_id") || !visited {
			broken = append(broken, fmt.Sprintf("interview %d", iv.id()))
		}
		if iv["starts_at"] != nil && iv["ends_at"] != nil &&
			!iv.at("ends_at").After(iv.at("starts_at")) {
			broken = append(broken, fmt.Sprintf("interview %d ends before it starts", iv.id()))
		}
	}
	for _, who := range a.lists["interviewers"] {
		card := a.byID["scorecards"][who.ref("scorecard_id")]
		iv := a.byID["interviews"][who.ref("interview_id")]
		kit := a.byID["interview_kits"][card.ref("interview_kit_id")]
		if card != nil && (card.ref("application_id") != iv.ref("application_id") ||
			kit.ref("job_interview_id") != iv.ref("job_interview_id")) {
			broken = append(broken, fmt.Sprintf("scorecard %d", card.id()))
		}
		if (who["user_id"] == nil) != (who["email"] != nil) {
			broken = append(broken, fmt.Sprintf("interviewer %d is nobody", who.id()))
		}
	}
	for _, card := range a.lists["scorecards"] {
		if (card["status"] == "complete") != (card["submitted_at"] != nil) {
			broken = append(broken, fmt.Sprintf("scorecard %d", card.id()))
		}
	}
	return broken
}

func answers(a account) (broken []string) {
	for _, s := range a.lists["scorecard_candidate_attributes"] {
		card := a.byID["scorecards"][s.ref("scorecard_id")]
		kit := a.byID["interview_kits"][card.ref("interview_kit_id")]
		attribute := a.byID["job_candidate_attributes"][s.ref("job_candidate_attribute_id")]
		if kit.ref("job_id") != attribute.ref("job_id") {
			broken = append(broken, fmt.Sprintf("attribute %d", s.id()))
		}
	}
	for _, s := range a.lists["scorecard_question_answers"] {
		card := a.byID["scorecards"][s.ref("scorecard_id")]
		question := a.byID["scorecard_questions"][s.ref("scorecard_question_id")]
		if card.ref("interview_kit_id") != question.ref("interview_kit_id") {
			broken = append(broken, fmt.Sprintf("answer %d", s.id()))
		}
	}
	for _, s := range a.lists["scorecard_question_answer_options"] {
		answer := a.byID["scorecard_question_answers"][s.ref("scorecard_question_answer_id")]
		option := a.byID["scorecard_question_options"][s.ref("scorecard_question_option_id")]
		if option != nil && answer.ref("scorecard_question_id") !=
			option.ref("scorecard_question_id") {
			broken = append(broken, fmt.Sprintf("option %d", s.id()))
		}
	}
	return broken
}

func prospects(a account) (broken []string) {
	stages := a.of("application_stages", "application_id")
	for _, app := range a.lists["applications"] {
		if app["prospect"] == true && len(stages[app.id()]) > 0 ||
			app["prospect"] == false && (app["job_id"] == nil || app["status"] == "converted") {
			broken = append(broken, fmt.Sprintf("application %d", app.id()))
		}
	}
	for _, d := range a.lists["prospect_details"] {
		if a.byID["applications"][d.ref("application_id")]["prospect"] != true {
			broken = append(broken, fmt.Sprintf("details %d are of no prospect", d.id()))
		}
	}
	return broken
}

func pairs(a account) (broken []string) {
	for _, d := range a.lists["prospect_details"] {
		stage := a.byID["prospect_pool_stages"][d.ref("pool_stage_id")]
		if stage != nil && stage.ref("prospect_pool_id") != d.ref("pool_id") {
			broken = append(broken, fmt.Sprintf("details %d", d.id()))
		}
	}
	for _, d := range a.lists["demographic_answers"] {
		option := a.byID["demographic_answer_options"][d.ref("demographic_answer_option_id")]
		if option != nil && option.ref("demographic_question_id") !=
			d.ref("demographic_question_id") {
			broken = append(broken, fmt.Sprintf("answer %d", d.id()))
		}
	}
	for view, column := range map[string]string{
		"degrees":     "degree_custom_field_option_id",
		"disciplines": "discipline_custom_field_option_id",
		"schools":     "school_name_custom_field_option_id",
	} {
		for _, e := range a.lists["candidate_educations"] {
			option := a.byID["custom_field_options"][e.ref(column)]
			if option != nil && a.byID[view][option.id()] == nil {
				broken = append(broken, fmt.Sprintf("education %d: %s", e.id(), view))
			}
		}
	}
	for _, list := range []string{"notes", "attachments", "eeoc"} {
		for _, r := range a.lists[list] {
			app := a.byID["applications"][r.ref("application_id")]
			if app != nil && app.ref("candidate_id") != r.ref("candidate_id") {
				broken = append(broken, fmt.Sprintf("%s %d", list, r.id()))
			}
		}
	}
	return broken
}

// future are columns that may hold a time that is still to come.
var future = []string{
	"interviews.starts_at", "interviews.ends_at", "bulk_requests.expires_at",
}

func times(a account) (broken []string) {
	for list, rows := range a.lists {
		var last time.Time
		for _, r := range rows {
			created, updated := r.at("created_at"), r.at("updated_at")
			if updated.Before(created) || updated.After(noon) {
				broken = append(broken, fmt.Sprintf("%s %d: updated_at", list, r.id()))
			}
			if created.Before(last) && list != "applications" {
				broken = append(broken, fmt.Sprintf("%s %d: ids do not rise", list, r.id()))
			}
			last = created
			for column, value := range r {
				text, _ := value.(string)
				if !strings.HasSuffix(column, "_at") || len(text) < 12 ||
					slices.Contains(future, list+"."+column) {
					continue
				}
				if r.at(column).After(updated) {
					broken = append(broken, fmt.Sprintf("%s %d: %s is after updated_at", list,
						r.id(), column))
				}
			}
		}
	}
	return broken
}

func parents(a account) (broken []string) {
	for list, columns := range map[string][]string{
		"applications":       {"candidate_id", "job_id"},
		"application_stages": {"application_id", "job_interview_stage_id"},
		"interviews":         {"application_id", "job_id", "job_interview_id"},
		"interviewers":       {"interview_id"},
		"scorecards":         {"application_id", "interview_kit_id"},
		"offers":             {"application_id", "job_id"},
		"openings":           {"job_id"},
		"notes":              {"candidate_id"},
		"attachments":        {"candidate_id"},
		"eeoc":               {"application_id"},
		"approvers":          {"approver_group_id"},
		"approver_groups":    {"approval_flow_id"},
	} {
		streams, err := schemas.Load(list)
		if err != nil {
			return []string{err.Error()}
		}
		for _, r := range a.lists[list] {
			for _, column := range columns {
				target := a.byID[streams[0].References[column]]
				if id := r.ref(column); id != 0 && target[id] == nil {
					broken = append(broken, fmt.Sprintf("%s %d: %s", list, r.id(), column))
				}
			}
		}
	}
	return broken
}

func closedJobs(a account) (broken []string) {
	for _, app := range a.lists["applications"] {
		job := a.byID["jobs"][app.ref("job_id")]
		if job["status"] == "closed" && app["status"] == "in_process" {
			broken = append(broken, fmt.Sprintf("application %d", app.id()))
		}
		if job != nil && app["prospect"] == false && app.at("created_at").
			Before(job.at("opened_at")) {
			broken = append(broken, fmt.Sprintf("application %d came too early", app.id()))
		}
	}
	for _, o := range a.lists["openings"] {
		job := a.byID["jobs"][o.ref("job_id")]
		if job["status"] == "closed" && o["open"] != false {
			broken = append(broken, fmt.Sprintf("opening %d", o.id()))
		}
	}
	return broken
}

func addresses(a account) (broken []string) {
	for _, e := range a.lists["user_emails"] {
		user := a.byID["users"][e.ref("user_id")]
		if user.text("primary_email") != e.text("email") && user.text("primary_email") != "" {
			broken = append(broken, fmt.Sprintf("address %d", e.id()))
		}
	}
	return broken
}

func TestSameSeedSameRows(t *testing.T) {
	first, second := newSandbox(t, 60), newSandbox(t, 60)
	for _, name := range lists(t) {
		one, err := first.Rows(name)
		require.NoError(t, err)
		two, err := second.Rows(name)
		require.NoError(t, err)
		require.Equal(t, string(one), string(two), name)
	}
}
