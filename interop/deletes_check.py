"""Deletes with real loaders: rows of a sandbox are changed, removed, hidden and shown again, and tap
and loader are killed while they write. No living row may go; after a run that reaches its end, the warehouse must
have the sandbox's rows and no others, whether the loader marks deleted rows (target-postgres) or
deletes them (target-postgres and target-duckdb with hard_delete), and the SQL of docs/verify.md
must compute what the report says.

usage: deletes_check.py TAP VENVS WORK [ROUNDS] [PORT]"""

import fcntl
import json
import os
import random
import re
import shutil
import subprocess
import sys
import time

from loaders_read import query_duckdb, read_duckdb_file
from postgres import Postgres
from results import check, clean, finish
from sandbox import Sandbox, plain

TAP, VENVS, WORK = (os.path.abspath(p) for p in sys.argv[1:4])
ROUNDS, PORT = (int(a) if a else b for a, b in zip((sys.argv[4:] + ["", ""])[:2], (4, 25432)))
HERE = os.path.dirname(os.path.abspath(__file__))
# approval_flows and offers have a column named version.
STREAMS = ["users", "candidates", "jobs", "job_posts", "offers", "approval_flows", "demographic_questions"]


def write(folder, name, content):
    path = os.path.join(folder, name)
    with open(path, "w") as f:
        json.dump(content, f)
    return path


def figures_of(heading, schema):
    """The statement under a heading of docs/verify.md, for all streams: the name, the number of rows,
    the sum of their ids, and the latest change of one."""
    with open(os.path.join(HERE, "..", "docs", "verify.md")) as f:
        sql = re.search(rf"## {heading}\n.*?```sql\n(.*?)```", f.read(), re.S).group(1)
    tables = {s: sql.replace("greenhouse.candidates", f'{schema}."{s}"') for s in STREAMS}
    return " union all ".join(f"select '{s}', verified_rows, verified_id_sum, cast(newest as varchar) from ({sql}) t" for s, sql in tables.items())


