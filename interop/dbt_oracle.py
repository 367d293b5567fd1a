"""The marts of the dbt package, computed a second way: in plain Python, from the rows of the API,
one account at a time, without a look at the SQL. A mart is a list of rows, a row is a dictionary.

Times are UTC without a zone. Rows that are gone must be left out by the caller."""

import collections
import datetime
import json
import statistics
import zoneinfo

UTC = datetime.timezone.utc
ANSWERS = ("gender", "disability_status", "race", "veteran_status")

DEFAULTS = {
    "as_of": None, "timezone": "UTC", "personal": {}, "custom_fields": {},
    "statuses": ["scheduled", "awaiting_feedback", "complete"],
    "min_group_size": 10, "due_hours": 24, "idle_days": 14, "stuck_days": 14,
}

PERSONAL = {
    "candidates": ["full_name", "candidate_name", "current_company", "current_title", "phone", "email", "linkedin_url",
                   "github_url", "location_address"],
    "employees": ["referrer_name", "prospect_owner_name", "rejected_by_name", "coordinator_name", "coordinator_email",
                  "recruiter_name", "recruiter_email", "interviewer_name", "interviewer_email", "scorecard_submitter_name",
                  "organizer_name", "hiring_managers", "sourcers", "recruiters", "coordinators", "job_sourcers"],
    "free_text": ["candidate_tags", "notes", "location", "note"],
    "assessments": ["overall_recommendation", "rating"],
    "demographics": ["candidate_" + a for a in ANSWERS],
    "links": ["resume_url"],
}


def time(text):
    if text is None or isinstance(text, datetime.datetime):
        return text
    at = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at


def date(text):
    return text if text is None or isinstance(text, datetime.date) else datetime.date.fromisoformat(text[:10])


def last_wins(value):
    """A key for sorting in which null is the lowest."""
    return (value is not None, value if value is not None else 0)


def newest(rows, *columns):
    return max(rows, key=lambda r: [last_wins(r.get(c)) for c in columns], default=None)


def names(values, separator=", "):
    return separator.join(sorted({v for v in values if v}, key=lambda v: v.encode())) or None


def mean(values):
    values = [v for v in values if v is not None]
    return sum(values) / len(values) if values else None


def quotient(a, b):
    return a / b if b else None


def days(first, last):
    return None if first is None or last is None or last < first else (last - first).days


def month(day):
    return day.replace(day=1)


def text_of(value):
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


