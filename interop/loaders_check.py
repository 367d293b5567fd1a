"""Pipes the tap into real Singer loaders, and compares their tables with the sandbox's rows, after
a first sync and after an incremental one, with rows that changed in between.

usage: loaders_check.py TAP VENVS WORK"""

import glob
import json
import os
import shutil
import subprocess
import sys

from loaders_read import read_duckdb_file
from postgres import Postgres
from results import clean, finish
from sandbox import Sandbox, compare

TAP, VENVS, WORK = (os.path.abspath(p) for p in sys.argv[1:4])


def tool(venv, name):
    return os.path.join(VENVS, venv, "bin", name)


def pipe(sandbox, folder, loader, state, n):
    """Runs tap | loader. The state is the last line of the loader's output."""
    out = os.path.join(folder, f"state-{n}.json")
    command = [TAP, "--config", sandbox.config_file] + (["--state", state] if state else [])
    with open(out, "w") as states, open(os.path.join(folder, f"log-{n}.txt"), "w") as log:
        tap = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)
        target = subprocess.Popen(loader, stdin=tap.stdout, stdout=states, stderr=log, cwd=folder)
        tap.stdout.close()
        codes = target.wait(), tap.wait()
    errors = []
    if codes != (0, 0):
        with open(log.name) as f:
            errors.append(f"loader and tap ended with {codes}: " + f.read()[-1500:])
    with open(out) as f:
        lines = [line for line in f if line.strip()]
    if not lines:
        errors.append("the loader wrote no state")
        return None, errors
    with open(out, "w") as f:
        f.write(lines[-1])
    return out, errors


def try_loader(sandbox, name, loader, read):
    folder = os.path.join(WORK, name)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    state = None
    for n, what in enumerate(["first sync", "nothing new", "changed rows"]):
        if what == "changed rows":
            sandbox.change(seed=len(name))
        state, errors = pipe(sandbox, folder, loader(folder), state, n)
        clean(f"{name}: {what}: exit codes and state", errors)
        errors = []
        for stream in sandbox.streams:
            errors += compare(stream, sandbox.rows(stream), read(folder, stream))
        clean(f"{name}: {what}: {len(sandbox.streams)} streams, column by column", errors)


def write_config(folder, config):
    path = os.path.join(folder, "target.json")
    with open(path, "w") as f:
        json.dump(config, f)
    return path


# target-jsonl: files with a line a record
def jsonl(folder):
    return [tool("jsonl", "target-jsonl"), "--config", write_config(folder, {"destination_path": folder, "do_timestamp_file": False})]


def read_jsonl(folder, stream):
    rows = {}
    for path in glob.glob(os.path.join(folder, stream + ".jsonl")):
        with open(path) as f:
            for line in f:
                row = json.loads(line)
                rows[row["id"]] = row
    return rows


# target-duckdb
def duckdb(folder):
    return [tool("duckdb", "target-duckdb"), "--config",
            write_config(folder, {"path": os.path.join(folder, "t.duckdb"), "default_target_schema": "gh"})]


cache = {}


def read_duckdb(folder, stream):
    path = os.path.join(folder, "t.duckdb")
    mark = (path, os.path.getmtime(path))
    if cache.get("mark") != mark:
        cache.update(mark=mark, tables=read_duckdb_file(VENVS, path, "gh", SANDBOX.streams))
    return cache["tables"][stream]


# target-postgres, against a server of its own
def postgres(folder):
    return [tool("postgres", "target-postgres"), "--config", write_config(folder, SERVER.config(default_target_schema="gh"))]


def read_postgres(_, stream):
    return SERVER.rows(f'gh."{stream}"')


os.makedirs(WORK, exist_ok=True)
SANDBOX = Sandbox(TAP, WORK, "--candidates", "150")
try:
    with open(os.path.join(WORK, "messages.jsonl"), "w") as messages:
        subprocess.run([TAP, "--config", SANDBOX.config_file], stdout=messages, stderr=subprocess.DEVNULL, check=True)
    with open(messages.name) as messages:
        out = subprocess.run([tool("check", "singer-check-tap")], stdin=messages, capture_output=True, text=True)
    clean("singer-check-tap takes every message", [] if out.returncode == 0 and "The output is valid" in out.stdout else [out.stdout + out.stderr])
    try_loader(SANDBOX, "target-jsonl", jsonl, read_jsonl)
    try_loader(SANDBOX, "target-duckdb", duckdb, read_duckdb)
    SERVER = Postgres(WORK, 25429)
    try:
        try_loader(SANDBOX, "target-postgres", postgres, read_postgres)
    finally:
        SERVER.stop()
finally:
    SANDBOX.stop()
finish("loaders")