class Trial:
    """A loader and its tables. living returns, by stream, the ids of the rows that are not marked as
    deleted, figures what docs/verify.md computes of these rows."""

    def __init__(self, name, loader, living, figures):
        self.name, self.loader, self.living, self.figures = name, loader, living, figures
        self.folder = os.path.join(WORK, name)
        os.makedirs(self.folder)
        self.sandbox = Sandbox(TAP, self.folder, "--candidates", "400")
        self.plain = dict(self.sandbox.config, streams=STREAMS)
        self.config = write(self.folder, "config.json", dict(
            self.plain, deletes={"store": "file://" + os.path.join(self.folder, "ids"), "every": "0s", "max_share": "100%"}))

    def sync(self, config, size=1 << 60, kill=None):
        """Runs the tap into the loader, which dies after a number of bytes, kills the tap some time
        after the loader has begun, and returns its exit code."""
        lock = os.path.join(self.folder, "loader.lock")
        open(lock, "w").close()
        loader = [sys.executable, os.path.join(HERE, "prefix.py"), lock, str(size), *self.loader]
        with open(os.path.join(self.folder, "log.txt"), "a") as log:
            tap = subprocess.Popen([TAP, "pipe", "--config", config, "--state", os.path.join(self.folder, "state.json"), "--report", self.report(), "--", *loader],
                                   stdout=log, stderr=log)
            # A loader that has not begun would store what is left in the pipe during the next run.
            while os.path.getsize(lock) == 0 and tap.poll() is None:
                time.sleep(0.01)
            try:
                return tap.wait(kill)
            except subprocess.TimeoutExpired:
                tap.kill()
                tap.wait()
                with open(lock) as f:
                    fcntl.flock(f, fcntl.LOCK_EX)  # the loader stores what it has, and ends
                return None

    def report(self):
        return os.path.join(self.folder, "report.json")

    def whole(self, what, config=None):
        """A run that reaches its end, after which the warehouse is right."""
        code = self.sync(config or self.config)
        check(f"{self.name}: {what}: the run ends with 0", code == 0, open(os.path.join(self.folder, "log.txt")).read())
        if config:
            return
        with open(self.report()) as f:
            reported = {s["stream"]: s for s in json.load(f)["streams"]}
        errors, living, figures = [], self.living(), self.figures()
        for stream in STREAMS:
            wanted, found = set(self.sandbox.rows(stream)), living[stream]
            errors += [f"{stream}: {i} is gone and still there" for i in found - wanted] + [f"{stream}: {i} lives and is gone" for i in wanted - found]
            said = [reported[stream].get("verified_" + name) for name in ("rows", "id_sum", "max_updated_at")]
            count, total, newest = figures[stream]
            if [count, total] != said[:2] or [count, total] != [len(wanted), str(sum(wanted))]:
                errors.append(f"{stream}: the report says {said}, the warehouse {count, total}, Greenhouse {len(wanted), sum(wanted)}")
            if said[2] and plain(said[2]) != plain(newest):
                errors.append(f"{stream}: the report says that the latest change was at {said[2]}, the warehouse {newest}")
        clean(f"{self.name}: {what}: exactly the living rows are there, and verified", errors)

    def broken(self, what, n, choice):
        """A run that is killed: living rows that were there stay."""
        before = self.living()
        if n % 3 == 0:
            what, done = f"{what}: the tap is killed", self.sync(self.config, kill=choice.uniform(0.5, 5))
        else:
            size = int(choice.choice([20_000, 60_000, 120_000, 400_000]) * choice.random()) + 1
            what = f"{what}: the loader dies after {size} bytes"
            done = self.sync(self.config, size)
        errors, after = [], self.living()
        for stream in STREAMS:
            lost = before[stream] & set(self.sandbox.rows(stream)) - after[stream]
            errors += [f"{stream}: {i} lives and is gone" for i in lost]
        clean(f"{self.name}: {what} ({done}): no living row is gone", errors)

    def run(self):
        choice = random.Random(self.name)
        try:
            # Rows loaded before deletes are turned on have no version, and must survive.
            self.whole("without deletes", write(self.folder, "plain.json", self.plain))
            self.whole("deletes are turned on")
            for n in range(ROUNDS):
                self.sandbox.get(f"change?add=2&update=3&remove=3&show=1&hide=2&seed={n}&streams=" + ",".join(STREAMS))
                self.broken(f"round {n}", n, choice)
                if n % 2:
                    if choice.random() < 0.2:
                        os.remove(os.path.join(self.folder, "state.json"))
                    self.whole(f"round {n}")
            self.sandbox.get("change?show=1000&streams=" + ",".join(STREAMS))
            self.whole("at the end, with all rows shown again")
        finally:
            self.sandbox.stop()


shutil.rmtree(WORK, ignore_errors=True)
os.makedirs(WORK)
server = Postgres(WORK, PORT)


def postgres(name, **more):
    schema = name.replace("-", "_")
    path = write(WORK, name + ".json", server.config(default_target_schema=schema, add_record_metadata=True, **more))
    marked = "" if more.get("hard_delete") else " where _sdc_deleted_at is null"

    def living():
        rows = {s: set() for s in STREAMS}
        for row in server.query(" union all ".join(f"""select '{s}', id from {schema}."{s}"{marked}""" for s in STREAMS)):
            stream, key = row.split("|")
            rows[stream].add(int(key))
        return rows

    def figures():
        rows = [row.split("|") for row in server.query(figures_of("PostgreSQL", schema))]
        return {stream: (int(count), total, newest) for stream, count, total, newest in rows}

    Trial(name, [os.path.join(VENVS, "postgres", "bin", "target-postgres"), "--config", path], living, figures).run()


def duckdb():
    database = os.path.join(WORK, "t.duckdb")
    path = write(WORK, "duckdb.json", {"path": database, "default_target_schema": "gh", "hard_delete": True, "add_metadata_columns": True})

    def living():
        return {stream: set(rows) for stream, rows in read_duckdb_file(VENVS, database, "gh", STREAMS).items()}

    def figures():
        return {stream: rest for stream, *rest in query_duckdb(VENVS, database, figures_of("DuckDB", "gh"))}

    Trial("duckdb-hard", [os.path.join(VENVS, "duckdb", "bin", "target-duckdb"), "--config", path], living, figures).run()


try:
    postgres("postgres-soft", activate_version=False)
    postgres("postgres-hard", activate_version=True, hard_delete=True)
finally:
    server.stop()
duckdb()
finish("deletes")
