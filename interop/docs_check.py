"""Runs the commands of the documents: the blocks in sh, bash and python of each page, in order and
in one folder, against a sandbox. A comment "not run", with a reason, after a block skips it.

usage: docs_check.py TAP VENVS WORK"""

import json
import os
import re
import shutil
import subprocess
import sys

from results import check, finish
from sandbox import Sandbox

TAP, VENVS, WORK = (os.path.abspath(p) for p in sys.argv[1:4])
ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
PAGES = {"docs/pipe.md": [], "docs/meltano.md": ["meltano"], "docs/pyairbyte.md": ["airbyte"], "docs/admin.md": [], "README.md": []}
PYTHON = {"docs/pyairbyte.md": "airbyte"}


def blocks(page):
    """The blocks of a page with their languages, without those that are not run."""
    with open(os.path.join(ROOT, page)) as f:
        text = f.read()
    found = []
    for m in re.finditer(r"^```(sh|bash|python)\n(.*?)^```\n(\n<!-- not run: .*? -->)?", text, re.S | re.M):
        if not m[3]:
            found.append((m[1], m[2]))
    return found


shutil.rmtree(WORK, ignore_errors=True)
DIST = os.path.join(WORK, "dist")  # what the pages install from
os.makedirs(WORK)
VERSION = subprocess.run([os.path.join(ROOT, "packaging", "version")], check=True, capture_output=True, text=True).stdout.strip()
built = subprocess.run([os.path.join(ROOT, "packaging", "build"), VERSION, DIST], env={**os.environ, "TARGETS": "linux/amd64"}, capture_output=True, text=True)
check("packaging/build", built.returncode == 0, built.stdout + built.stderr)
for page, venvs in PAGES.items():
    folder = os.path.join(WORK, os.path.basename(page))
    bin = os.path.join(folder, "bin")
    os.makedirs(bin)
    programs = {"tap-greenhouse": TAP, "target-jsonl": os.path.join(VENVS, "jsonl", "bin", "target-jsonl")}
    for venv in venvs:
        programs[venv] = os.path.join(VENVS, venv, "bin", venv)
    for name, path in programs.items():
        if os.path.exists(path):
            os.symlink(path, os.path.join(bin, name))
    os.symlink(DIST, os.path.join(folder, "dist"))
    sandbox = Sandbox(TAP, folder, "--candidates", "60")
    with open(os.path.join(folder, "config.json"), "w") as f:
        json.dump(sandbox.config, f)
    env = {**os.environ, "PATH": bin + ":" + os.environ["PATH"], "CLIENT_ID": sandbox.config["client_id"], "CLIENT_SECRET": sandbox.config["client_secret"],
           "TAP_GREENHOUSE": ROOT, "TAP_GREENHOUSE_API_URL": sandbox.config["api_url"], "TAP_GREENHOUSE_AUTH_URL": sandbox.config["auth_url"],
           "MELTANO_SEND_ANONYMOUS_USAGE_STATS": "false", "DO_NOT_TRACK": "1", "NO_COLOR": "1"}
    if page == "README.md":
        os.symlink(TAP, os.path.join(folder, "tap-greenhouse"))
    try:
        found = blocks(page)
        check(f"{page} has something to run", found)
        for n, (language, text) in enumerate(found):
            if language == "python":
                python = os.path.join(VENVS, PYTHON[page], "bin", "python") if PYTHON.get(page) else sys.executable
                out = subprocess.run([python, "-"], input=text, cwd=folder, env=env, capture_output=True, text=True, timeout=300)
            else:
                out = subprocess.run(["bash", "-e"], input=text, cwd=folder, env=env, capture_output=True, text=True, timeout=300)
            check(f"{page}, block {n + 1}: {text.strip().splitlines()[0][:60]}", out.returncode == 0, text + out.stdout + out.stderr)
    finally:
        sandbox.stop()
finish("docs")
