package sandbox

// jobPlan is how a job is planned.
type jobPlan struct {
	name         string
	department   int
	offices      []int
	status       string // of a job that does not close
	closes       bool
	stages       []stagePlan
	confidential bool
	more         values
}

type stagePlan struct {
	name       string
	inactive   bool
	interviews []interviewPlan
}

type interviewPlan struct {
	name      string
	schedule  string
	minutes   int
	scorecard any
}

func review() stagePlan { return stagePlan{name: "Application Review"} }

func offered() stagePlan { return stagePlan{name: "Offer"} }

func talk(name string, interviews ...interviewPlan) stagePlan {
	return stagePlan{name: name, interviews: interviews}
}

func call(name string, minutes int) interviewPlan {
	return interviewPlan{name, "needs_scheduling", minutes, true}
}

// The jobs of a chapter, by name.
const (
	engineer = iota
	designer
	sales
	support
	evergreen
	analyst
	template
	draft
	unplanned
)

// jobPlans are the jobs of a chapter.
func jobPlans() []jobPlan {
	screen := talk("Phone Screen", call("Phone Screen", 30))
	return []jobPlan{
		engineer: {
			name: "Backend Engineer", department: 1, offices: []int{1, 7}, status: "open",
			stages: []stagePlan{
				review(), screen,
				talk("Technical Interview", call("Pairing", 90)),
				talk("On-site", call("Hiring Manager", 45), call("Team", 60)), offered(),
			},
		},
		designer: {
			name: "Product Designer", department: 8, offices: []int{2}, closes: true,
			stages: []stagePlan{
				review(),
				{
					name: "Portfolio", inactive: true,
					interviews: []interviewPlan{call("Portfolio Review", 45)},
				},
				talk("Interview", call("Interview", 60)), offered(),
			},
		},
		sales: {
			name: "Account Executive", department: 5, offices: []int{4, 4, 5}, closes: true,
			confidential: true,
			stages: []stagePlan{
				review(), screen,
				talk("Role Play", call("Role Play", 45)), offered(),
			},
		},
		support: { // reopened
			name: "Customer Support Agent", department: 13, offices: []int{5, len(offices)},
			status: "open",
			stages: []stagePlan{
				review(),
				{name: "Phone Screen", interviews: []interviewPlan{
					{"Phone Screen", "needs_scheduling", 20, nil},
				}},
				offered(),
			},
		},
		evergreen: {
			name: "Werkstudent (m/w/d) – immer offen", department: 14, offices: []int{6, 7},
			status: "open",
			stages: []stagePlan{
				review(), talk("Interview", call("Interview", 60)),
				talk("interview ", call("Second Interview", 45)), offered(),
			},
		},
		analyst: {
			name: "データアナリスト", department: 2, offices: nil, closes: true,
			stages: []stagePlan{
				review(),
				talk("Take Home Test", interviewPlan{"Take Home Test", "take_home_test", 0, true}),
				talk("Coffee", interviewPlan{"Coffee", "needs_scheduling", 30, false}),
				offered(),
			},
		},
		template: {
			name: "Engineer (template)", department: 0, offices: []int{1}, status: "open",
			stages: []stagePlan{review(), screen, offered()},
			more:   values{"is_template": true},
		},
		draft: {name: "Chief of Staff", department: 12, offices: []int{0}, status: "draft"},
		unplanned: {
			name: "Interim CFO", department: len(departments), offices: []int{1}, status: "open",
		},
	}
}
