"""The cost of the dbt package by the number of applications: rows as target-duckdb writes them, made in
DuckDB, and one dbt run. Prints Markdown.

usage: dbt.py DBT WORK [APPLICATIONS...], with DBT the program in an environment with dbt-duckdb, whose
python runs this. With POSTGRES, such as "host=127.0.0.1 port=5432 user=postgres dbname=bench", the same
rows are copied there, and dbt runs there, too."""

import json
import os
import subprocess
import sys
import time

import duckdb

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "interop"))
import dbt_rows  # noqa: E402

DBT, WORK = sys.argv[1], os.path.abspath(sys.argv[2])
SIZES = [int(n) for n in sys.argv[3:]] or [100_000]
PACKAGE = os.path.join(HERE, "..", "dbt")
POSTGRES = os.environ.get("POSTGRES")

# How many rows each table has, for each thousand applications or in all.
EACH = {"application_stages": 4000, "candidates": 800, "applied_candidate_tags": 400, "attachments": 800, "applications": 1000, "prospect_details": 50,
        "rejection_details": 500, "offers": 50, "approval_flows": 50, "approver_groups": 100, "scorecards": 500, "interviews": 500, "interviewers": 1000,
        "scorecard_candidate_attributes": 2000, "notes": 1000, "eeoc": 500, "demographic_answers": 500}
ALL = {"users": 200, "offices": 20, "departments": 40, "jobs": 1000, "job_hiring_managers": 1500, "job_owners": 3000, "job_interview_stages": 8000,
       "job_interviews": 10000, "sources": 40, "referrers": 500, "rejection_reasons": 20, "close_reasons": 5, "prospect_pools": 5, "prospect_pool_stages": 15,
       "candidate_tags": 100, "openings": 1500, "job_candidate_attributes": 5000, "candidate_attribute_types": 10, "job_posts": 1500, "job_post_locations": 2000,
       "demographic_questions": 5, "demographic_answer_options": 30}
REFERENCES = {"user_id": "users", "organizer_id": "users", "submitter_id": "users", "prospect_owner_id": "users", "rejected_by_id": "users",
              "coordinator_id": "users", "recruiter_id": "users", "pool_id": "prospect_pools", "pool_stage_id": "prospect_pool_stages",
              "parent_id": "departments", "stage_id": "application_stages"}
TEXTS = {"applications.status": ["in_process", "rejected", "rejected", "rejected", "hired"], "interviews.status": ["scheduled", "awaiting_feedback", "complete"],
         "offers.status": ["Created", "Accepted", "Rejected", "Deprecated"], "jobs.status": ["open", "closed"], "scorecards.status": ["complete", "draft"],
         "job_owners.type": ["recruiter", "sourcer", "coordinator"], "attachments.type": ["resume", "cover_letter"],
         "approval_flows.approval_type": ["offer_candidate"], "approval_flows.approval_status": ["approved", "pending"]}


def expression(stream, column, kind, counts, place):
    """A column of row i, as SQL."""
    def chance(n):
        return f"cast(hash(i * 31 + {place * 7907 + len(stream)}) % {n} as bigint)"
    plan = "(i - 1) // 4 + 1"  # a job has eight stages, an application visits four of those of one job
    fixed = {
        "id": "i", "application_stages.application_id": plan, "job_interview_stages.job_id": "1 + (i - 1) % 1000",
        "application_stages.job_interview_stage_id": f"1 + ({plan}) % 1000 + 1000 * ((i - 1) % 4)", "applications.job_id": "1 + i % 1000",
        "applications.prospect": chance(20) + " = 0", "job_interview_stages.sort_order": "(i - 1) // 1000",
    }
    target = REFERENCES.get(column, column[:-3] + "s")
    choices = TEXTS.get(f"{stream}.{column}", [f"{column} {n}" for n in range(20)])
    kinds = {
        "integer": f"1 + {chance(counts[target])}" if target in counts else chance(8) if column in ("version", "sort_order") else "null",
        "number": "null", "string": "([" + ", ".join(f"'{c}'" for c in choices) + f"])[1 + {chance(len(choices))}]",
        "boolean": chance(3) + " > 0", "time": f"timestamp '2024-01-01' + to_seconds({chance(86400 * 1000)})",
        "date": f"date '2024-01-01' + cast({chance(1000)} as int)", "ids": f"'[' || (1 + {chance(20)}) || ', ' || (1 + {chance(7)}) || ']'",
        "texts": "'[\"a\", \"b\"]'", "objects": '\'[{"value": "x@example.com", "type": "work"}, {"value": "linkedin.com/in/x"}]\'',
        "object": f"""'{{"id": 1, "name": "T' || {chance(5)} || '", "description": "D' || {chance(5)} || '"}}'""",
    }
    return fixed.get(column) or fixed.get(f"{stream}.{column}") or kinds[kind]


