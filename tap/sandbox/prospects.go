package sandbox

// pool writes the details of a prospect.
func (l *life) pool(k int) {
	v := values{
		"application_id": l.application, "pool_id": l.pools[k], "pool_stage_id": l.poolStages[k][k%3],
		"prospect_owner_id": pick{"users", 60 + l.n}, "department_id": l.departments[k],
		"office_id": l.offices[k],
	}
	if k == 3 {
		v["pool_stage_id"], v["prospect_owner_id"] = nil, nil
	}
	l.row("prospect_details", l.at, v)
}

func prospectForTwoJobs(l *life) {
	l.apply(nil)
	l.set(l.application, "prospective_job_ids", []any{
		l.jobs[engineer].row, l.jobs[analyst].row,
	})
	l.pool(2)
	l.note("TOUCHPOINT", nil)
}

func prospectForNothing(l *life) {
	l.apply(nil)
	l.pool(3)
}

func prospectForOneJobTwice(l *life) {
	l.apply(nil)
	j := l.jobs[designer].row
	l.set(l.application, "prospective_job_ids", []any{j, j, l.jobs[support].row})
	l.pool(0)
	l.wait(1)
	l.pool(1) // and in another pool since
}

func prospectForHiddenJob(l *life) {
	l.apply(nil)
	l.set(l.application, "prospective_job_ids", []any{
		l.gone("jobs", l.at-20*day), l.jobs[support].row,
	})
}

func prospectWithJob(l *life) {
	l.apply(nil)
	l.set(l.application, "job_id", l.jobs[evergreen].row)
	l.set(l.application, "prospective_job_ids", []any{l.jobs[evergreen].row})
}

func rejectedProspect(l *life) {
	l.apply(nil)
	l.set(l.application, "prospective_job_ids", []any{l.jobs[sales].row})
	l.pool(1)
	l.reject(20, 1)
}

// converted is a prospect who becomes a candidate for a job.
func converted(l *life) {
	l.apply(nil)
	j := l.jobs[support]
	l.set(l.application, "prospective_job_ids", []any{j.row})
	l.pool(2)
	l.wait(6)
	l.set(l.application, "status", "converted")
	l.apply(j)
	l.enter(1, 2)
	l.meet(meeting{guests: []guest{{}}})
	l.reject(3, 7)
}
