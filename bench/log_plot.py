"""Draws docs/operations.svg from the stream sync_log of 48 runs against the sandbox, an hour apart in
the picture. In some of them a scope is missing, or answers are bad.

usage: log_plot.py TAP WORK OUT.svg"""

import json
import os
import subprocess
import sys

import matplotlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "interop"))
from sandbox import Sandbox  # noqa: E402

matplotlib.use("svg")
matplotlib.rcParams.update({"svg.hashsalt": "tap-greenhouse", "font.size": 9})
import matplotlib.pyplot as plt  # noqa: E402

TAP, WORK, OUT = sys.argv[1:4]
STREAMS = ["candidates", "applications", "jobs", "offers", "users"]
RUNS = 48
LOST, BAD = range(30, 37), range(14, 18)  # runs without the scope of offers, and with bad answers
COLORS = {"complete": "#1b7f5c", "failed": "#c0392b", "skipped": "#e0a030", "unfinished": "#7f8c8d", "left_alone": "#bdd7cd"}


def run(sandbox, state, extra):
    config = os.path.join(WORK, "c.json")
    with open(config, "w") as f:
        json.dump({**sandbox.config, "streams": [*STREAMS, "sync_log"], **extra}, f)
    args = ["--state", state] if os.path.exists(state) else []
    out = subprocess.run([TAP, "--config", config, *args], capture_output=True, text=True).stdout
    rows = []
    for line in filter(None, out.split("\n")):
        m = json.loads(line)
        if m["type"] == "RECORD" and m["stream"] == "sync_log":
            rows.append(m["record"])
        elif m["type"] == "STATE":
            with open(state, "w") as f:
                json.dump(m["value"], f)
    return {r["stream"]: r for r in rows}


def runs():
    """The rows of each run, by stream. A second sandbox, with the same rows, has the faults."""
    os.makedirs(WORK, exist_ok=True)
    state = os.path.join(WORK, "state.json")
    good = Sandbox(TAP, WORK, "--candidates", "400")
    lost = Sandbox(TAP, WORK, "--candidates", "400", *(f"--scopes=harvest:{s}:list" for s in STREAMS if s != "offers"))
    bad = Sandbox(TAP, WORK, "--candidates", "400", "--removed=jobs", "--chaos=0.3")
    try:
        found = []
        for n in range(RUNS):
            for s in (good, lost, bad):
                s.get(f"change?add={n % 7}&update={n % 5}&seed={n}&streams=candidates,applications,offers")
            found.append(run(lost if n in LOST else bad if n in BAD else good, state, {"max_retry_time": "5s"}))
        return found
    finally:
        for s in (good, lost, bad):
            s.stop()


found = runs()
figure, (how, late, cost) = plt.subplots(3, 1, figsize=(9, 6.5), sharex=True)
for y, stream in enumerate(STREAMS):
    how.bar(range(RUNS), [0.8] * RUNS, bottom=y - 0.4, width=0.9, color=[COLORS[r[stream]["status"]] for r in found])
how.set_yticks(range(len(STREAMS)), STREAMS)
how.invert_yaxis()
how.set_title("How each stream ended", loc="left")
how.legend(handles=[plt.Rectangle((0, 0), 1, 1, color=c, label=s) for s, c in COLORS.items()], ncols=5, frameon=False, loc="lower right", bbox_to_anchor=(1, 1))
for stream in STREAMS:
    hours, last = [], 0
    for n, rows in enumerate(found):
        if rows[stream]["status"] == "complete":
            last = n
        hours.append(n - last)
    late.step(range(RUNS), hours, where="mid", label=stream)
late.set_title("Hours since the last complete read", loc="left")
late.legend(frameon=False, loc="upper left")
requests = [sum(r["requests"] for r in rows.values()) for rows in found]
retries = [sum(r["retries"] for r in rows.values()) for rows in found]
cost.bar(range(RUNS), requests, color="#1b7f5c", label="requests")
cost.bar(range(RUNS), retries, color="#c0392b", label="of them repetitions")
cost.set_title("Requests a run", loc="left")
cost.set_xlabel("hours")
cost.legend(ncols=2, frameon=False, loc="upper right")
for ax in (how, late, cost):
    ax.spines[["top", "right"]].set_visible(False)
figure.tight_layout()
figure.savefig(OUT, metadata={"Date": None})
