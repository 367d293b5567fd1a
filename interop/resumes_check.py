"""Checks that examples/resumes extracts the text of every file of the sandbox: PDF, DOCX and text.

usage: resumes_check.py TAP VENVS WORK"""

import json
import os
import shutil
import subprocess
import sys

from sandbox import Sandbox

TAP, VENVS, WORK = (os.path.abspath(p) for p in sys.argv[1:4])
EXAMPLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "examples", "resumes", "resumes.py")
PYTHON = os.path.join(VENVS, "resumes", "bin", "python")

shutil.rmtree(WORK, ignore_errors=True)
os.makedirs(WORK)
database = os.path.join(WORK, "resumes.duckdb")
sandbox = Sandbox(TAP, WORK, "--candidates", "60")
try:
    config = dict(sandbox.config, streams=["attachments"], attachments={"store": "file://" + os.path.join(WORK, "files")})
    wanted = sandbox.rows("attachments")
    for _ in range(2):  # the second time nothing is to be done
        tap = subprocess.run([TAP, "--config", "-"], input=json.dumps(config), capture_output=True, text=True, check=True)
        subprocess.run([PYTHON, EXAMPLE, database], input=tap.stdout, text=True, check=True)
finally:
    sandbox.stop()
out = subprocess.run([PYTHON, "-c", "import duckdb, json, sys; print(json.dumps(duckdb.connect(sys.argv[1]).execute('select attachment_id, text, problem from resumes').fetchall()))", database],
                     capture_output=True, text=True, check=True)
rows = {number: (text, problem) for number, text, problem in json.loads(out.stdout)}
wrong = [(n, rows.get(n)) for n in wanted if f"Resume number {n}" not in (rows.get(n, ("", ""))[0] or "") or "never lose a row" not in rows[n][0]]
if wrong or set(rows) != set(wanted):
    raise SystemExit(f"{len(wrong)} of {len(wanted)} resumes have no text: {wrong[:3]}")
print(f"resumes: the text of {len(rows)} files, PDF, DOCX and text")