class Account:
    def __init__(self, name, streams, settings):
        self.name, self.streams, self.s = name, streams, dict(DEFAULTS, **settings)
        self.now = time(self.s["as_of"])
        self.zone = zoneinfo.ZoneInfo(self.s["timezone"])
        self.today = self.local(self.now)
        self.marts = collections.defaultdict(list)
        self.apps = self.table("applications")
        self.stages = self.table("job_interview_stages")
        self.users = self.table("users")
        self.jobs = self.table("jobs")
        self.prepare()
        self.interviews()
        self.applications()
        self.history()
        self.scorecards()
        self.offer_marts()
        self.opening_mart()
        self.pipeline()
        self.job_mart()
        self.funnel()
        self.sources()
        self.load()
        self.workload()
        self.diversity()
        self.monthly()

    # what all share

    def table(self, stream):
        return self.streams.get(stream) or {}

    def by(self, stream, column, living=False):
        groups = collections.defaultdict(list)
        for row in self.table(stream).values():
            if not living or row.get("application_id") in self.apps:
                groups[row.get(column)].append(row)
        return groups

    def name_in(self, stream, key, column="name"):
        row = self.table(stream).get(key)
        return row.get(column) if row else None

    def local(self, at):
        return None if at is None else at.replace(tzinfo=UTC).astimezone(self.zone).date()

    def days(self, first, last):
        return days(self.local(first), self.local(last))

    def user(self, key):
        u = self.users.get(key)
        if not u:
            return None
        return u.get("name") or self.both_names(u)

    @staticmethod
    def both_names(row):
        return " ".join(n for n in (row.get("first_name"), row.get("last_name")) if n) or None

    def user_email(self, key):
        return (self.users.get(key) or {}).get("primary_email") or None

    @staticmethod
    def status(app):
        return "active" if app.get("status") == "in_process" else app.get("status")

    def order_in_plan(self, stage_id):
        stage = self.stages[stage_id]
        return (last_wins(stage.get("sort_order")), stage_id)

    def is_active_stage(self, stage_id):
        return self.stages[stage_id].get("active") is not False

    def custom(self, stream, row, prefix="custom_"):
        made = {}
        for key in self.s["custom_fields"].get(stream, []):
            value = ((row or {}).get("custom_fields") or {}).get(key)
            value = value.get("value") if isinstance(value, dict) else None
            made[prefix + key] = json.dumps(value, ensure_ascii=False) if isinstance(value, (bool, int, float)) else text_of(value)
        return made

    def add(self, mart, row):
        shown = dict({g: g not in ("demographics", "links") for g in PERSONAL}, **self.s["personal"])
        for group, columns in PERSONAL.items():
            for column in columns:
                if column in row and not shown[group] and (column != "notes" or mart == "job_enhanced"):
                    row[column] = None
        self.marts[mart].append(dict(row, source_relation=self.name))

    def prepare(self):
        """What several marts are made from."""
        self.managers = collections.defaultdict(set)
        for m in self.table("job_hiring_managers").values():
            if m["job_id"] is not None:
                self.managers[m["job_id"]].add(m["user_id"])
        self.job_facts = {key: self.facts_of_job(job) for key, job in self.jobs.items()}
        self.visits = collections.defaultdict(list)
        for v in self.table("application_stages").values():
            if v.get("entered_at") and v["application_id"] in self.apps:
                self.visits[v["application_id"]].append(v)
        for visits in self.visits.values():
            visits.sort(key=lambda v: (
                time(v["entered_at"]), last_wins((self.stages.get(v["job_interview_stage_id"]) or {}).get("sort_order")), v["id"]))
        self.offers = self.by("offers", "application_id", living=True)
        self.openings = [self.facts_of_opening(o) for o in self.table("openings").values()]
        self.app_facts = {key: self.facts_of_application(app) for key, app in self.apps.items()}
        for c, facts in self.group(self.app_facts.values(), lambda f: f["candidate_id"]).items():
            facts.sort(key=lambda f: (f["applied_at"], f["application_id"]))
            for n, f in enumerate(facts, 1):
                f["candidate_application_number"] = n if c is not None else None
                f["is_rehire"] = c is not None and f["hired_at"] is not None and any(
                    o["hired_at"] is not None and o["hired_at"] < f["hired_at"] for o in facts if o is not f)

    @staticmethod
    def group(rows, key):
        groups = collections.defaultdict(list)
        for row in rows:
            groups[key(row)].append(row)
        return groups

    def facts_of_job(self, job):
        owners = [o for o in self.table("job_owners").values() if o["job_id"] == job["id"]]
        offices = [self.table("offices")[o] for o in job.get("office_ids") or [] if o in self.table("offices")]
        departments = self.table("departments")
        department = departments.get(job.get("department_id"))
        parent = departments.get(department.get("parent_id")) if department else None
        path, at = [], department
        for _ in range(10):
            if at is None:
                break
            path.insert(0, at.get("name"))
            at = departments.get(at.get("parent_id"))
        return {
            "job_title": job.get("name"),
            "hiring_managers": names(map(self.user, self.managers[job["id"]])),
            **{t + "s": names(self.user(o["user_id"]) for o in owners if o.get("type") == t) for t in ("sourcer", "recruiter", "coordinator")},
            "offices": names((o.get("name") for o in offices), "; "),
            "office_locations": names((o.get("location") for o in offices), "; "),
            "departments": department.get("name") if department else None,
            "parent_departments": parent.get("name") if parent else None,
            "department_path": " > ".join(p for p in path if p) or None,
        }

    def job_columns(self, job_id, *wanted):
        facts = self.job_facts.get(job_id, {})
        source = {"job_offices": "offices", "job_departments": "departments", "job_parent_departments": "parent_departments", "job_sourcers": "sourcers"}
        return {w: facts.get(source.get(w, w)) for w in wanted}

    JOB = ("job_title", "hiring_managers", "job_offices", "job_departments", "job_parent_departments")

    def facts_of_opening(self, o):
        is_open = o.get("open") if o.get("open") is not None else o.get("closed_at") is None
        app = None if is_open else o.get("application_id")
        accepted = self.accepted_offer(app)
        closed_at = None if is_open else time(o.get("closed_at"))
        filled_at = None if app is None else time(accepted.get("resolved_at")) or closed_at
        return {
            "job_opening_id": o["id"], "opening_text_id": o.get("opening_id"), "job_id": o.get("job_id"),
            "opened_at": time(o.get("opened_at")), "target_start_on": date(o.get("target_start_on")), "is_open": is_open,
            "closed_at": closed_at, "close_reason": None if is_open else self.name_in("close_reasons", o.get("close_reason_id")),
            "application_id": app, "is_filled": not is_open and app is not None, "is_cancelled": not is_open and app is None,
            "filled_at": filled_at, "days_to_fill": self.days(time(o.get("opened_at")), filled_at),
            "days_open": self.days(time(o.get("opened_at")), closed_at or self.now),
            "starts_on": date(accepted.get("starts_on")),
        }

    def accepted_offer(self, app):
        accepted = [o for o in self.offers.get(app, []) if o.get("status") == "Accepted"] if app is not None else []
        return newest(accepted, "version", "id") or {}

    def current_offer(self, app):
        return newest([o for o in self.offers.get(app, []) if o.get("status") != "Deprecated"], "version", "id")

    def facts_of_application(self, app):
        """The columns of an application that depend neither on interviews nor on a row's job."""
        key, status = app["id"], self.status(app)
        candidate = self.table("candidates").get(app.get("candidate_id")) or {}
        visits = self.visits.get(key, [])
        applied_at = min(t for t in [time(app.get("created_at")), *(time(v["entered_at"]) for v in visits)] if t)
        stage_id = app.get("job_interview_stage_id")
        if stage_id is None:
            row = self.table("application_stages").get(app.get("stage_id")) or {}
            stage_id = row.get("job_interview_stage_id") if row.get("application_id") in self.apps else None
        referrer = self.table("referrers").get(app.get("referrer_id")) or {}
        prospect = newest(self.children("prospect_details", key), "updated_at", "id") or {}
        rejection = newest(self.children("rejection_details", key), "rejected_at", "id") or {} if status == "rejected" else {}
        rejected = status == "rejected"
        rejected_at = (time(app.get("rejected_at")) or time(rejection.get("rejected_at"))) if rejected else None
        reason_id = None
        if rejected:
            reason_id = app.get("rejection_reason_id") if app.get("rejection_reason_id") is not None else rejection.get("rejection_reason_id")
        hired_at = hired_from = None
        if status == "hired":
            hired_at, hired_from = time(self.accepted_offer(key).get("resolved_at")), "offer"
            if hired_at is None:
                hired_at = max((o["closed_at"] for o in self.openings if o["application_id"] == key and o["closed_at"]), default=None)
                hired_from = "opening" if hired_at else None
        eeoc = newest(self.children("eeoc", key), "submitted_at", "id") or {}
        current = self.current_offer(key)
        resume = newest([a for a in self.children("attachments", app.get("candidate_id"), "candidate_id") if a.get("type") == "resume"], "created_at", "id")
        return {
            "application_id": key, "candidate_id": app.get("candidate_id"), "source_id": app.get("source_id"), "status": status,
            "last_activity_at": time(app.get("last_activity_at")), "location_address": app.get("location_address"),
            "job_post_id": app.get("job_post_id"), "referrer_id": app.get("referrer_id"),
            "is_prospect": bool(app.get("prospect")), "needs_decision": bool(app.get("needs_decision")),
            "applied_at": applied_at, "current_stage_id": stage_id,
            "current_job_stage": self.name_in("job_interview_stages", stage_id) or app.get("stage_name"),
            "credited_to_user_id": referrer.get("user_id"), "referrer_name": self.user(referrer.get("user_id")) or referrer.get("name"),
            "coordinator_user_id": app.get("coordinator_id"), "recruiter_user_id": app.get("recruiter_id"),
            "coordinator_name": self.user(app.get("coordinator_id")), "recruiter_name": self.user(app.get("recruiter_id")),
            "coordinator_email": self.user_email(app.get("coordinator_id")), "recruiter_email": self.user_email(app.get("recruiter_id")),
            "prospect_owner_user_id": prospect.get("prospect_owner_id"), "prospect_pool_id": prospect.get("pool_id"),
            "prospect_stage_id": prospect.get("pool_stage_id"), "prospect_owner_name": self.user(prospect.get("prospect_owner_id")),
            "prospect_pool": self.name_in("prospect_pools", prospect.get("pool_id")),
            "prospect_stage": self.name_in("prospect_pool_stages", prospect.get("pool_stage_id")),
            "rejected_at": rejected_at, "rejected_reason_id": reason_id, "rejection_reason": self.name_in("rejection_reasons", reason_id),
            "rejection_reason_type": (self.name_in("rejection_reasons", reason_id, "type") or {}).get("name"),
            "rejected_by_user_id": rejection.get("rejected_by_id"), "rejected_by_name": self.user(rejection.get("rejected_by_id")),
            "sourced_from": self.name_in("sources", app.get("source_id")),
            "sourced_from_type": (self.name_in("sources", app.get("source_id"), "type") or {}).get("name"),
            "full_name": self.both_names(candidate), "current_company": candidate.get("company"), "current_title": candidate.get("title"),
            "is_private": bool(candidate.get("private")), "candidate_created_at": time(candidate.get("created_at")),
            "last_updated_at": time(candidate.get("updated_at")), "is_candidate_anonymized": candidate.get("first_name") == "Anonymized",
            "phone": ", ".join(f"{p['type']}: {p['value']}" if p.get("type") else p["value"] for p in candidate.get("phone_numbers") or [] if p and p.get("value")) or None,
            "email": ", ".join(f"<{e['value']}>" for e in candidate.get("email_addresses") or [] if e and e.get("value")) or None,
            "linkedin_url": self.link(candidate, "linkedin"), "github_url": self.link(candidate, "github"),
            "resume_url": resume.get("url") if resume else None, "candidate_tags": self.tags(app.get("candidate_id")),
            "count_activities": len(self.children("notes", app.get("candidate_id"), "candidate_id")),
            **{"candidate_" + a: (eeoc.get(a) or {}).get("description") for a in ANSWERS},
            "hired_at": hired_at, "hired_at_from": hired_from,
            "ended_at": {"hired": hired_at, "rejected": rejected_at}.get(status),
            "days_to_hire": self.days(applied_at, hired_at), "days_to_reject": self.days(applied_at, rejected_at),
            "count_offers": len(self.offers.get(key, [])), "current_offer_status": current.get("status") if current else None,
            **self.custom("applications", app), **self.custom("candidates", candidate, "candidate_custom_"),
        }

    def children(self, stream, parent, column="application_id"):
        cache = self.__dict__.setdefault("cache", {})
        if (stream, column) not in cache:
            cache[stream, column] = self.by(stream, column)
        return cache[stream, column].get(parent, []) if parent is not None else []

    @staticmethod
    def link(candidate, word):
        for column in ("social_media_addresses", "website_addresses"):
            found = [a["value"] for a in candidate.get(column) or [] if a and word in (a.get("value") or "").lower()]
            if found:
                return found[-1]
        return None

    def tags(self, candidate):
        if not self.table("applied_candidate_tags") or not self.table("candidate_tags"):
            return names((self.table("candidates").get(candidate) or {}).get("tags") or [])
        return names(self.name_in("candidate_tags", t["candidate_tag_id"]) for t in self.children("applied_candidate_tags", candidate, "candidate_id"))

    @staticmethod
    def ended(status):
        return status in ("hired", "rejected", "converted")

    # the marts

    def interviews(self):
        self.rows_of_interviews = []
        cards = {k: c for k, c in self.table("scorecards").items() if c.get("application_id") in self.apps}
        for i in self.table("interviews").values():
            app = self.apps.get(i.get("application_id"))
            if not app:
                continue
            all_day = i.get("starts_at") is None and i.get("all_day_start_on") is not None
            if all_day:
                start, end = (datetime.datetime.combine(d, datetime.time()) if d else None for d in (date(i["all_day_start_on"]), date(i.get("all_day_end_on"))))
                last_day = date(i.get("all_day_end_on")) or date(i["all_day_start_on"])
            else:
                start, end = time(i.get("starts_at")), time(i.get("ends_at"))
            if not (i.get("status") in self.s["statuses"] or (i.get("status") is None and start is not None)):
                continue
            facts = self.app_facts[app["id"]]
            plan = self.table("job_interviews").get(i.get("job_interview_id")) or {}
            job_id = i.get("job_id") if i.get("job_id") is not None else app.get("job_id")
            required = plan.get("require_scorecard") is not False
            for who in self.children("interviewers", i["id"], "interview_id") or [{}]:
                card = cards.get(who.get("scorecard_id"))
                complete = card is not None and (card.get("status") == "complete" or (card.get("status") is None and card.get("submitted_at") is not None))
                draft, card = card is not None and not complete, card if complete else {}
                ending = end or start
                if all_day:
                    over = last_day < self.today
                else:
                    over = ending is not None and ending < self.now
                due = required and who.get("response_status") != "declined" and over
                submitted = time(card.get("submitted_at"))
                hours = None
                if not all_day and submitted is not None and ending is not None:
                    hours = max(0.0, (submitted - ending).total_seconds() / 3600)
                self.rows_of_interviews.append({
                    "scheduled_interview_id": i["id"], "interviewer_row_id": who.get("id"), "application_id": app["id"],
                    "candidate_id": app.get("candidate_id"), "status": i.get("status"), "created_at": time(i.get("created_at")),
                    "last_updated_at": time(i.get("updated_at")), "location": i.get("location"), "organizer_user_id": i.get("organizer_id"),
                    "organizer_name": self.user(i.get("organizer_id")), "interview_id": i.get("job_interview_id"),
                    "interview_name": plan.get("name"), "job_stage_id": plan.get("job_interview_stage_id"),
                    "job_stage": self.name_in("job_interview_stages", plan.get("job_interview_stage_id")),
                    "start_at": start, "end_at": end, "is_all_day": all_day,
                    "duration_interview_minutes": (end - start).total_seconds() / 60 if not all_day and start and end else None,
                    "job_id": job_id, **self.job_columns(job_id, *self.JOB),
                    "interviewer_user_id": who.get("user_id"), "interviewer_name": self.user(who.get("user_id")),
                    "interviewer_email": self.user_email(who.get("user_id")) or who.get("email") or None,
                    "interviewer_response_status": who.get("response_status"),
                    "interviewer_is_hiring_manager": who.get("user_id") is not None and who["user_id"] in self.managers.get(job_id, ()),
                    "scorecard_id": card.get("id"), "overall_recommendation": card.get("candidate_rating"), "scorecard_submitted_at": submitted,
                    "scorecard_submitted_by_user_id": card.get("submitter_id"), "scorecard_submitter_name": self.user(card.get("submitter_id")),
                    "scorecard_last_updated_at": time(card.get("updated_at")), "has_draft_scorecard": draft,
                    "is_scorecard_required": required, "is_scorecard_due": due, "is_scorecard_missing": due and not complete,
                    "hours_to_submit": hours, "is_scorecard_on_time": None if hours is None else hours <= self.s["due_hours"],
                    "candidate_name": facts["full_name"], "application_current_job_stage": facts["current_job_stage"],
                    "current_application_status": facts["status"], "recruiter_name": facts["recruiter_name"],
                    **{"candidate_" + a: facts["candidate_" + a] for a in ANSWERS},
                })
        for row in self.rows_of_interviews:
            self.add("interview_enhanced", dict(row))

    def applications(self):
        interviews = self.group(self.rows_of_interviews, lambda r: r["application_id"])
        plans = self.group(self.stages, lambda s: self.stages[s].get("job_id"))
        self.rows_of_applications = []
        for key, app in self.apps.items():
            facts, mine = self.app_facts[key], interviews.get(key, [])
            jobs = {app.get("job_id")} - {None}
            if facts["is_prospect"]:
                jobs |= set(app.get("prospective_job_ids") or []) - {None}
            main = app.get("job_id") if app.get("job_id") is not None else min(jobs, default=None)
            starts = [r["start_at"] for r in mine if r["start_at"]]
            entered = {v["job_interview_stage_id"] for v in self.visits.get(key, [])} & set(self.stages)
            for job_id in jobs or {None}:
                job = self.jobs.get(job_id) or {}
                plan = [s for s in plans.get(job_id, []) if self.is_active_stage(s)] if job_id is not None else []
                furthest = max((s for s in plan if s in entered), key=self.order_in_plan, default=None)
                if facts["is_prospect"] or not plan:
                    share = None
                elif facts["status"] == "hired":
                    share = 1.0
                elif furthest is None:
                    share = 0.0
                else:
                    share = sum(self.order_in_plan(s) < self.order_in_plan(furthest) for s in plan) / len(plan)
                self.rows_of_applications.append({
                    **facts, "job_id": job_id, "is_main_row": job_id == main,
                    "job_status": job.get("status"), "job_requisition_id": job.get("requisition_id"),
                    **self.job_columns(job_id, *self.JOB, "job_sourcers"),
                    "has_interviewed_w_hiring_manager": any(r["interviewer_is_hiring_manager"] for r in mine),
                    "count_interviews": len({r["scheduled_interview_id"] for r in mine}),
                    "count_interview_scorecards": len({r["scorecard_id"] for r in mine} - {None}),
                    "count_distinct_interviewers": len({r["interviewer_user_id"] for r in mine} - {None}),
                    "first_interview_at": min(starts, default=None), "latest_interview_scheduled_at": max(starts, default=None),
                    "furthest_stage_id": furthest, "furthest_stage": self.name_in("job_interview_stages", furthest), "pipeline_share": share,
                })
        for row in self.rows_of_applications:
            self.add("application_enhanced", dict(row))
        self.main = {r["application_id"]: r for r in self.rows_of_applications if r["is_main_row"]}
        self.real = {k: r for k, r in self.main.items() if not r["is_prospect"]}

    def history(self):
        self.rows_of_history = []
        for key, visits in self.visits.items():
            facts, app = self.app_facts[key], self.apps[key]
            count = collections.Counter()
            ended = self.ended(facts["status"])
            for n, v in enumerate(visits):
                last = n == len(visits) - 1
                stage = self.stages.get(v["job_interview_stage_id"]) or {}
                count[v["job_interview_stage_id"]] += 1
                start, until = time(v["entered_at"]), time(v.get("exited_at"))
                if until is None and not last:
                    until = time(visits[n + 1]["entered_at"])
                elif until is None and not ended:
                    until = self.now
                elif until is None and facts["ended_at"] is not None and facts["ended_at"] >= start:
                    until = facts["ended_at"]
                job_id = stage.get("job_id") if stage.get("job_id") is not None else app.get("job_id")
                notes = [o for o in self.children("notes", app.get("candidate_id"), "candidate_id")
                         if o.get("application_id") in (None, key) and o.get("created_at") and start <= time(o["created_at"]) < (until or self.now)]
                self.rows_of_history.append({
                    "application_stage_id": v["id"], "application_id": key, "candidate_id": app.get("candidate_id"),
                    "new_stage_id": v["job_interview_stage_id"], "new_stage": stage.get("name"), "job_id": job_id,
                    **self.job_columns(job_id, *self.JOB), "valid_from": start, "valid_until": until, "days_in_stage": self.days(start, until),
                    "new_status": facts["status"] if last else "active", "current_status": facts["status"], "is_current": last and not ended,
                    "stage_order": stage.get("sort_order"), "visit_number": count[v["job_interview_stage_id"]],
                    "next_stage": None if last else self.name_in("job_interview_stages", visits[n + 1]["job_interview_stage_id"]),
                    "count_activities_in_stage": len(notes),
                    **{c: facts[c] for c in ("full_name", "recruiter_name", "sourced_from", "sourced_from_type")},
                    **{"candidate_" + a: facts["candidate_" + a] for a in ANSWERS},
                })
        for row in self.rows_of_history:
            self.add("application_history", dict(row))

    def scorecards(self):
        attributes = self.table("job_candidate_attributes")
        for r in self.rows_of_interviews:
            ratings = self.children("scorecard_candidate_attributes", r["scorecard_id"], "scorecard_id")

            def order(rating):
                at = (attributes.get(rating.get("job_candidate_attribute_id")) or {}).get("sort_order")
                return (at is None, at or 0, rating["id"])
            for index, rating in enumerate(sorted(ratings, key=order)):
                attribute = attributes.get(rating.get("job_candidate_attribute_id")) or {}
                self.add("interview_scorecard_detail", {
                    **{c: r[c] for c in ("scheduled_interview_id", "interviewer_row_id", "scorecard_id", "overall_recommendation", "candidate_name",
                                         "interviewer_name", "interview_name", "scorecard_submitted_at", "application_id", "job_id", "job_title",
                                         "hiring_managers")},
                    "scorecard_candidate_attribute_id": rating["id"], "index": index, "attribute_name": attribute.get("name"),
                    "attribute_category": self.name_in("candidate_attribute_types", attribute.get("candidate_attribute_type_id")),
                    "rating": rating.get("candidate_attribute_rating"), "note": rating.get("note"), "interview_start_at": r["start_at"],
                })

    def offer_marts(self):
        self.rows_of_offers = []
        flows = self.group((f for f in self.table("approval_flows").values()
                            if f.get("approval_type") == "offer_candidate" and f.get("approval_status") == "approved"), lambda f: f.get("offer_id"))
        for key, offers in self.offers.items():
            facts, current = self.app_facts[key], self.current_offer(key)
            for o in offers:
                is_current = o is current
                flow = newest(flows.get(o["id"], []), "version", "id")
                approved = [time(g["resolved_at"]) for g in self.children("approver_groups", flow["id"], "approval_flow_id") if g.get("resolved_at")] if flow else []
                status = o.get("status")
                self.rows_of_offers.append({
                    "offer_id": o["id"], "application_id": key, "candidate_id": facts["candidate_id"], "job_id": o.get("job_id"),
                    "opening_id": o.get("opening_id"), "version": o.get("version"), "status": status, "created_at": time(o.get("created_at")),
                    "sent_on": date(o.get("sent_on")), "resolved_at": time(o.get("resolved_at")), "starts_on": date(o.get("starts_on")),
                    "count_versions": len(offers), "is_current": is_current, "is_accepted": is_current and status == "Accepted",
                    "is_rejected": is_current and status == "Rejected",
                    "is_pending": is_current and status == "Created" and facts["status"] == "active",
                    "is_reneged": is_current and status == "Accepted" and facts["status"] == "rejected",
                    "approved_at": max(approved, default=None),
                    "days_to_resolve": days(date(o.get("sent_on")), self.local(time(o.get("resolved_at")))),
                    "days_from_application": days(self.local(facts["applied_at"]), date(o.get("sent_on")) or self.local(time(o.get("created_at")))),
                    "application_status": facts["status"], "candidate_name": facts["full_name"], "recruiter_name": facts["recruiter_name"],
                    "sourced_from": facts["sourced_from"], "sourced_from_type": facts["sourced_from_type"],
                    **self.job_columns(o.get("job_id"), *self.JOB), **self.custom("offers", o),
                })
        for row in self.rows_of_offers:
            self.add("offer_enhanced", dict(row))
        self.current_offers = {r["application_id"]: r for r in self.rows_of_offers if r["is_current"]}

    def opening_mart(self):
        for o in self.openings:
            facts = self.app_facts.get(o["application_id"]) or {}
            self.add("opening_enhanced", {
                **o, **self.job_columns(o["job_id"], "job_title", "job_departments", "job_parent_departments", "job_offices"),
                "department_id": (self.jobs.get(o["job_id"]) or {}).get("department_id"),
                "candidate_id": facts.get("candidate_id"), "sourced_from": facts.get("sourced_from"), "recruiter_name": facts.get("recruiter_name"),
                "days_after_target": (o["starts_on"] - o["target_start_on"]).days if o["starts_on"] and o["target_start_on"] else None,
                **self.custom("openings", self.table("openings")[o["job_opening_id"]]),
            })

    def pipeline(self):
        self.rows_of_pipeline = []

        def label(name):
            return (name or "").strip(" ").lower() or None
        by_stage = self.group(self.rows_of_history, lambda r: r["new_stage_id"])
        by_name = self.group(self.rows_of_history, lambda r: label(r["new_stage"]))

        def typical(visits):
            values = [v["days_in_stage"] for v in visits if not v["is_current"] and v["days_in_stage"] is not None]
            return statistics.median(values) if len(values) >= 5 else None

        def probability(visits):
            ended = {v["application_id"]: v["current_status"] for v in visits if v["current_status"] in ("hired", "rejected")}
            return sum(s == "hired" for s in ended.values()) / len(ended) if len(ended) >= 10 else None
        next_interview = {}
        for r in self.rows_of_interviews:
            if r["start_at"] and r["start_at"] > self.now:
                next_interview[r["application_id"]] = min(r["start_at"], next_interview.get(r["application_id"], r["start_at"]))
        memo = {}

        def remembered(kind, f, key, groups):
            if (kind, key) not in memo:
                memo[kind, key] = f(groups.get(key, [])) if key is not None else None
            return memo[kind, key]
        for key, r in self.real.items():
            if r["status"] != "active":
                continue
            here = [v for v in self.rows_of_history_of(key) if v["new_stage_id"] == r["current_stage_id"] and r["current_stage_id"] is not None]
            entered = here[-1]["valid_from"] if here else None
            name = label(r["current_job_stage"])
            typical_days = remembered("days", typical, r["current_stage_id"], by_stage)
            if typical_days is None:
                typical_days = remembered("days of name", typical, name, by_name)
            chance, basis = remembered("chance", probability, r["current_stage_id"], by_stage), "job_stage"
            if chance is None:
                chance, basis = remembered("chance of name", probability, name, by_name), "stage_name"
            in_stage = self.days(entered, self.now)
            self.rows_of_pipeline.append({
                **{c: r[c] for c in ("application_id", "candidate_id", "full_name", "job_id", "job_title", "recruiter_name", "sourced_from", "applied_at",
                                     "last_activity_at", "needs_decision", "current_stage_id", "current_job_stage")},
                "stage_entered_at": entered, "days_in_stage": in_stage, "days_since_applied": self.days(r["applied_at"], self.now),
                "days_since_activity": self.days(r["last_activity_at"], self.now), "typical_days_in_stage": typical_days,
                "is_stuck": in_stage is not None and in_stage > self.s["stuck_days"], "hire_probability": chance,
                "hire_probability_basis": basis if chance is not None else None,
                "has_pending_offer": key in self.current_offers and self.current_offers[key]["status"] == "Created",
                "next_interview_at": next_interview.get(key),
            })
        for row in self.rows_of_pipeline:
            self.add("pipeline", dict(row))

    def rows_of_history_of(self, key):
        if not hasattr(self, "history_by_application"):
            self.history_by_application = self.group(self.rows_of_history, lambda r: r["application_id"])
        return self.history_by_application.get(key, [])

    def job_mart(self):
        rows = self.group(self.rows_of_applications, lambda r: r["job_id"])
        openings = self.group(self.openings, lambda o: o["job_id"])
        pipeline = self.group(self.rows_of_pipeline, lambda r: r["job_id"])
        posts = self.group((p for p in self.table("job_posts").values() if p.get("live") and p.get("active") is not False), lambda p: p.get("job_id"))
        for key, job in self.jobs.items():
            mine = rows.get(key, [])
            apps = collections.Counter(r["status"] for r in mine if not r["is_prospect"])
            prospects = collections.Counter(r["status"] for r in mine if r["is_prospect"])
            its_openings, live = openings.get(key, []), posts.get(key, [])
            closed_at = time(job.get("closed_at")) if job.get("status") == "closed" else None
            places = set()
            for p in live:
                for place in self.children("job_post_locations", p["id"], "job_post_id"):
                    if place.get("office_id") is not None:
                        places.add(("office", place["office_id"]))
                    elif place.get("custom_location_id") is not None:
                        places.add(("custom", place["custom_location_id"]))
                    elif (place.get("plain_text_location") or "").strip(" "):
                        places.add(("text", place["plain_text_location"].lower().strip(" ")))
            facts = self.job_facts[key]
            self.add("job_enhanced", {
                "job_id": key, "requisition_id": job.get("requisition_id"), "notes": job.get("notes"), "status": job.get("status"),
                "is_confidential": bool(job.get("confidential")), "created_at": time(job.get("created_at")), "last_updated_at": time(job.get("updated_at")),
                "opened_at": time(job.get("opened_at")), "is_template": bool(job.get("is_template")), "department_id": job.get("department_id"),
                **facts, "closed_at": closed_at,
                "last_opening_closed_at": max((o["closed_at"] for o in its_openings if o["closed_at"]), default=closed_at),
                "days_open": self.days(time(job.get("opened_at")), closed_at or self.now),
                "count_applications": sum(apps.values()), "count_active_applications": apps["active"],
                "count_hired_applications": apps["hired"], "count_rejected_applications": apps["rejected"],
                "count_interviewed_applications": sum(r["count_interviews"] > 0 for r in mine),
                "count_active_prospects": prospects["active"], "count_converted_prospects": prospects["converted"],
                "count_rejected_prospects": prospects["rejected"],
                "count_active_openings": sum(o["is_open"] for o in its_openings),
                "count_closed_openings": sum(not o["is_open"] for o in its_openings),
                "count_hired_closed_openings": sum(o["is_filled"] for o in its_openings),
                "count_live_internal_posts": sum(bool(p.get("internal")) for p in live),
                "count_live_external_posts": sum(not p.get("internal") for p in live), "count_live_locations": len(places),
                "avg_days_to_fill": mean(o["days_to_fill"] for o in its_openings),
                "avg_days_to_hire": mean(r["days_to_hire"] for r in mine if not r["is_prospect"]),
                "expected_hires": sum(r["hire_probability"] or 0 for r in pipeline.get(key, [])),
                **self.custom("jobs", job),
            })

    def funnel(self):
        """Application by application: which stages of which plans it touches."""
        plans = self.group(self.stages, lambda s: self.stages[s].get("job_id"))
        cohorts = collections.defaultdict(dict)  # job, month: applications
        for key, r in self.real.items():
            jobs = {r["job_id"]} | {(self.stages.get(v["new_stage_id"]) or {}).get("job_id") for v in self.rows_of_history_of(key)}
            for job in jobs - {None}:
                cohorts[job, month(self.local(r["applied_at"]))][key] = r
        for (job, at), cohort in cohorts.items():
            for stage in plans.get(job, []):
                active = self.is_active_stage(stage)
                entered = reached = passed = rejected = inside = hired = 0
                stays = []
                for key, r in cohort.items():
                    visits = self.rows_of_history_of(key)
                    mine = [v["new_stage_id"] for v in visits]
                    hired_here = r["status"] == "hired" and r["job_id"] == job
                    in_plan = [s for s in mine if s in self.stages and self.stages[s].get("job_id") == job]
                    hired += hired_here
                    stays += [v["days_in_stage"] for v in visits if v["new_stage_id"] == stage]
                    if stage in mine:
                        entered += 1
                        passed += mine[-1] != stage or r["status"] == "hired"
                        rejected += mine[-1] == stage and r["status"] == "rejected" and r["job_id"] == job
                        inside += mine[-1] == stage and r["status"] == "active" and r["job_id"] == job
                    reached += stage in mine or (active and (hired_here or any(self.order_in_plan(s) >= self.order_in_plan(stage) for s in in_plan)))
                s = self.stages[stage]
                self.add("stage_funnel", {
                    "job_id": job, "job_title": self.name_in("jobs", job), "job_stage_id": stage, "stage_name": s.get("name"),
                    "stage_order": s.get("sort_order"), "is_stage_active": active, "cohort_month": at, "count_applications": len(cohort),
                    "count_entered": entered, "count_reached": reached, "count_passed": passed, "count_rejected_in_stage": rejected,
                    "count_in_stage": inside, "count_hired": hired, "pass_rate": quotient(passed, entered),
                    "reach_rate": quotient(reached, len(cohort)), "avg_days_in_stage": mean(stays),
                })

    def sources(self):
        for (source, at), apps in self.group(self.real.values(), lambda r: (r["source_id"], month(self.local(r["applied_at"])))).items():
            status = collections.Counter(r["status"] for r in apps)
            offers = [self.current_offers[r["application_id"]] for r in apps if r["application_id"] in self.current_offers]
            self.add("source_performance", {
                "source_id": source, "sourced_from": apps[0]["sourced_from"], "sourced_from_type": apps[0]["sourced_from_type"], "cohort_month": at,
                "count_applications": len(apps), "count_referred": sum(r["referrer_id"] is not None for r in apps),
                "count_active": status["active"], "count_rejected": status["rejected"], "count_hired": status["hired"],
                "count_interviewed": sum(r["count_interviews"] > 0 for r in apps), "count_offered": len(offers),
                "count_accepted": sum(o["is_accepted"] for o in offers), "hire_rate": quotient(status["hired"], len(apps)),
                "avg_days_to_hire": mean(r["days_to_hire"] for r in apps), "quality": mean(r["pipeline_share"] for r in apps),
            })

    def load(self):
        def week(r):
            day = r["start_at"].date() if r["is_all_day"] else self.local(r["start_at"])
            return day - datetime.timedelta(days=day.weekday())
        mine = [r for r in self.rows_of_interviews if r["interviewer_user_id"] is not None and r["start_at"] is not None]
        for (user, monday), rows in self.group(mine, lambda r: (r["interviewer_user_id"], week(r))).items():
            held = {r["scheduled_interview_id"]: r["duration_interview_minutes"] or 0 for r in rows if r["interviewer_response_status"] != "declined"}
            self.add("interviewer_load", {
                "interviewer_user_id": user, "interviewer_name": self.user(user), "week_start": monday, "count_interviews": len(held),
                "count_declined": len({r["scheduled_interview_id"] for r in rows if r["interviewer_response_status"] == "declined"}),
                "interview_hours": sum(held.values()) / 60, "count_scorecards_due": sum(r["is_scorecard_due"] for r in rows),
                "count_scorecards_submitted": len({r["scorecard_id"] for r in rows} - {None}),
                "count_scorecards_on_time": sum(r["is_scorecard_on_time"] is True for r in rows),
                "count_scorecards_missing": sum(r["is_scorecard_missing"] for r in rows),
                "avg_hours_to_submit": mean(r["hours_to_submit"] for r in rows),
            })

    def workload(self):
        open_jobs = collections.defaultdict(set)
        for o in self.table("job_owners").values():
            job = self.jobs.get(o["job_id"])
            if o.get("type") == "recruiter" and o["user_id"] is not None and job and job.get("status") == "open" and not job.get("is_template"):
                open_jobs[o["user_id"]].add(job["id"])
        apps = self.group(self.real.values(), lambda r: r["recruiter_user_id"])
        for user in (set(open_jobs) | set(apps)) - {None}:
            active = [r for r in apps.get(user, []) if r["status"] == "active"]
            self.add("recruiter_workload", {
                "recruiter_user_id": user, "recruiter_name": self.user(user), "is_deactivated": bool((self.users.get(user) or {}).get("deactivated")),
                "count_open_jobs": len(open_jobs[user]),
                "count_open_openings": sum(o["is_open"] and o["job_id"] in open_jobs[user] for o in self.openings),
                "count_active_applications": len(active), "count_needs_decision": sum(r["needs_decision"] for r in active),
                "count_idle_applications": sum((self.today - self.local(r["last_activity_at"] or r["applied_at"])).days > self.s["idle_days"] for r in active),
                "count_pending_offers": sum(r["application_id"] in self.current_offers and self.current_offers[r["application_id"]]["is_pending"] for r in active),
                "count_hires_90_days": sum(r["hired_at"] is not None and 0 <= (self.today - self.local(r["hired_at"])).days <= 89 for r in apps.get(user, [])),
            })

    def diversity(self):
        groups = collections.defaultdict(set)
        if self.by("eeoc", "application_id", living=True):
            for key, r in self.real.items():
                for a in ANSWERS:
                    groups[a, r["candidate_" + a] or "(no answer)", self.local(r["applied_at"]).year].add(key)
        for a in self.table("demographic_answers").values():
            question = self.name_in("demographic_questions", a.get("demographic_question_id"))
            r = self.real.get(a.get("application_id"))
            if question and r:
                option = self.name_in("demographic_answer_options", a.get("demographic_answer_option_id")) or "(unknown)"
                groups[question, option, self.local(r["applied_at"]).year].add(a["application_id"])
        by_year = self.group(groups.items(), lambda g: (g[0][0], g[0][2]))
        for (dimension, year), members in by_year.items():
            hidden = {answer for (_, answer, _), apps in members if len(apps) < self.s["min_group_size"]}
            others = sorted(((len(apps), answer.encode(), answer) for (_, answer, _), apps in members if answer not in hidden))
            if len(hidden) == 1 and others:
                hidden.add(others[0][2])
            for (_, answer, _), keys in members:
                apps = [self.real[k] for k in keys]
                n, seen = len(apps), answer not in hidden
                interviewed = sum(r["count_interviews"] > 0 for r in apps)
                offered = sum(r["application_id"] in self.current_offers for r in apps)
                hired = sum(r["status"] == "hired" for r in apps)
                self.add("diversity_funnel", {
                    "dimension": dimension, "answer": answer, "cohort_year": year, "is_suppressed": not seen,
                    **{c: v if seen else None for c, v in (
                        ("count_applications", n), ("count_interviewed", interviewed), ("count_offered", offered), ("count_hired", hired),
                        ("interview_rate", interviewed / n), ("offer_rate", offered / n), ("hire_rate", hired / n))},
                })

    def monthly(self):
        openings = []
        for o in self.openings:
            if o["opened_at"] is not None:
                openings.append(dict(o, department=(self.jobs.get(o["job_id"]) or {}).get("department_id"), opened=self.local(o["opened_at"]),
                                     closed=self.local(o["closed_at"]), filled=self.local(o["filled_at"])))
        if not openings:
            return
        at = month(min(o["opened"] for o in openings))
        while at <= self.today:
            following = month(at + datetime.timedelta(days=32))
            end = min(following - datetime.timedelta(days=1), self.today)
            for department in {o["department"] for o in openings}:
                mine = [o for o in openings if o["department"] == department]

                def inside(day):
                    return day is not None and at <= day <= end
                self.add("openings_monthly", {
                    "month": at, "department_id": department, "department": self.name_in("departments", department),
                    "count_opened": sum(inside(o["opened"]) for o in mine), "count_filled": sum(inside(o["filled"]) for o in mine),
                    "count_cancelled": sum(o["is_cancelled"] and inside(o["closed"]) for o in mine),
                    "count_open_at_end": sum(o["opened"] <= end and (o["closed"] is None or o["closed"] > end) for o in mine),
                })
            at = following


KEYS = {
    "application_enhanced": ("application_id", "job_id"), "application_history": ("application_stage_id",),
    "interview_enhanced": ("scheduled_interview_id", "interviewer_row_id"),
    "interview_scorecard_detail": ("scheduled_interview_id", "interviewer_row_id", "scorecard_candidate_attribute_id"),
    "job_enhanced": ("job_id",), "offer_enhanced": ("offer_id",), "opening_enhanced": ("job_opening_id",),
    "stage_funnel": ("job_stage_id", "cohort_month"), "source_performance": ("source_id", "cohort_month"),
    "interviewer_load": ("interviewer_user_id", "week_start"), "recruiter_workload": ("recruiter_user_id",),
    "pipeline": ("application_id",), "diversity_funnel": ("dimension", "answer", "cohort_year"),
    "openings_monthly": ("month", "department_id"),
}


def marts(accounts, **settings):
    """The marts of accounts, which are names with their streams: {stream: {id: row}}."""
    made = {mart: [] for mart in KEYS}
    for name, streams in accounts.items():
        for mart, rows in Account(name, streams, settings).marts.items():
            made[mart] += rows
    return made
