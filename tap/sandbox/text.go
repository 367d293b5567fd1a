package sandbox

import (
	"strings"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// phrases are realistic texts in many scripts, with characters that loaders stumble over.
var phrases = []string{
	"Strong on systems, \"sceptical\" of hype — hire!",
	"Sehr überzeugend im Gespräch; Gehaltswunsch offen.\nZweite Runde vereinbaren.",
	"とても良い面接でした。次のステップへ進めてください。",
	"Отличный кандидат, но переезд невозможен \\ только удалённо",
	"مرشحة ممتازة، تتحدث ثلاث لغات",
	"候选人经验丰富，期待下一轮面试🎉",
	"Très bon échange 👩🏽‍💻; à revoir l'année prochaine…",
	"Tab\there, <b>tags</b> & ampersands; 100 % sure, it's fine",
	"मजबूत उम्मीदवार, टीम के साथ अच्छा तालमेल",
	"Ünïcödé wíth cömbining e\u0301 and a zero\u200bwidth space",
	"Plain words, nothing more.",
	"line one\r\nline two\u2028line three",
}

// fileNames are names of uploaded files, some of which try to leave their folder.
var fileNames = []string{
	"Resume.pdf", "Lebenslauf – Müller.docx", "履歴書.pdf", "../../../etc/passwd", "CON.txt",
	"cover letter (final) v2.docx", `C:\Users\ann\cv.pdf`, ".hidden",
	"a/b/c.pdf", "no extension", "question?.txt", "trailing dot.",
}

// optionLabels are the labels of options, which custom fields contain.
var optionLabels = []string{
	"IC1", "IC2", "IC3", "IC4", "IC5", "Full-time", "Part-time", "Münster",
	"Remote / hybrid", "Ja", "Other: \"see notes\"", "東京",
}

// Names and places in many scripts.
var (
	firstNames = []string{
		"Zoë", "José", "Łukasz", "Nguyễn", "Søren", "陽子", "Ольга", "François",
		"Müge", "أمينة",
	}
	lastNames = []string{
		"O’Brien", "García Márquez", "Wiśniewska", "Đặng", "Ångström", "佐藤",
		"Иванова", "Lefèvre", "Yılmaz", "الحسيني",
	}
	cities = []string{
		"Zürich", "São Paulo", "Kraków", "Hà Nội", "Malmö", "東京", "Санкт-Петербург",
		"Besançon", "İzmir", "القاهرة",
	}
)

// What the company's lists contain.
var (
	sourceTypes = []string{"Third-party boards", "Company marketing", "Referrals", "Agencies"}
	sourceNames = []string{
		"LinkedIn", "Indeed", "Stack Overflow", "Jobs page on your website", "Meetup", "Newsletter",
		"Referral", "Alumni", "Employee event", "Talent & Partner GmbH", "Headhunter", "Agency: 東京",
	}
	reasonTypes = [3][2]string{
		{"we_rejected_them", "We rejected them"},
		{"they_rejected_us", "They rejected us"},
		{"none_specified", "None specified"},
	}
	rejectionReasons = []string{
		"Lacking skills", "Other offer accepted", "Other", "Wrong location", "Salary too low",
		"Position closed", "Failed reference check", "Withdrew", "Duplicate",
	}
	tagNames = []string{
		"Remote", "Speaks 日本語", "Alumni", "Diversity hire event", "VIP", "Do not contact",
		"Werkstudent", "Silver medalist",
	}
	degrees = []string{
		"High School", "Bachelor's Degree", "Master's Degree", "Ph.D.", "M.D.", "Other",
	}
	disciplines = []string{
		"Computer Science", "Mathematics", "Design", "Business Administration",
		"Maschinenbau", "文学",
	}
	questions = []struct {
		name    string
		options []string
	}{
		{"How do you describe your gender?", []string{
			"Woman", "Man", "Non-binary", "Another", "I don't wish to answer",
		}},
		{"How do you describe your ethnicity?", []string{
			"Asian", "Black", "Hispanic or Latinx", "White", "Another", "I don't wish to answer",
		}},
		{"Are you a person of transgender experience?", []string{"Yes", "No"}},
		{"Are you a caregiver?", []string{"Yes", "No"}},
	}
	// eeocAnswers are the descriptions of answers, and their numbers.
	eeocAnswers = map[string][]string{
		"gender": {"Male", "Female", "Decline To Self Identify"},
		"race": {
			"White", "Asian", "Black or African American", "Hispanic or Latino",
			"Two or More Races", "Decline To Self Identify",
		},
		"veteran_status": {
			"I am not a protected veteran",
			"I identify as one or more of the classifications of a protected veteran",
			"I don't wish to answer",
		},
		"disability_status": {
			"No, I do not have a disability",
			"Yes, I have a disability, or have had one in the past", "I do not want to answer",
		},
	}
)

// written returns a text of several sentences, like a note.
func written(v int) string {
	text := phrases[v%len(phrases)]
	for k := range v % 5 {
		text += "\n" + phrases[(v*7+k*5)%len(phrases)]
	}
	return text
}

// text returns a text that fits the name of its column.
func (m *maker) text(s *tap.Stream, name string, v int) string {
	foreign := v%3 == 0
	switch {
	case foreign && name == "first_name":
		return firstNames[v/3%len(firstNames)]
	case foreign && name == "last_name":
		return lastNames[v/3%len(lastNames)]
	case foreign && name == "name" && (s.Name == "users" || s.Name == "referrers"):
		return firstNames[v/3%len(firstNames)] + " " + lastNames[v/3%len(lastNames)]
	case foreign && (name == "city" || strings.Contains(name, "location")):
		return cities[v/3%len(cities)]
	case strings.Contains(name, "email") || name == "recipients":
		return m.fake.Email()
	case strings.Contains(name, "url") || strings.Contains(name, "endpoint"):
		return "https://example.com/" + m.fake.UUID()
	case name == "first_name" || name == "preferred_name":
		return m.fake.FirstName()
	case name == "last_name":
		return m.fake.LastName()
	case strings.Contains(name, "company"):
		return m.fake.Company()
	case name == "title" || name == "job_title" || s.Name == "jobs" && name == "name":
		return m.fake.JobTitle()
	case name == "name" && (s.Name == "users" || s.Name == "referrers"):
		return m.fake.Name()
	case name == "city" || strings.Contains(name, "location"):
		return m.fake.City()
	case name == "time_zone":
		return m.fake.TimeZoneRegion()
	case strings.HasSuffix(name, "_id") || strings.Contains(name, "uuid") ||
		strings.Contains(name, "token") || strings.Contains(name, "hash"):
		return m.fake.UUID()
	case strings.HasPrefix(s.PersonalData[name], "free_text"):
		return written(v)
	case v%4 == 1:
		return phrases[v%len(phrases)]
	}
	return m.fake.HackerPhrase()
}
