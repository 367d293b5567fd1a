"""Runs the line for cron in docs/pipe.md by a real cron, which has no environment of ours, and asks
systemd about the page's unit and timer. The page's paths lead into WORK.

usage: schedule_check.py TAP VENVS WORK"""

import json
import os
import re
import shutil
import subprocess
import sys

from results import check, finish
from sandbox import Sandbox
from waiting import processes, until

TAP, VENVS, WORK = (os.path.abspath(p) for p in sys.argv[1:4])
PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "docs", "pipe.md")
PATHS = {"/opt/greenhouse/bin": f"{WORK}/bin", "/etc/greenhouse": f"{WORK}/etc",
         "/var/lib/greenhouse": f"{WORK}/lib", "/var/log/greenhouse.log": f"{WORK}/log"}


def moved(text):
    for old, new in PATHS.items():
        text = text.replace(old, new)
    return text


shutil.rmtree(WORK, ignore_errors=True)
for folder in ("bin", "etc", "lib", "rows", "tab", "units"):
    os.makedirs(os.path.join(WORK, folder))
os.symlink(TAP, f"{WORK}/bin/tap-greenhouse")
os.symlink(os.path.join(VENVS, "jsonl", "bin", "target-jsonl"), f"{WORK}/bin/target-jsonl")
with open(f"{WORK}/etc/target.json", "w") as f:
    json.dump({"destination_path": f"{WORK}/rows"}, f)
with open(PAGE) as f:
    text = f.read()

line = re.search(r"^```text\n(\*/15 \* \* \* \* .*)\n```", text, re.M)[1]
with open(f"{WORK}/tab/root", "w") as f:
    f.write(moved(line).replace("*/15", "*", 1) + "\n")
sandbox = Sandbox(TAP, WORK, "--candidates", "60")
with open(f"{WORK}/etc/config.json", "w") as f:
    json.dump(sandbox.config, f)
# The PATH that cron has where none is set.
cron = subprocess.Popen(["/bin/busybox", "crond", "-f", "-L", "/dev/null", "-c", f"{WORK}/tab"],
                        env={"PATH": "/usr/bin:/bin"}, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
try:
    units = []
    for name, unit in re.findall(r"^```ini\n# /etc/systemd/system/(\S+)\n(.*?)^```", text, re.S | re.M):
        units.append(f"{WORK}/units/{name}")
        with open(units[-1], "w") as f:
            f.write(moved(unit).replace(f"{WORK}/lib", "/var/lib/greenhouse"))  # StateDirectory makes it
    out = subprocess.run(["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True)
    mistakes = [l for l in out.stderr.splitlines() if "greenhouse" in l]
    check("systemd understands the unit and the timer", len(units) == 2 and not mistakes, out.stderr)
    out = subprocess.run(["systemd-analyze", "calendar", re.search(r"OnCalendar=(.*)", text)[1]], capture_output=True, text=True)
    check("the timer has a next time", "Next elapse:" in out.stdout, out.stdout + out.stderr)

    def log():
        return open(f"{WORK}/log").read() if os.path.exists(f"{WORK}/log") else ""
    came = until(lambda: "summary: " in log() and not processes(f"{WORK}/bin/tap-greenhouse pipe"), 90)
    check("cron runs the line", came and "level=ERROR" not in log(), log())
    loaded = sum(open(f"{WORK}/rows/{name}").read().count("\n") for name in os.listdir(f"{WORK}/rows"))
    rows = sum(len(sandbox.rows(stream)) for stream in sandbox.streams)
    check("every row is loaded", loaded == rows, f"{loaded} of {rows}")
    check("the state is kept", os.path.exists(f"{WORK}/lib/state.json"), os.listdir(f"{WORK}/lib"))
finally:
    cron.terminate()
    cron.wait()
    sandbox.stop()
finish("schedule")
