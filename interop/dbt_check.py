"""Builds the dbt package in a project that installs it, and compares every column of its marts with
an oracle that never sees the SQL: on the sandbox's rows, which real loaders wrote, and on rows that
nobody wishes for, in the tables of four loaders, on DuckDB and PostgreSQL. It also compiles the
package for Snowflake and BigQuery, queries the metrics, and renders the page.

usage: dbt_check.py TAP VENVS WORK"""

import csv
import html.parser
import json
import math
import os
import shutil
import subprocess
import sys

import dbt_rows
from dbt_oracle import KEYS
from postgres import Postgres
from results import check, clean, finish
from sandbox import Sandbox

TAP, VENVS, WORK = (os.path.abspath(p) for p in sys.argv[1:4])
HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGE = os.path.join(HERE, "..", "dbt")
PROJECT = os.path.join(WORK, "project")
PORT = 25432
CUSTOM = {"applications": ["app_a", "app_b", "app_n"], "candidates": ["cand_a", "cand_n"], "jobs": ["job_a", "job_n"], "offers": ["offer_a", "offer_n"],
          "openings": ["opening_a", "opening_n", "no_row_has_it"]}
EVERYTHING = {"demographics": True, "links": True}
PROFILES = {
    "duckdb": {"type": "duckdb", "path": "{{ env_var('GREENHOUSE_DUCKDB') }}", "schema": "analytics", "threads": 2, "settings": {"TimeZone": "America/New_York"}},
    "postgres": {"type": "postgres", "host": "127.0.0.1", "port": PORT, "user": "postgres", "password": "none", "dbname": "postgres", "schema": "analytics", "threads": 2},
    "snowflake": {"type": "snowflake", "account": "none", "user": "none", "password": "none", "database": "db", "schema": "analytics", "warehouse": "none", "threads": 1},
    "bigquery": {"type": "bigquery", "method": "oauth-secrets", "project": "project", "dataset": "analytics", "token": "none", "threads": 1},
}
METRICS = {  # each metric with the mart, the row's part above and below a fraction
    "greenhouse_applications": ("application_enhanced", lambda r: real(r), None),
    "greenhouse_hires": ("application_enhanced", lambda r: real(r) and r["status"] == "hired", None),
    "greenhouse_hire_rate": ("application_enhanced", lambda r: real(r) and r["status"] == "hired", lambda r: real(r)),
    "greenhouse_average_days_to_hire": ("application_enhanced", lambda r: real(r) and r["days_to_hire"], lambda r: real(r) and r["days_to_hire"] is not None),
    "greenhouse_offers_accepted": ("offer_enhanced", lambda r: r["is_accepted"], None),
    "greenhouse_offers_resolved": ("offer_enhanced", lambda r: r["is_accepted"] or r["is_rejected"], None),
    "greenhouse_offer_acceptance_rate": ("offer_enhanced", lambda r: r["is_accepted"], lambda r: r["is_accepted"] or r["is_rejected"]),
    "greenhouse_average_days_to_fill": ("opening_enhanced", lambda r: r["days_to_fill"], lambda r: r["days_to_fill"] is not None),
    "greenhouse_open_openings": ("opening_enhanced", lambda r: r["is_open"], None),
    "greenhouse_stage_pass_rate": ("stage_funnel", lambda r: r["count_passed"], lambda r: r["count_entered"]),
    "greenhouse_interviews": ("interview_enhanced", None, None),
    "greenhouse_scorecards_on_time_rate": ("interview_enhanced", lambda r: r["is_scorecard_on_time"], lambda r: r["hours_to_submit"] is not None),
}


def real(row):
    return row["is_main_row"] and not row["is_prospect"]


