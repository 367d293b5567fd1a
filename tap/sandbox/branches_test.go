package sandbox_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// branches are what a reader of the rows has to cope with: each returns how often it happens.
var branches = []struct {
	name  string
	count func(account) int
}{
	{"a prospect for no job", apps(func(_ account, r row) bool {
		return r["prospect"] == true && len(ids(r)) == 0 && r["job_id"] == nil
	})},
	{"a prospect for several jobs", apps(func(_ account, r row) bool { return len(ids(r)) == 2 })},
	{"a prospect for a job twice", apps(func(_ account, r row) bool {
		return len(ids(r)) == 3 && ids(r)[0] == ids(r)[1]
	})},
	{"a prospect with a job", apps(func(_ account, r row) bool {
		return r["prospect"] == true && r["job_id"] != nil
	})},
	{"a converted prospect", apps(func(_ account, r row) bool { return r["status"] == "converted" })},
	{"a rejected prospect", apps(func(_ account, r row) bool {
		return r["prospect"] == true && r["status"] == "rejected"
	})},
	{"a prospect in two pools", func(a account) int {
		return several(a.of("prospect_details", "application_id"))
	}},
	{"a person who is hired twice", func(a account) int {
		n := 0
		for _, rows := range a.of("applications", "candidate_id") {
			if count(rows, func(r row) bool { return r["status"] == "hired" }) == 2 {
				n++
			}
		}
		return n
	}},
	{"a transfer to another job", func(a account) int {
		return count(a.lists["application_stages"], func(r row) bool {
			stage := a.byID["job_interview_stages"][r.ref("job_interview_stage_id")]
			return stage.ref("job_id") !=
				a.byID["applications"][r.ref("application_id")].ref("job_id")
		})
	}},
	{"an application without status", apps(func(_ account, r row) bool {
		return r["status"] == nil
	})},
	{"an application for a job without plan", apps(func(_ account, r row) bool {
		return r["prospect"] == false && r["stage_id"] == nil
	})},
	{"an active application", apps(func(_ account, r row) bool {
		return r["status"] == "in_process" && r["needs_decision"] == true
	})},
	{"an agency's application", apps(func(_ account, r row) bool {
		return r["agency_note_id"] != nil
	})},
	{"a referral", apps(func(_ account, r row) bool { return r["referrer_id"] != nil })},
	{"a referrer who is no user", list("referrers", func(_ account, r row) bool {
		return r["user_id"] == nil && r["name"] != nil
	})},
	{"a rejection that was taken back", list("rejection_details", func(a account, r row) bool {
		return a.byID["applications"][r.ref("application_id")]["status"] != "rejected"
	})},
	{"an application rejected twice", func(a account) int {
		return several(a.of("rejection_details", "application_id"))
	}},
	{"a stage that is visited twice", visitedTwice},
	{"a stage that is skipped", list("application_stages", func(a account, r row) bool {
		if r["entered_at"] != nil {
			return false
		}
		for _, other := range a.of("application_stages", "application_id")[r.ref("application_id")] {
			if other["entered_at"] != nil && order(a, other) > order(a, r) {
				return true
			}
		}
		return false
	})},
	{"a stage that is left before it is entered", list("application_stages",
		func(_ account, r row) bool {
			return r.at("exited_at").Before(r.at("entered_at")) && r["exited_at"] != nil
		})},
	{"a move after the rejection", list("application_stages", func(a account, r row) bool {
		app := a.byID["applications"][r.ref("application_id")]
		return app["rejected_at"] != nil && r.at("entered_at").After(app.at("rejected_at"))
	})},
	{"an unused stage of a plan", list("job_interview_stages", func(_ account, r row) bool {
		return r["active"] == false
	})},
	{"two stages of nearly one name", list("job_interview_stages", func(_ account, r row) bool {
		return r["name"] == "interview "
	})},
	{"a superseded offer", offers("Deprecated")},
	{"a pending offer", offers("Created")},
	{"a declined offer", offers("Rejected")},
	{"an accepted offer", offers("Accepted")},
	{"offers all of which are superseded", func(a account) int {
		n := 0
		for _, rows := range a.of("offers", "application_id") {
			if count(rows, func(r row) bool { return r["status"] != "Deprecated" }) == 0 {
				n++
			}
		}
		return n
	}},
	{"an offer without version", list("offers", func(_ account, r row) bool {
		return r["version"] == nil
	})},
	{"two offers of one version", func(a account) int {
		n := 0
		for _, rows := range a.of("offers", "application_id") {
			n += count(rows, func(r row) bool { return r.ref("version") == 1 }) / 2
		}
		return n
	}},
	{"an accepted offer of somebody rejected", list("offers", func(a account, r row) bool {
		return r["status"] == "Accepted" &&
			a.byID["applications"][r.ref("application_id")]["status"] == "rejected"
	})},
	{"a hire without offer", apps(func(a account, r row) bool {
		return r["status"] == "hired" && len(a.of("offers", "application_id")[r.id()]) == 0
	})},
	{"an opening that was opened again", list("openings", func(_ account, r row) bool {
		return r["open"] == true && r["closed_at"] != nil && r["application_id"] != nil
	})},
	{"an opening that is neither open nor closed", list("openings", func(_ account, r row) bool {
		return r["open"] == nil
	})},
	{"a cancelled opening", list("openings", func(_ account, r row) bool {
		return r["open"] == false && r["application_id"] == nil
	})},
	{"a job that was opened again", list("jobs", func(_ account, r row) bool {
		return r["status"] == "open" && r["closed_at"] != nil
	})},
	{"a closed job", list("jobs", func(_ account, r row) bool { return r["status"] == "closed" })},
	{"a draft of a job", list("jobs", func(_ account, r row) bool { return r["status"] == "draft" })},
	{"a template", list("jobs", func(_ account, r row) bool { return r["is_template"] == true })},
	{"a confidential job", list("jobs", func(_ account, r row) bool {
		return r["confidential"] == true
	})},
	{"a job with an office twice", list("jobs", func(_ account, r row) bool {
		offices, _ := r["office_ids"].([]any)
		return len(offices) > 1 && offices[0] == offices[1]
	})},
	{"a job in no office", list("jobs", func(_ account, r row) bool {
		offices, _ := r["office_ids"].([]any)
		return len(offices) == 0
	})},
	{"a post that was deleted while it was live", list("job_posts", func(_ account, r row) bool {
		return r["live"] == true && r["active"] == false
	})},
	{"an internal post", list("job_posts", func(_ account, r row) bool {
		return r["internal"] == true && r["live"] == true
	})},
	{"a department without name", list("departments", func(_ account, r row) bool {
		return r["name"] == nil
	})},
	{"an outsider among the interviewers", list("interviewers", func(_ account, r row) bool {
		return r["user_id"] == nil && r["email"] != nil
	})},
	{"an interviewer who declined", list("interviewers", func(_ account, r row) bool {
		return r["response_status"] == "declined"
	})},
	{"a scorecard of two interviewers", func(a account) int {
		return several(a.of("interviewers", "scorecard_id"))
	}},
	{"a draft of a scorecard", list("scorecards", func(_ account, r row) bool {
		return r["status"] == "draft"
	})},
	{"a scorecard that comes late", list("scorecards", func(_ account, r row) bool {
		return r.at("submitted_at").Sub(r.at("interviewed_at")) > 24*time.Hour
	})},
	{"an interview that nobody attends", list("interviews", func(a account, r row) bool {
		return r["starts_at"] != nil && len(a.of("interviewers", "interview_id")[r.id()]) == 0
	})},
	{"an interview of a whole day", list("interviews", func(_ account, r row) bool {
		return r["starts_at"] == nil && r["all_day_start_on"] != nil
	})},
	{"an interview without end", list("interviews", func(_ account, r row) bool {
		return r["starts_at"] != nil && r["ends_at"] == nil
	})},
	{"an interview to come", list("interviews", func(_ account, r row) bool {
		return r.at("starts_at").After(noon)
	})},
	{"an interview whose feedback is missing", interviewsOf("awaiting_feedback")},
	{"an interview to schedule", interviewsOf("to_be_scheduled")},
	{"an interview that is skipped", interviewsOf("skipped")},
	{"a test that came back", interviewsOf("received")},
	{"an interview without status", list("interviews", func(_ account, r row) bool {
		return r["status"] == nil
	})},
	{"an interview around midnight", list("interviews", func(_ account, r row) bool {
		return r["starts_at"] != nil && r.at("starts_at").Hour() == 23
	})},
	{"an interview in the night of a clock change", list("interviews", func(_ account, r row) bool {
		at := r.at("starts_at")
		return at.Weekday() == time.Sunday && at.Day() > 24 && at.Hour() == 0 &&
			(at.Month() == time.March || at.Month() == time.October)
	})},
	{"an interview with the hiring manager", list("interviewers", func(a account, r row) bool {
		job := a.byID["interviews"][r.ref("interview_id")].ref("job_id")
		for _, m := range a.of("job_hiring_managers", "job_id")[job] {
			if m["user_id"] == r["user_id"] {
				return true
			}
		}
		return false
	})},
	{"an anonymized candidate", list("candidates", func(a account, r row) bool {
		return r["first_name"] == "Anonymized" && r["last_name"] == strconv.FormatInt(r.id(), 10) &&
			r["title"] == nil && len(a.of("attachments", "candidate_id")[r.id()]) == 0
	})},
	{"an application that pretends to be newer than its stages", apps(func(a account, r row) bool {
		for _, st := range a.of("application_stages", "application_id")[r.id()] {
			if st["entered_at"] != nil && st.at("entered_at").Before(r.at("created_at")) {
				return true
			}
		}
		return false
	})},
	{"a private candidate", list("candidates", func(_ account, r row) bool {
		return r["private"] == true
	})},
	{"people of one name", func(a account) int {
		names := map[string]int{}
		for _, r := range a.lists["users"] {
			names[r.text("name")]++
		}
		return names["Ann Lee"] / 2 * names["Joann Leeds"]
	}},
	{"a user who left", list("users", func(_ account, r row) bool {
		return r["deactivated"] == true
	})},
	{"a note on no application", list("notes", func(_ account, r row) bool {
		return r["application_id"] == nil
	})},
	{"two answers to the same survey", func(a account) int {
		return several(a.of("eeoc", "application_id"))
	}},
	{"a survey that is not answered", list("eeoc", func(_ account, r row) bool {
		return r["gender"] == nil
	})},
	{"an approved offer", list("approval_flows", func(a account, r row) bool {
		groups := a.of("approver_groups", "approval_flow_id")[r.id()]
		return r["approval_type"] == "offer_candidate" && r["approval_status"] == "approved" &&
			len(groups) == 2 && groups[1]["resolved_at"] != nil
	})},
	{"an approval that is pending", list("approval_flows", func(_ account, r row) bool {
		return r["approval_status"] == "pending"
	})},
	{"a LinkedIn address", list("candidates", addressed("social_media_addresses", "linkedin"))},
	{"a GitHub address", list("candidates", addressed("website_addresses", "github"))},
	{"a resume", list("attachments", func(_ account, r row) bool { return r["type"] == "resume" })},
	{"a tag", func(a account) int {
		return len(a.lists["applied_candidate_tags"])
	}},
}

