"""Draws docs/fleet.svg: a day of ten thousand accounts, as the fleet's benchmark simulates it.

usage: fleet_plot.py WORK OUT.svg"""

import json
import os
import subprocess
import sys

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams.update({"svg.hashsalt": "tap-greenhouse", "font.size": 9, "svg.fonttype": "none", "font.family": "sans-serif"})
import matplotlib.pyplot as plt  # noqa: E402

WORK, OUT = sys.argv[1:3]
FLEET = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "examples", "fleet")
COLORS = {"240": "#c0392b", "300": "#286ebe", "600": "#1b7f5c"}
PANELS = {
    "worst": "Minutes since the last complete run began, of 99% of accounts",
    "queue": "Accounts that are due and wait",
    "statements": "Statements to the database, each second",
}

os.makedirs(WORK, exist_ok=True)
samples = os.path.join(os.path.abspath(WORK), "day.json")
subprocess.run(["go", "test", "-run", "^$", "-bench", "Day", "-benchtime", "1x", "."], cwd=FLEET, check=True, env={**os.environ, "FLEET_DAY": samples})
with open(samples) as f:
    days = json.load(f)
figure, axes = plt.subplots(len(PANELS), 1, figsize=(9, 8), sharex=True)
for axis, (name, title) in zip(axes, PANELS.items()):
    for slots, day in days.items():
        axis.plot([s["hours"] for s in day], [s[name] for s in day], color=COLORS[slots], label=f"{slots} slots")
    axis.set_title(title)
    axis.set_ylim(bottom=0)
    axis.set_xticks(range(0, 25, 6))
    axis.legend(loc="lower right" if name == "statements" else "upper right")
axes[-1].set_xlabel("hours")
figure.tight_layout()
figure.savefig(OUT, metadata={"Date": None})