def write(name, data):
    path = os.path.join(WORK, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(data if isinstance(data, str) else json.dumps(data, indent=1))
    return path


def program(name, venv="dbt"):
    return os.path.join(VENVS, venv, "bin", name)


def dbt(name, target, *command, variables=None, database="", venv="dbt", ok=True):
    """Runs dbt in the project, and returns its output."""
    out = subprocess.run(
        [program("dbt", venv), "--no-version-check", *command, *(["--target", target] if target else []), *(["--vars", json.dumps(variables)] if variables is not None else [])],
        cwd=PROJECT, env={**os.environ, "DBT_PROFILES_DIR": WORK, "DBT_TARGET_PATH": os.path.join(PROJECT, "target") if variables is None else os.path.join(WORK, "target-" + target),
                          "DBT_LOG_PATH": WORK, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "GREENHOUSE_DUCKDB": database},
        capture_output=True, text=True, timeout=500)
    check(f"{name}: dbt {' '.join(command)}", (out.returncode == 0) == ok, out.stdout[-5000:] + out.stderr[-2000:])
    return out.stdout


def ask(**question):
    """Runs dbt_compare.py in the environment that has the drivers."""
    out = subprocess.run([program("python"), os.path.join(HERE, "dbt_compare.py"), write("question.json", question)], capture_output=True, text=True)
    if out.returncode:
        raise SystemExit(out.stderr)
    return json.loads(out.stdout)


def compare(name, database, accounts, **settings):
    """Compares the marts with the oracle's."""
    answer = ask(database=database, accounts=accounts, settings=settings)
    for mart in KEYS:
        clean(f"{name}: every column of {mart} is the oracle's", answer[mart])


def load(tap_config, loader, config):
    """Runs tap | loader."""
    log = open(os.path.join(WORK, "log.txt"), "w")
    tap = subprocess.Popen([TAP, "--config", tap_config], stdout=subprocess.PIPE, stderr=log)
    target = subprocess.run([loader, "--config", config], stdin=tap.stdout, stdout=log, stderr=log)
    tap.stdout.close()
    check(f"tap | {os.path.basename(loader)}", (tap.wait(), target.returncode) == (0, 0), log.name)


def nasty(seed, shapes, without=(), append_only=False, hidden=()):
    """Accounts of random rows, and the SQL that makes their tables, each by another loader."""
    accounts, sources, statements = {}, [], []
    for n, shape in enumerate(shapes):
        made = dbt_rows.Nasty(seed + n, 150)
        gone = {s: [k for k in rows if made.r.random() < 0.04] for s, rows in made.rows.items()}
        for stream, keys in gone.items():
            for key in keys:
                del made.rows[stream][key]
        older = {s: [({"id": k, "updated_at": "2030-01-01T00:00:00Z"}, 3) for k in [*rows, *gone[s]] if made.r.random() < 0.3]
                 for s, rows in made.rows.items()} if append_only else {}
        schema, prefix = f"gh{n}", "p_" if n else ""
        statements += dbt_rows.statements(schema, made.rows, shape, gone, prefix, without, older, hidden)
        for name in without:
            stream, _, column = name.partition(".")
            if column:
                for row in made.rows[stream].values():
                    row[column] = None
            else:
                made.rows[stream] = {}
        for stream, column in (name.split(".") for name in hidden):
            text = dbt_rows.kinds()[stream][column] == "string"
            for row in made.rows[stream].values():
                row[column] = dbt_rows.hashed(row[column]) if text and row[column] is not None else None
        accounts[f"account {n}"] = made.rows
        sources.append({"name": f"account {n}", "schema": schema, "prefix": prefix})
    return accounts, statements, {
        "greenhouse_sources": sources, "greenhouse_as_of": dbt_rows.AS_OF, "greenhouse_append_only": append_only,
        "greenhouse_custom_fields": CUSTOM, "greenhouse_personal_columns": EVERYTHING}


def query_metrics(database):
    """Asks the semantic layer for all metrics at once, and compares them with the marts."""
    path = os.path.join(WORK, "metrics.csv")
    out = subprocess.run(
        [program("mf"), "query", "--metrics", ",".join(METRICS), "--csv", path], cwd=PROJECT, capture_output=True, text=True,
        env={**os.environ, "DBT_PROFILES_DIR": WORK, "GREENHOUSE_DUCKDB": database, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"})
    check("mf query of the twelve metrics", out.returncode == 0, out.stdout[-2000:] + out.stderr[-2000:])
    if out.returncode:
        return
    with open(path) as f:
        answer = next(csv.DictReader(f))
    answer = {k.lower(): float(v or "nan") for k, v in answer.items()}
    marts = ask(database=database)
    errors = []
    for metric, (mart, above, below) in METRICS.items():
        rows = marts[mart]
        if above is None:
            wanted = len({(r["source_relation"], r["scheduled_interview_id"]) for r in rows})
        else:
            wanted = sum(above(r) or 0 for r in rows) / (sum(below(r) or 0 for r in rows) if below else 1)
        if not math.isclose(wanted, answer[metric], rel_tol=1e-9):
            errors.append(f"{metric}: {wanted} became {answer[metric]}")
    clean("the metrics are those of the marts", errors)


class Figures(html.parser.HTMLParser):
    """The figures of the page, by name, and whatever it would fetch."""

    def __init__(self):
        super().__init__()
        self.figures, self.fetched = {}, []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if "data-figure" in attributes:
            self.figures[attributes["data-figure"]] = float(attributes["data-value"] or "nan")
        if tag in ("script", "link", "img", "iframe", "object") or {"src", "href", "srcset"} & set(attributes):
            self.fetched.append(f"{tag} {attributes}")


def try_page(database, now):
    """Makes the page, compares its figures with the marts, and renders it in Chromium."""
    page = os.path.join(WORK, "page.html")
    subprocess.run([program("python"), os.path.join(PACKAGE, "page", "make.py"), database, page], check=True)
    with open(page, encoding="utf-8") as f:
        text = f.read()
    parser = Figures()
    parser.feed(text)
    check("the page fetches nothing", not parser.fetched and "url(" not in text and "@import" not in text, parser.fetched)
    marts = ask(database=database)
    since = f"{int(now[:4]) - (now[5:7] != '12')}-{int(now[5:7]) % 12 + 1:02}-01"
    apps = [r for r in marts["application_enhanced"] if real(r)]
    hires = [r for r in apps if r["hired_at"] and r["hired_at"] >= since]
    filled = [r["days_to_fill"] for r in marts["opening_enhanced"] if r["filled_at"] and r["filled_at"] >= since and r["days_to_fill"] is not None]
    answered = [r for r in marts["offer_enhanced"] if r["resolved_at"] and r["resolved_at"] >= since and (r["is_accepted"] or r["is_rejected"])]
    cohort = [r for r in marts["source_performance"] if r["cohort_month"] >= since]
    days = [r["days_to_hire"] for r in hires if r["days_to_hire"] is not None]
    wanted = {
        "hires": len(hires), "days_to_hire": sum(days) / len(days), "days_to_fill": sum(filled) / len(filled),
        "acceptance": sum(r["is_accepted"] for r in answered) / len(answered), "open_openings": sum(r["is_open"] for r in marts["opening_enhanced"]),
        "active": len(marts["pipeline"]), "stuck": sum(r["is_stuck"] for r in marts["pipeline"]),
        "missing_scorecards": sum(r["is_scorecard_missing"] and r["start_at"] >= since for r in marts["interview_enhanced"]),
        **{f"funnel {c}": sum(r["count_" + c] for r in cohort) for c in ("applications", "interviewed", "offered", "hired")}}
    clean("the page's figures are those of the marts",
          [f"{k}: {v} became {parser.figures.get(k)}" for k, v in wanted.items() if not math.isclose(v, parser.figures.get(k, math.nan))])
    for name, size in (("desktop", "1240,2300"), ("phone", "400,5200")):
        picture = os.path.join(WORK, name + ".png")
        subprocess.run(["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={WORK}/chromium",
                        f"--window-size={size}", f"--screenshot={picture}", "file://" + page], capture_output=True, timeout=120)
        check(f"Chromium renders the page for {name}", os.path.exists(picture) and os.path.getsize(picture) > 50_000)


def try_readme(which, loader):
    """Types what the package's README says, in a copy of the package. Its environments exist already."""
    copy = os.path.join(WORK, "package-" + which)
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("target", "logs", "*.duckdb"))
    for name, venv in (("loader", loader), ("dbt", "dbt")):
        os.symlink(os.path.join(VENVS, venv), os.path.join(copy, name))
    with open(os.path.join(copy, "README.md")) as f:
        lines = f.read().split(f"<!-- try: {which} -->\n```sh\n")[1].split("```")[0].splitlines()
    lines = ["set -e", *(line.replace(":8075", ":0").replace("sleep 3", "until grep -q secret sandbox.json; do sleep 1; done") for line in lines if "venv" not in line), "kill %1"]
    lines = [line.replace("PGPORT=5432", f"PGPORT={PORT}") for line in lines]
    if not os.path.exists(os.path.join(WORK, "tap-greenhouse")):
        os.symlink(TAP, os.path.join(WORK, "tap-greenhouse"))
    out = subprocess.run(["bash", "-mc", "\n".join(lines)], cwd=copy, env={**os.environ, "PATH": WORK + ":" + os.environ["PATH"]}, capture_output=True, text=True, timeout=500)
    check(f"what the README says for {which} gives a page", out.returncode == 0 and os.path.getsize(os.path.join(copy, "page.html")) > 10_000, out.stdout[-3000:] + out.stderr[-2000:])


MOVED = """
create schema analytics_greenhouse;
create view analytics_greenhouse.greenhouse__application_enhanced as select * from analytics.greenhouse__application_enhanced;
create view analytics_greenhouse.stg_greenhouse__applications as select * from analytics.stg_greenhouse__applications;
create view analytics_greenhouse.stg_greenhouse__candidates as select * from analytics.stg_greenhouse__candidates;
create view analytics_greenhouse.stg_greenhouse__jobs as select * from analytics.stg_greenhouse__jobs;
create schema analytics_fivetran;
create table analytics_fivetran.greenhouse__application_enhanced as
select cast(application_id as varchar) as application_id, cast(job_id as varchar) as job_id, applied_at,
    case when application_id = (select min(application_id) from analytics.greenhouse__application_enhanced) then 'moved' else status end as status
from analytics.greenhouse__application_enhanced;
create schema greenhouse_v1;
create table greenhouse_v1.application as
select id, created_at as applied_at, case when id = (select max(id) from analytics.stg_greenhouse__applications) then 'moved'
    when status = 'in_process' then 'active' else status end as status
from analytics.stg_greenhouse__applications
union all select -1, cast('2020-01-01' as timestamp), 'active';
create table greenhouse_v1.candidate as select id from analytics.stg_greenhouse__candidates;
create table greenhouse_v1.job as select id from analytics.stg_greenhouse__jobs"""


def try_moving(name, database):
    """Runs the queries of the page for those who move over, beside tables as they have them: an
    application is in another status, and one is only on the old side."""
    with open(os.path.join(PACKAGE, "docs", "moving.md")) as f:
        blocks = [part.split("```")[0] for part in f.read().split("```sql\n")[1:]]
    queries = [q for q in ";".join(blocks).split(";") if q.strip()]
    months, status, counts, gone, since = ask(database=database, statements=MOVED.split(";"), queries=queries)
    clean(f"{name}: the queries for those who move over find what differs", [
        *(f"{m}: the months should be alike" for m in months if m[1] < m[2]),
        *([] if len(status) == 1 and status[0][1] == "moved" else [status]),
        *([] if len(counts) == 6 and counts[0][2] == counts[1][2] + 1 and counts[2][2:] == counts[3][2:] else [counts]),
        *([] if [g[0] for g in gone] == [-1] else [gone]), *([] if [(s[0], s[2]) for s in since] == [("moved", 1)] else [since])])


def project(variables):
    return json.dumps({"name": "consumer", "version": "1.0.0", "config-version": 2, "profile": "consumer", "vars": {"greenhouse_v3": variables}})


def compile_elsewhere():
    """Compiles for the warehouses that cannot be run here, without a connection, and parses the SQL."""
    for target in ("snowflake", "bigquery"):
        dbt(target, target, "compile", "--no-populate-cache", "--no-introspect", venv="warehouses",
            variables={"greenhouse_introspect": False, "greenhouse_custom_fields": CUSTOM})
        out = subprocess.run([program("python", "warehouses"), "-c", PARSE, target, os.path.join(WORK, "target-" + target, "compiled")], capture_output=True, text=True)
        clean(f"{target}: sqlglot parses what was compiled", [] if out.returncode == 0 else [out.stdout + out.stderr])


PARSE = """
import glob, sqlglot, sys
files = glob.glob(sys.argv[2] + "/**/*.sql", recursive=True)
for file in files:
    with open(file) as f:
        try:
            sqlglot.parse_one(f.read(), read=sys.argv[1])
        except sqlglot.errors.ParseError as e:
            print(file, e)
            sys.exit(1)
sys.exit(len(files) < 100)
"""

MISSING = ("prospect_details", "job_posts", "departments", "applied_candidate_tags", "demographic_answers", "scorecards.status", "candidates.first_name",
           "applications.custom_fields", "jobs.office_ids", "candidates.phone_numbers", "eeoc.gender", "offers.version", "openings.open",
           "rejection_reasons.type", "users.primary_email", "application_stages.exited_at")
HIDDEN = ("candidates.last_name", "candidates.email_addresses", "users.name", "applications.recruiter_id", "offers.starts_on", "job_posts.internal")

shutil.rmtree(WORK, ignore_errors=True)
os.makedirs(PROJECT)
write("profiles.yml", {"consumer": {"target": "duckdb", "outputs": PROFILES}})
write("project/packages.yml", {"packages": [{"local": os.path.realpath(PACKAGE)}]})
write("project/dbt_project.yml", project({}))
dbt("no network is needed", "", "deps")
server = Postgres(WORK, PORT)
try:
    # the sandbox's rows, through real loaders
    now = "2026-11-26 12:00:00"
    sandbox = Sandbox(TAP, WORK)
    try:
        rows = {stream: sandbox.rows(stream) for stream in sandbox.streams}
        DATABASE = os.path.join(WORK, "warehouse.duckdb")
        proven = {**sandbox.config, "deletes": {"store": "file://" + os.path.join(WORK, "ids")}, "streams": ["*", "sync_log"]}
        load(write("proven.json", proven), program("target-duckdb", "duckdb"), write("target.json", {"path": DATABASE, "default_target_schema": "greenhouse"}))
        load(sandbox.config_file, program("target-postgres", "postgres"), write("target-postgres.json", server.config(default_target_schema="greenhouse")))
    finally:
        sandbox.stop()
    # The loader writes times in its session's zone, so that zone is UTC; dbt's session is elsewhere.
    server.query("alter role postgres set timezone to 'Asia/Kathmandu'")
    write("project/dbt_project.yml", project({"greenhouse_as_of": now, "greenhouse_metrics": True, "greenhouse_source_tests": True, "greenhouse_sync_log": True}))
    output = dbt("target-duckdb", "duckdb", "build", "--show-all-deprecations", database=DATABASE)
    clean("nothing is deprecated", [line for line in output.splitlines() if "Deprecation" in line])
    clean("only references that dangle on purpose warn", [line for line in output.splitlines() if " WARN " in line and " relationships_" not in line and "source_relationships_" not in line])
    compare("target-duckdb", DATABASE, {"greenhouse": rows}, as_of=now)
    check("the tables are complete, by the sync_log", "PASS tables_are_complete_by_the_sync_log" in output)
    dbt("sync_log tells the freshness", "duckdb", "source", "freshness", "--select", "source:greenhouse_synced", database=DATABASE)
    query_metrics(DATABASE)
    dbt("the documentation has every table", "duckdb", "docs", "generate", database=DATABASE)
    with open(os.path.join(PROJECT, "target", "catalog.json")) as f:
        check("the catalog has the marts", {f"model.greenhouse_v3.greenhouse__{m}" for m in KEYS} <= set(json.load(f)["nodes"]))
    try_page(DATABASE, now)
    try_moving("target-duckdb", DATABASE)
    write("project/dbt_project.yml", project({}))
    dbt("target-postgres", "postgres", "run", variables={"greenhouse_as_of": now, "greenhouse_timezone": "Europe/Berlin"})
    compare("target-postgres", PORT, {"greenhouse": rows}, as_of=now, timezone="Europe/Berlin")
    try_moving("target-postgres", PORT)
    server.query("drop schema greenhouse cascade")
    try_readme("postgres", "postgres")

    # rows that nobody wishes for
    database = os.path.join(WORK, "nasty.duckdb")
    settings = {"as_of": dbt_rows.AS_OF, "custom_fields": CUSTOM, "personal": EVERYTHING}
    accounts, statements, variables = nasty(21, ["target-duckdb", "pyairbyte", "texts"], append_only=True)
    ask(database=database, statements=statements)
    dbt("nasty rows, append-only, three accounts on DuckDB", "duckdb", "run", variables={**variables, "greenhouse_timezone": "America/New_York"}, database=database)
    compare("nasty rows, append-only, three accounts on DuckDB", database, accounts, timezone="America/New_York", **settings)
    accounts, statements, variables = nasty(31, ["target-postgres", "airbyte-postgres", "texts"], without=MISSING, hidden=HIDDEN)
    ask(database=PORT, statements=statements)
    output = dbt("nasty rows, missing tables, missing and hashed columns, three accounts on PostgreSQL", "postgres", "build", variables={**variables, "greenhouse_timezone": "Australia/Lord_Howe"})
    check("one warning names the missing tables", output.count("these tables do not exist") == 1 and "gh0.job_posts" in output, output[:2000])
    compare("nasty rows, missing tables, missing and hashed columns, three accounts on PostgreSQL", PORT, accounts, timezone="Australia/Lord_Howe", **settings)
finally:
    server.stop()
try_readme("duckdb", "duckdb")
compile_elsewhere()
finish("dbt")