def make(database, applications):
    """Makes the tables, and returns the number of their rows."""
    counts = {**ALL, **{s: n * applications // 1000 for s, n in EACH.items()}}
    types = dbt_rows.SHAPES["target-duckdb"]
    connection = duckdb.connect(database)
    connection.execute("create schema greenhouse")
    for stream, columns in dbt_rows.kinds().items():
        if stream in counts:
            made = [f'cast({expression(stream, c, k, counts, n)} as {types[k]}) as "{c}"' for n, (c, k) in enumerate(columns.items())]
            connection.execute(f"create table greenhouse.{stream} as select {', '.join(made)}, cast(null as varchar) as _sdc_deleted_at from range(1, {counts[stream]} + 1) as rows(i)")
    connection.close()
    return sum(counts.values())


def copy(database):
    """Copies the tables to PostgreSQL, as Airbyte writes them."""
    import psycopg2
    types, kinds = dbt_rows.SHAPES["airbyte-postgres"], dbt_rows.kinds()
    here, there, path = duckdb.connect(database, read_only=True), psycopg2.connect(POSTGRES), os.path.join(WORK, "rows.csv")
    cursor = there.cursor()
    cursor.execute("drop schema if exists greenhouse cascade; create schema greenhouse")
    for (stream,) in here.execute("select table_name from information_schema.tables where table_schema = 'greenhouse'").fetchall():
        here.execute(f"copy (select * exclude (_sdc_deleted_at) from greenhouse.{stream}) to '{path}' (header false, nullstr '\\N')")
        cursor.execute(f"create table greenhouse.{stream} (" + ", ".join(f'"{c}" {types[k]}' for c, k in kinds[stream].items()) + ")")
        with open(path, encoding="utf-8") as f:
            cursor.copy_expert(f"copy greenhouse.{stream} from stdin (format csv, null '\\N')", f)
    there.commit()


def run(target, database):
    """One dbt run: seconds, seconds of CPU, and megabytes."""
    env = {**os.environ, "DBT_PROFILES_DIR": WORK, "DBT_LOG_PATH": WORK, "DBT_TARGET_PATH": os.path.join(WORK, "target"), "DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DATABASE": database}
    begun = time.monotonic()
    process = subprocess.Popen([DBT, "--no-version-check", "--quiet", "run", "--target", target, "--vars", "greenhouse_as_of: '2026-10-01 12:00:00'"], cwd=PACKAGE, env=env)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit("dbt failed")
    return time.monotonic() - begun, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


os.makedirs(WORK, exist_ok=True)
server = dict(part.split("=") for part in (POSTGRES or "").split())
with open(os.path.join(WORK, "profiles.yml"), "w", encoding="utf-8") as profiles:
    json.dump({"greenhouse_v3": {"target": "duckdb", "outputs": {
        "duckdb": {"type": "duckdb", "path": "{{ env_var('DATABASE') }}", "schema": "analytics", "threads": 2, "settings": {"threads": 2}},
        "postgres": {"type": "postgres", "schema": "analytics", "threads": 2, "password": "none", **server, "port": int(server.get("port", 5432))}}}}, profiles)
print("| Applications | Rows | On | Time | CPU of dbt | Memory of dbt | Load of the machine |\n|---|---|---|---|---|---|---|")
for size in SIZES:
    file = os.path.join(WORK, f"{size}.duckdb")
    if os.path.exists(file):
        os.remove(file)
    rows = make(file, size)
    for where in ["duckdb", *(["postgres"] if POSTGRES else [])]:
        if where == "postgres":
            copy(file)
        seconds, cpu, memory = run(where, file)
        print(f"| {size:,} | {rows:,} | {where} | {seconds:.0f} s | {cpu:.0f} s | {memory:,.0f} MB | {os.getloadavg()[0]:.1f} |", flush=True)
