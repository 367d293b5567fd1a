"""Reads a DuckDB file with the DuckDB of a loader's environment."""

import json
import os
import subprocess

READ_DUCKDB = """
import duckdb, json, sys
db = duckdb.connect(sys.argv[1], read_only=True)
for name in sys.argv[3:]:
    cursor = db.execute(f'select * from {sys.argv[2]}."{name}"')
    columns = [c[0] for c in cursor.description]
    for row in cursor.fetchall():
        print(json.dumps([name, dict(zip(columns, row))], default=str))
"""


def read_duckdb_file(venvs, path, schema, streams, venv="duckdb"):
    python = os.path.join(venvs, venv, "bin", "python")
    out = subprocess.run([python, "-c", READ_DUCKDB, path, schema, *streams], capture_output=True, text=True)
    if out.returncode:
        raise SystemExit(out.stderr)
    tables = {s: {} for s in streams}
    for line in out.stdout.split("\n"):
        if line:
            name, row = json.loads(line)
            tables[name][row["id"]] = row
    return tables


QUERY_DUCKDB = """
import duckdb, json, sys
for row in duckdb.connect(sys.argv[1], read_only=True).execute(sys.argv[2]).fetchall():
    print(json.dumps(row, default=str))
"""


def query_duckdb(venvs, path, sql, venv="duckdb"):
    """The rows of a query."""
    out = subprocess.run([os.path.join(venvs, venv, "bin", "python"), "-c", QUERY_DUCKDB, path, sql], capture_output=True, text=True)
    if out.returncode:
        raise SystemExit(out.stderr)
    return [json.loads(line) for line in out.stdout.split("\n") if line]
