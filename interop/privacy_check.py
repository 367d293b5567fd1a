"""Checks that the SQL of docs/privacy.md gives the tap's hashes, in DuckDB and in PostgreSQL.

usage: privacy_check.py TAP VENVS WORK"""

import json
import os
import re
import shutil
import subprocess
import sys

from postgres import Postgres
from sandbox import Sandbox

TAP, VENVS, WORK = (os.path.abspath(p) for p in sys.argv[1:4])
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
KEY = "a key of more than sixteen bytes"
ADDRESS = "Ann@Example.com "

shutil.rmtree(WORK, ignore_errors=True)
os.makedirs(WORK)
with open(os.path.join(ROOT, "docs", "privacy.md")) as f:
    page = f.read()


def block(mark):
    """The code block after a mark of the page."""
    return re.search(rf"<!-- {mark} -->\n```\w+\n(.*?)```", page, re.S).group(1)


sandbox = Sandbox(TAP, WORK)
try:
    with open(sandbox.config_file) as f:
        plain = json.load(f)
    plain["streams"] = ["users"]
    hashed = dict(plain, privacy={"contact": "hash"}, privacy_key=KEY)
    rows = []
    for config in (plain, hashed):
        out = subprocess.run([TAP, "--config", "-"], input=json.dumps(config), capture_output=True, text=True, check=True).stdout
        records = [m["record"] for m in map(json.loads, out.rstrip("\n").split("\n")) if m["type"] == "RECORD"]
        rows.append({r["id"]: r["primary_email"] for r in records})
finally:
    sandbox.stop()
number, email = next((n, e) for n, e in rows[0].items() if e)
want = rows[1][number]

names = {"KEY": KEY.encode()}
exec(block("python: pads"), names)  # the page's own lines

duckdb_sql = block("sql: duckdb").replace(":outer", f"'{names['outer']}'").replace(":inner", f"'{names['inner']}'").replace(ADDRESS, " " + email.upper())
have = subprocess.run(
    [os.path.join(VENVS, "duckdb", "bin", "python"), "-c", f"import duckdb; print(duckdb.sql({duckdb_sql!r}).fetchone()[0])"],
    capture_output=True, text=True, check=True).stdout.strip()
if have != want:
    raise SystemExit(f"duckdb: {have}, the tap: {want}")
print("duckdb gives the tap's hash")

server = Postgres(WORK, 25431)
try:
    server.query("create extension pgcrypto")
    have = server.query(block("sql: postgresql").replace(":key", f"'{KEY}'").replace(ADDRESS, " " + email.upper()))[0]
finally:
    server.stop()
if have != want:
    raise SystemExit(f"postgresql: {have}, the tap: {want}")
print("postgresql gives the tap's hash")
