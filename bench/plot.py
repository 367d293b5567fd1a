"""Draws what measure.py measured. usage: plot.py RESULTS.json OUT.svg"""

import json
import sys

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams.update({"svg.hashsalt": "tap-greenhouse", "font.size": 9})
import matplotlib.pyplot as plt  # noqa: E402

with open(sys.argv[1]) as f:
    results = json.load(f)
plain = [r for r in results["everything"] if r["answers"] == "plain"]
names = [r["program"] for r in plain]
panels = (
    ("Records a second (log)", [r["records"] / r["seconds"] for r in plain], "{:,.0f}", True),
    ("CPU a record, microseconds (log)", [r["cpu"] / r["records"] * 1e6 for r in plain], "{:.1f}", True),
    ("Peak memory, MB", [r["memory"] for r in plain], "{:.0f}", False),
    ("Time under the limit, least possible = 1", [r["seconds"] / r["least"] for r in results["limit"]], "{:.2f}", False),
)
figure, axes = plt.subplots(2, 2, figsize=(10, 4.6))
for ax, (title, values, label, logarithmic) in zip(axes.flat, panels, strict=True):
    bars = ax.barh(names, values, color=["#1b7f5c" if n.startswith("tap-greenhouse") else "#9aa5b1" for n in names])
    ax.bar_label(bars, [label.format(v) for v in values], padding=3)
    ax.set_title(title, loc="left")
    ax.invert_yaxis()
    if logarithmic:
        ax.set_xscale("log")
    ax.margins(x=0.2)
    ax.spines[["top", "right"]].set_visible(False)
figure.tight_layout()
figure.savefig(sys.argv[2], metadata={"Date": None})