func TestEveryBranchHappens(t *testing.T) {
	a := thousand(t)
	for _, b := range branches {
		assert.NotZero(t, b.count(a), "%s never happens", b.name)
	}
}

func ids(r row) []any {
	jobs, _ := r["prospective_job_ids"].([]any)
	return jobs
}

func count(rows []row, is func(row) bool) (n int) {
	for _, r := range rows {
		if is(r) {
			n++
		}
	}
	return n
}

func list(name string, is func(account, row) bool) func(account) int {
	return func(a account) int {
		return count(a.lists[name], func(r row) bool { return is(a, r) })
	}
}

func apps(is func(account, row) bool) func(account) int { return list("applications", is) }

func offers(status string) func(account) int {
	return list("offers", func(_ account, r row) bool { return r["status"] == status })
}

func interviewsOf(status string) func(account) int {
	return list("interviews", func(_ account, r row) bool { return r["status"] == status })
}

func addressed(column, part string) func(account, row) bool {
	return func(_ account, r row) bool {
		items, _ := r[column].([]any)
		for _, item := range items {
			value, _ := item.(map[string]any)
			if strings.Contains(strings.ToLower(row(value).text("value")), part) {
				return true
			}
		}
		return false
	}
}

// several counts the groups of more than one row.
func several(groups map[int64][]row) (found int) {
	for _, rows := range groups {
		if len(rows) > 1 {
			found++
		}
	}
	return found
}

func order(a account, st row) int64 {
	return a.byID["job_interview_stages"][st.ref("job_interview_stage_id")].ref("sort_order")
}

func visitedTwice(a account) (n int) {
	for _, rows := range a.of("application_stages", "application_id") {
		visits := map[int64]int{}
		for _, r := range rows {
			if r["entered_at"] != nil {
				visits[r.ref("job_interview_stage_id")]++
			}
		}
		for _, v := range visits {
			n += v - 1
		}
	}
	return n
}
