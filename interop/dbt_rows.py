"""Rows for the dbt package that nobody wishes for, in the tables of four loaders: random ones from
small pools, so that ids dangle, names repeat, and times fall on midnights and changes of the clock."""

import datetime
import hashlib
import json
import os
import random

SCHEMAS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "schemas")
AS_OF = "2026-03-10 12:00:00"
OWN = {"applications": "app_n", "candidates": "cand_n", "jobs": "job_n", "offers": "offer_n", "openings": "opening_n"}  # custom fields in columns of their own
MOMENTS = ["2025-11-02T05:30:00.000Z", "2025-11-02T06:30:00.000Z", "2026-03-08T06:59:59.999Z", "2026-03-08T07:00:00.000Z",
           "2026-01-01T04:59:59.999Z", "2026-01-01T05:00:00.000Z", "2026-02-01T00:00:00.000Z", "2026-03-10T12:00:00.000Z",
           "2026-03-10T11:59:59.000Z", "2026-03-02T04:59:00.000Z", "2026-03-02T05:00:00.000Z", "2026-02-28T23:59:59.999Z"]


def kinds():
    """The kind of each column of each stream, by the schemas."""
    made = {}
    for name in os.listdir(SCHEMAS):
        if name.endswith(".json"):
            with open(os.path.join(SCHEMAS, name)) as f:
                stream = json.load(f)
            columns = {}
            for column, schema in stream["schema"]["properties"].items():
                types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
                kind = next(t for t in types if t != "null")
                items = (schema.get("items") or {}).get("type")
                items = next((t for t in items if t != "null"), None) if isinstance(items, list) else items
                columns[column] = "ids" if (kind, items) == ("array", "integer") else "texts" if (kind, items) == ("array", "string") else \
                    "objects" if kind == "array" else {"date-time": "time", "date": "date"}.get(schema.get("format"), kind)
            made[stream["stream"]] = columns
    return made


