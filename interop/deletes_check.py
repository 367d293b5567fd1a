"""Deletes with real loaders: rows of a sandbox are changed and removed; the warehouse must end up
with the sandbox's rows, whether the loader marks deleted rows (target-postgres) or deletes them
(target-postgres and target-duckdb with hard_delete).

usage: deletes_check.py TAP VENVS WORK"""

import json
import os
import shutil
import subprocess
import sys

from loaders_read import read_duckdb_file
from postgres import Postgres
from results import clean, finish
from sandbox import Sandbox

TAP, VENVS, WORK = (os.path.abspath(p) for p in sys.argv[1:4])
STREAMS = ["users", "candidates", "jobs", "job_posts", "demographic_questions"]


def write(folder, name, content):
    path = os.path.join(folder, name)
    with open(path, "w") as f:
        json.dump(content, f)
    return path


def sync(folder, config, loader, before):
    """Runs tap | loader and returns the state that the loader wrote last."""
    state = ["--state", write(folder, "state.json", before)] if before else []
    with open(os.path.join(folder, "log.txt"), "a") as log:
        tap = subprocess.Popen([TAP, "--config", config, *state], stdout=subprocess.PIPE, stderr=log)
        target = subprocess.run(loader, stdin=tap.stdout, stdout=subprocess.PIPE, stderr=log, text=True)
        tap.stdout.close()
        if (tap.wait(), target.returncode) != (0, 0):
            raise SystemExit(f"tap and loader ended with {tap.returncode} and {target.returncode}: see {log.name}")
    return json.loads(target.stdout.strip().split("\n")[-1])


def trial(name, loader, living):
    """living returns the rows of a table that are not marked as deleted."""
    folder = os.path.join(WORK, name)
    os.makedirs(folder)
    sandbox = Sandbox(TAP, folder, "--candidates", "700")
    try:
        plain = dict(sandbox.config, streams=STREAMS)
        config = write(folder, "config.json", dict(plain, deletes={"store": "file://" + os.path.join(folder, "ids"), "every": "0s"}))
        # Rows loaded before deletes are turned on have no version, and must survive.
        state = sync(folder, write(folder, "plain.json", plain), loader, None)
        state = sync(folder, config, loader, state)
        for n in range(3):
            sandbox.get(f"change?add=2&update=3&remove=3&seed={n}&streams=" + ",".join(STREAMS))
            state = sync(folder, config, loader, state)
            for stream in STREAMS:
                wanted, found = set(sandbox.rows(stream)), living(folder, stream)
                errors = [f"{i} is gone and still there" for i in found - wanted] + [f"{i} lives and is gone" for i in wanted - found]
                clean(f"{name}: round {n}, {stream}: {len(wanted)} rows", errors)
    finally:
        sandbox.stop()


shutil.rmtree(WORK, ignore_errors=True)
os.makedirs(WORK)
server = Postgres(WORK, 25432)
try:
    for name, more in (("postgres-soft", {}), ("postgres-hard", {"hard_delete": True})):
        schema = name.replace("-", "_")
        path = write(WORK, name + ".json", server.config(default_target_schema=schema, add_record_metadata=True, activate_version=True, **more))

        def living(_, stream, schema=schema):
            return {key for key, row in server.rows(f'{schema}."{stream}"').items() if not row.get("_sdc_deleted_at")}

        trial(name, [os.path.join(VENVS, "postgres", "bin", "target-postgres"), "--config", path], living)
finally:
    server.stop()
database = os.path.join(WORK, "t.duckdb")
path = write(WORK, "duckdb.json", {"path": database, "default_target_schema": "gh", "hard_delete": True, "add_metadata_columns": True})
trial("duckdb-hard", [os.path.join(VENVS, "duckdb", "bin", "target-duckdb"), "--config", path],
      lambda _, stream: set(read_duckdb_file(VENVS, database, "gh", [stream])[stream]))
finish("deletes")
