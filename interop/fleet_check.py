"""Runs the fleet of examples/fleet on SQLite and on Debian's PostgreSQL: a few hundred accounts,
with workers that are killed and stopped at random.

usage: fleet_check.py TAP VENVS WORK"""

import os
import shutil
import subprocess
import sys

from postgres import Postgres
from results import check, finish

WORK = os.path.abspath(sys.argv[3])
FLEET = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "examples", "fleet")
PORT = 25434

shutil.rmtree(WORK, ignore_errors=True)
os.makedirs(WORK)
server = Postgres(WORK, PORT)
env = {**os.environ, "FLEET_TEST_POSTGRES": f"postgres://postgres@127.0.0.1:{PORT}/postgres", "FLEET_TEST_ACCOUNTS": "200", "FLEET_TEST_KILLS": "8", "FLEET_TEST_OUTAGE": "20"}


def go(name, *args):
    out = subprocess.run(["go", *args], cwd=FLEET, env=env, capture_output=True, text=True)
    check(name, out.returncode == 0, out.stdout + out.stderr)
    return out.stdout


try:
    go("go vet", "vet", "./...")
    go("every row of 200 accounts arrives, on both databases, and no token is lost", "test", "-count=1", "-timeout", "900s", "./...")
    for line in go("how many runs the databases take", "test", "-run", "^$", "-bench", "Runs", "-benchtime", "1500x", "./...").split("\n"):
        if "runs/s" in line:
            print("  ", " ".join(line.split()))
finally:
    server.stop()
finish("fleet")
