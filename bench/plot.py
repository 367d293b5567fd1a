"""Draws what measure.py measured. usage: plot.py RESULTS.json OUT.svg"""

import json
import sys

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams.update({"svg.hashsalt": "tap-greenhouse", "font.size": 9})
import matplotlib.pyplot as plt  # noqa: E402

with open(sys.argv[1]) as f:
    results = json.load(f)
plain = {r["program"]: r for r in results["everything"] if r["answers"] == "plain"}
limited = {r["program"]: r for r in results["limit"]}
started = {r["program"]: r for r in results["start"] if r["what"] == "first request"}
first = next(iter(limited.values()))
least, pages = first["least"], first["pages"]
# What a user feels comes first. All axes begin at zero.
panels = (
    (f"{pages} pages under the limit, seconds (least: {least:.0f})", [r["seconds"] for r in limited.values()], "{:.0f}"),
    ("Start to first request, milliseconds", [r["seconds"] * 1000 for r in started.values()], "{:,.0f}"),
    ("CPU for a million records, seconds", [r["cpu"] / r["records"] * 1e6 for r in plain.values()], "{:.1f}"),
    ("Peak memory, MB", [r["memory"] for r in plain.values()], "{:.0f}"),
)
names = list(plain)
assert names == list(limited) == list(started)
figure, axes = plt.subplots(2, 2, figsize=(10, 4.6))
for ax, (title, values, label) in zip(axes.flat, panels, strict=True):
    bars = ax.barh(names, values, color=["#1b7f5c" if n.startswith("tap-greenhouse") else "#9aa5b1" for n in names])
    ax.bar_label(bars, [label.format(v) for v in values], padding=3)
    ax.set_title(title, loc="left")
    ax.invert_yaxis()
    ax.set_xlim(left=0)
    ax.margins(x=0.15)
    ax.spines[["top", "right"]].set_visible(False)
axes.flat[0].axvline(least, color="#c05621", linewidth=1)
figure.tight_layout()
figure.savefig(sys.argv[2], metadata={"Date": None})