class Nasty:
    """An account's rows. Ids begin at 1 in every stream, so they collide between accounts."""

    def __init__(self, seed, applications=260):
        self.r = random.Random(seed)
        self.rows = {}
        self.make(applications)

    def one(self, *values):
        return self.r.choice(values)

    def maybe(self, value, share=0.2):
        return None if self.r.random() < share else value

    def time(self, null=0.0, around=None, spread=200):
        if self.r.random() < null:
            return None
        if around is None and self.r.random() < 0.15:
            return self.r.choice(MOMENTS)
        base = datetime.datetime.fromisoformat(around.replace("Z", "")) if around else datetime.datetime(2025, 9, 1)
        at = base + datetime.timedelta(seconds=self.r.randrange(spread * 86400), milliseconds=self.r.randrange(1000))
        if self.r.random() < 0.2:
            at = at.replace(minute=0, second=0, microsecond=0, hour=self.one(0, 4, 5, 23))
        return at.isoformat(timespec="milliseconds") + "Z"

    def day(self, null=0.2):
        return self.maybe((datetime.date(2025, 10, 1) + datetime.timedelta(days=self.r.randrange(220))).isoformat(), null)

    def ref(self, count, null=0.1, gone=0.05):
        if self.r.random() < null:
            return None
        return self.r.randrange(1, count + 1) if self.r.random() > gone else count + self.r.randrange(1, 4)

    def fill(self, stream, count, make):
        rows = {}
        for key in range(1, count + 1):
            created = self.time()
            rows[key] = {"id": key, "created_at": created, "updated_at": self.time(around=created, spread=20), **make(key)}
        self.rows[stream] = rows

    def custom(self, prefix):
        values = [("short_text", "a 'text', “quoted”"), ("yes_no", True), ("yes_no", False), ("number", 8.25), ("number", 5), ("multi_select", ["IC4", "IC 5"]),
                  ("currency", {"unit": "EUR", "amount": "120.0"}), ("short_text", None), ("short_text", "")]
        made = {}
        for key in (prefix + "_a", prefix + "_b"):
            if self.r.random() < 0.8:
                kind, value = self.r.choice(values)
                made[key] = {"name": key, "type": kind, "value": value}
        if self.r.random() < 0.8:
            made[prefix + "_n"] = {"name": "a number", "type": "number", "value": self.one(5, 8.25, 0.1, 1200, -3, None)}
        return self.maybe(made, 0.1)

    def make(self, n):
        one, maybe, ref, time, day = self.one, self.maybe, self.ref, self.time, self.day
        users, jobs, candidates, stages = 14, 12, int(n * 0.8), 60
        flag = lambda null=0.2: maybe(self.r.random() < 0.5, null)
        first = lambda: maybe(one("Ann", "Joann", "ann", "Özil", "Anonymized"))
        self.fill("users", users, lambda k: {
            "first_name": first(), "last_name": maybe(one("Lee", "Leeds", "de la Cruz")), "name": maybe(one("Ann Lee", "Zoë, the “Z”", "bob"), 0.5),
            "primary_email": maybe(one("", "ann@example.com", f"u{k}@example.com")), "deactivated": flag()})
        self.fill("offices", 5, lambda k: {"name": maybe(one("Berlin", "Paris", "paris", "Bonn")), "location": maybe(one("Berlin, DE", "FR")), "parent_id": None})
        self.fill("departments", 14, lambda k: {"name": maybe(one("Eng", "Sales", "R & D", f"D{k}")), "parent_id": k - 1 if k < 13 else ref(14)})
        self.rows["departments"][1]["parent_id"] = 14
        self.fill("jobs", jobs, lambda k: {
            "name": maybe(one("Engineer", "Sales rep")), "requisition_id": maybe(f"R{k}"), "notes": maybe("note"), "confidential": flag(),
            "status": one("open", "open", "closed", "draft", None), "opened_at": time(0.2), "closed_at": time(0.4), "is_template": maybe(self.r.random() < 0.2),
            "department_id": ref(14, 0.2), "office_ids": maybe([ref(5, 0) for _ in range(self.r.randrange(4))] * one(1, 2)), "custom_fields": self.custom("job")})
        self.fill("job_hiring_managers", 16, lambda k: {"job_id": ref(jobs), "user_id": ref(users)})
        self.fill("job_owners", 40, lambda k: {"job_id": ref(jobs), "user_id": ref(users), "type": one("recruiter", "recruiter", "sourcer", "coordinator", None)})
        self.fill("job_interview_stages", stages, lambda k: {
            "job_id": ref(jobs - 1, 0.05), "sort_order": maybe(self.r.randrange(6), 0.1), "name": maybe(one("Screen", " screen ", "Onsite", "Offer"), 0.1),
            "active": one(True, True, True, False, None)})
        self.fill("job_interviews", 50, lambda k: {
            "job_interview_stage_id": ref(stages), "job_id": ref(jobs), "name": maybe(one("Call", "Panel")), "require_scorecard": one(True, False, None)})
        self.fill("sources", 5, lambda k: {"name": maybe(one("LinkedIn", "Referral")), "type": maybe({"id": k, "name": one("Job board", None)})})
        self.fill("referrers", 8, lambda k: {"user_id": ref(users, 0.4), "name": maybe("Uncle Bob")})
        self.fill("rejection_reasons", 4, lambda k: {"name": maybe(f"Reason {k}"), "type": maybe({"id": k, "key": "x", "name": "We said no"})})
        self.fill("close_reasons", 3, lambda k: {"name": maybe(f"Closed {k}")})
        self.fill("prospect_pools", 3, lambda k: {"name": maybe(f"Pool {k}")})
        self.fill("prospect_pool_stages", 3, lambda k: {"name": maybe(f"Pool stage {k}"), "prospect_pool_id": ref(3)})
        address = lambda: maybe({"value": maybe(one("https://LinkedIn.com/in/a", "github.com/b", "https://x.example/GitHub/c", "")), "type": maybe(one("home", ""))}, 0.05)
        several = lambda make: maybe([make() for _ in range(self.r.randrange(4))])
        self.fill("candidates", candidates, lambda k: {
            "first_name": first(), "last_name": maybe(one("Lee", str(k))), "company": maybe("ACME"), "title": maybe("Dr"), "private": flag(),
            "tags": several(lambda: maybe(one("b", "a", "B", "ü"))), "phone_numbers": several(lambda: maybe({"type": maybe(one("mobile", "")), "value": maybe(one("1 2", "+49"))}, 0.05)),
            "email_addresses": several(lambda: maybe({"type": "work", "value": maybe(one("a@example.com", "b@example.com"))}, 0.05)),
            "website_addresses": several(address), "social_media_addresses": several(address), "custom_fields": self.custom("cand")})
        self.fill("candidate_tags", 4, lambda k: {"name": maybe(one("tag b", "tag a", "Tag"))})
        self.fill("applied_candidate_tags", candidates, lambda k: {"candidate_tag_id": ref(4), "candidate_id": ref(candidates)})
        self.fill("attachments", candidates, lambda k: {
            "candidate_id": ref(candidates), "application_id": ref(n), "type": one("resume", "resume", "cover_letter"), "url": maybe(f"https://files.example/{k}")})
        self.fill("applications", n, lambda k: {
            "candidate_id": ref(candidates), "coordinator_id": ref(users), "job_id": ref(jobs), "job_post_id": ref(20), "recruiter_id": ref(users),
            "referrer_id": ref(8, 0.6), "source_id": ref(5), "stage_id": ref(3 * n), "stage_name": maybe(one("Screen", "Onsite", "Gone stage")),
            "status": one("in_process", "in_process", "rejected", "rejected", "hired", "hired", "converted", None, "archived"), "needs_decision": flag(),
            "prospect": one(True, False, False, False, None), "rejected_at": time(0.4), "last_activity_at": time(0.2), "location_address": maybe("Rome"),
            "prospective_job_ids": maybe([ref(jobs, 0.1) for _ in range(self.r.randrange(4))] * one(1, 2)), "custom_fields": self.custom("app"),
            "job_interview_stage_id": ref(stages, 0.4), "rejection_reason_id": ref(4, 0.4)})
        for app in list(self.rows["applications"].values()):
            if self.r.random() < 0.3:
                app["last_activity_at"] = self.time(around="2026-02-18T00:00:00.000Z", spread=14)

        def application_stage(k):
            entered = time(0.35)
            app = self.rows["applications"].get(ref(n, 0)) or {}
            plan = [s for s, row in self.rows["job_interview_stages"].items() if row["job_id"] == app.get("job_id")]
            stage = self.r.choice(plan) if plan and self.r.random() < 0.8 else ref(stages)
            exited = None if entered is None else one(None, None, self.time(around=entered, spread=30), self.time())
            return {"application_id": app.get("id", n + 1), "job_interview_stage_id": stage, "entered_at": entered, "exited_at": exited,
                    "days_in_stage": self.r.randrange(99), "current": flag()}
        self.fill("application_stages", 4 * n, application_stage)
        same = list(self.rows["application_stages"].values())
        for row in same[: n // 2]:
            other = self.r.choice(same)
            row.update(application_id=other["application_id"], entered_at=other["entered_at"])
        self.fill("prospect_details", n // 3, lambda k: {"application_id": ref(n), "pool_id": ref(3), "pool_stage_id": ref(3), "prospect_owner_id": ref(users)})
        self.fill("rejection_details", n // 2, lambda k: {
            "application_id": ref(n), "rejected_by_id": ref(users), "rejection_reason_id": ref(4), "rejected_at": time(0.2)})
        self.fill("offers", n, lambda k: {
            "version": maybe(one(1, 2, 3), 0.1), "application_id": ref(n // 2), "job_id": ref(jobs), "candidate_id": ref(candidates), "opening_id": ref(40),
            "status": one("Created", "Accepted", "Accepted", "Rejected", "Deprecated", None, "Odd"), "starts_on": day(), "sent_on": day(), "resolved_at": time(0.3),
            "custom_fields": self.custom("offer")})
        self.fill("openings", 60, lambda k: {
            "job_id": ref(jobs), "opened_at": time(0.1), "closed_at": time(0.3), "opening_id": maybe(f"O-{k}"), "application_id": ref(n, 0.3),
            "close_reason_id": ref(3), "target_start_on": day(), "open": one(True, False, False, None), "custom_fields": self.custom("opening")})
        self.fill("approval_flows", n, lambda k: {
            "job_id": ref(jobs), "offer_id": ref(n), "approval_type": one("offer_candidate", "offer_candidate", "open_job", "offer_job"),
            "version": maybe(one(1, 2, 3)), "approval_status": one("approved", "approved", "pending", "rejected")})
        self.fill("approver_groups", 2 * n, lambda k: {"approval_flow_id": ref(n), "resolved_at": time(0.3)})
        self.fill("scorecards", n, lambda k: {
            "candidate_rating": maybe(one("yes", "strong_no")), "status": one("complete", "complete", "draft", None), "application_id": ref(n, 0.02),
            "submitted_at": time(0.2), "submitter_id": ref(users)})

        def interview(k):
            start = time(0.3)
            end = None if start is None else one(None, (datetime.datetime.fromisoformat(start[:-1]) + datetime.timedelta(minutes=45)).isoformat(timespec="milliseconds") + "Z")
            return {"job_id": ref(jobs, 0.3), "application_id": ref(n), "job_interview_id": ref(50), "starts_at": start, "ends_at": end or time(0.8),
                    "location": maybe("Room 1"), "organizer_id": ref(users), "all_day_start_on": day(0.4), "all_day_end_on": day(0.5),
                    "status": one("scheduled", "awaiting_feedback", "complete", "to_be_scheduled", "skipped", "collect_feedback", None)}
        self.fill("interviews", 2 * n, interview)
        self.fill("interviewers", 3 * n, lambda k: {
            "interview_id": ref(2 * n), "user_id": ref(users, 0.3), "scorecard_id": ref(n, 0.3), "email": maybe(one("", "out@example.com")),
            "response_status": one("accepted", "declined", "needs_action", None)})
        for k, who in self.rows["interviewers"].items():  # most scorecards come within some days
            card = self.rows["scorecards"].get(who["scorecard_id"])
            start = (self.rows["interviews"].get(who["interview_id"]) or {}).get("starts_at")
            if card and start and self.r.random() < 0.7:
                card["submitted_at"] = one(start, self.time(around=start, spread=3))
        self.fill("job_candidate_attributes", 20, lambda k: {
            "job_id": ref(jobs), "candidate_attribute_type_id": ref(4), "sort_order": maybe(self.r.randrange(4)), "name": maybe(f"Attribute {k}")})
        self.fill("candidate_attribute_types", 4, lambda k: {"name": maybe(f"Type {k}")})
        self.fill("scorecard_candidate_attributes", 3 * n, lambda k: {
            "scorecard_id": ref(n), "candidate_attribute_rating": maybe(one("yes", "no")), "job_candidate_attribute_id": ref(20), "note": maybe("text")})
        self.fill("notes", 4 * n, lambda k: {"candidate_id": ref(candidates), "application_id": ref(n, 0.5), "type": one("NOTE", "EMAIL", None)})
        for note in self.rows["notes"].values():
            if self.r.random() < 0.6 and note["application_id"] in self.rows["applications"]:
                note["candidate_id"] = self.rows["applications"][note["application_id"]]["candidate_id"]
            if self.r.random() < 0.05:
                note["created_at"] = None
        self.fill("job_posts", 30, lambda k: {"job_id": ref(jobs), "internal": flag(), "active": one(True, True, False, None), "live": one(True, True, False, None)})
        self.fill("job_post_locations", 60, lambda k: {
            "job_post_id": ref(30), "office_id": ref(5, 0.6), "custom_location_id": ref(5, 0.6), "plain_text_location": maybe(one("Rome", " rome ", "", "Bari"))})
        answer = lambda *texts: maybe({"id": 1, "description": maybe(one(*texts), 0.1)})
        self.fill("eeoc", int(n * 0.9), lambda k: {
            "application_id": ref(n), "candidate_id": ref(candidates), "gender": answer("Male", "Female", "Female", "Female"),
            "race": answer("A", "B", "C", "D", "E", "F", "G", "H"), "veteran_status": answer("No", "No", "No", "No", "No", "No", "Yes"),
            "disability_status": answer("No", "a", "B"), "submitted_at": time(0.2)})
        self.fill("demographic_questions", 5, lambda k: {"name": maybe(one("gender", "Pronouns", "Age - band"))})
        self.fill("demographic_answer_options", 12, lambda k: {"name": maybe(one("x", "y", "Z", "ä")), "demographic_question_id": ref(5)})
        self.fill("demographic_answers", 2 * n, lambda k: {
            "application_id": ref(n), "demographic_question_id": ref(5), "demographic_answer_option_id": ref(12)})


# Tables as loaders write them: type of each kind, marks of a deleted row, the loader's time.
SHAPES = {
    "target-duckdb": dict(integer="HUGEINT", number="DOUBLE", string="VARCHAR", boolean="BOOLEAN", time="TIMESTAMP", date="VARCHAR", ids="JSON", texts="JSON",
                          objects="JSON", object="JSON", mark=("_sdc_deleted_at", "VARCHAR"), loaded=("_sdc_batched_at", "TIMESTAMP")),
    "pyairbyte": dict(integer="BIGINT", number="DECIMAL(38,9)", string="VARCHAR", boolean="BOOLEAN", time="TIMESTAMP", date="DATE", ids="JSON", texts="JSON",
                      objects="JSON", object="JSON", mark=("_ab_cdc_deleted_at", "TIMESTAMP"), loaded=("_airbyte_extracted_at", "TIMESTAMP")),
    "target-postgres": dict(integer="bigint", number="double precision", string="text", boolean="boolean", time="timestamp", date="date", ids="bigint[]",
                            texts="text[]", objects="jsonb[]", object="jsonb", mark=("_sdc_deleted_at", "timestamp"), loaded=("_sdc_batched_at", "timestamp")),
    "airbyte-postgres": dict(integer="bigint", number="decimal", string="varchar", boolean="boolean", time="timestamptz", date="date", ids="jsonb",
                             texts="jsonb", objects="jsonb", object="jsonb", mark=("_ab_cdc_deleted_at", "timestamptz"),
                             loaded=("_airbyte_extracted_at", "timestamptz")),
    "texts": dict(integer="VARCHAR", number="VARCHAR", string="VARCHAR", boolean="VARCHAR", time="VARCHAR", date="VARCHAR", ids="VARCHAR", texts="VARCHAR",
                  objects="VARCHAR", object="VARCHAR", mark=("_sdc_deleted_at", "VARCHAR"), loaded=("_sdc_batched_at", "VARCHAR")),
}


def literal(value, kind, shape):
    """A value as SQL."""
    sql_type = SHAPES[shape][kind]
    if value is None:
        return "null"
    if sql_type.endswith("[]"):
        if sql_type == "jsonb[]":
            items = ["null" if v is None else "'" + json.dumps(v).replace("'", "''") + "'::jsonb" for v in value]
        else:
            items = ["null" if v is None else str(v) if isinstance(v, int) else "'" + v.replace("'", "''") + "'" for v in value]
        return f"array[{', '.join(items)}]::{sql_type}"
    if kind in ("ids", "texts", "objects", "object"):
        value = json.dumps(value, ensure_ascii=False)
    elif kind == "time" and shape == "texts":
        value = with_zone(value)
    elif kind == "time" and sql_type in ("TIMESTAMP", "timestamp"):
        value = value.replace("Z", "").replace("T", " ")
    elif isinstance(value, bool):
        value = "true" if value else "false"
    return "'" + str(value).replace("'", "''") + "'"


def with_zone(value):
    """A time as one of the texts that mean it."""
    at, form = datetime.datetime.fromisoformat(value.replace("Z", "+00:00")), int(hashed(value)[:4], 16) % 5
    if form == 0:
        return value
    if form == 1:
        return at.replace(tzinfo=None).isoformat(sep=" ")
    hours = (0, 5.75, -8)[form - 2]
    return at.astimezone(datetime.timezone(datetime.timedelta(hours=hours))).isoformat(sep=" T"[form % 2])


def hashed(value):
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


def statements(schema, streams, shape, gone=None, prefix="", without=(), older=(), hidden=()):
    """SQL that makes the tables of an account. gone are ids of rows by stream that the loader keeps
    with a mark; without are streams or stream.columns that are missing; older are rows by stream
    that are superseded versions, with the day on which they were loaded, for append-only tables;
    hidden are stream.columns that are hashed."""
    types, gone, older = SHAPES[shape], gone or {}, dict(older)
    (mark, mark_type), (loaded, loaded_type) = types["mark"], types["loaded"]
    yield f'create schema if not exists "{schema}"'
    for stream, columns in kinds().items():
        if stream not in streams or stream in without:
            continue
        columns = {c: k for c, k in columns.items() if f"{stream}.{c}" not in without}
        kept = {c: "string" if f"{stream}.{c}" in hidden else k for c, k in columns.items()}
        own = OWN.get(stream) if "custom_fields" in columns else None
        if own:
            kept["custom_" + own] = "number"
        table = f'"{schema}"."{prefix}{stream}"'
        yield f"drop table if exists {table} cascade"
        yield f"create table {table} (" + ", ".join(f'"{c}" {types[k]}' for c, k in kept.items()) + f", {mark} {mark_type}, {loaded} {loaded_type})"
        values = []
        for row, day in [*((r, 9) for r in streams[stream].values()), *older.get(stream, [])]:
            row = {c: hashed(v) if v is not None and f"{stream}.{c}" in hidden else v for c, v in row.items()}
            if own and row.get("custom_fields"):
                row["custom_" + own] = row["custom_fields"].get(own, {}).get("value")
                row["custom_fields"] = {k: v for k, v in row["custom_fields"].items() if k != own}
            values.append([literal(row.get(c), k, shape) for c, k in kept.items()] + ["null", f"'2026-01-{day:02d}T01:00:00+00'"])
        for key in gone.get(stream, []):
            values.append([f"'{key}'" if c == "id" else "null" for c in kept] + ["'2026-01-09T00:00:00+00'", "'2026-01-09T01:00:00+00'"])
        for at in range(0, len(values), 500):
            yield f"insert into {table} values " + ", ".join("(" + ", ".join(v) + ")" for v in values[at:at + 500])
