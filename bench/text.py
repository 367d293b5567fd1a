"""CPU per record of realistic text: of this tap, of bench/peers/jsontext, which splits the same
pages with jsontext and checks nothing, and of the same program when it only copies. Medians of
five.

usage: text.py TAP JSONTEXT WORK"""

import os
import statistics
import subprocess
import sys
import time

TAP, JSONTEXT, WORK = (os.path.abspath(p) for p in sys.argv[1:4])
PROGRAM = """
import resource, subprocess, sys
p = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
n = 0
while chunk := p.stdout.read1(1 << 20):
    n += chunk.count(b'"created_at":')
p.wait()
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print((used.ru_utime + used.ru_stime) / n * 1e6, used.ru_maxrss / 1024)
"""

os.makedirs(WORK, exist_ok=True)
config = os.path.join(WORK, "config.json")
print("| Program | CPU per record, plain | with gzip | Memory |\n|---|---|---|---|")
figures = {}
for flags in ([], ["--gzip"]):
    with open(config, "w") as f:
        sandbox = subprocess.Popen([TAP, "sandbox", "--addr", "127.0.0.1:0", "--candidates", "20000", "--limit=-1", *flags], stdout=f, stderr=subprocess.DEVNULL)
    time.sleep(2)
    for name, call in {"tap-greenhouse": [TAP, "--config", config], "jsontext alone": [JSONTEXT, config], "reading and writing alone": [JSONTEXT, config, "copy"]}.items():
        runs = [list(map(float, subprocess.run([sys.executable, "-c", PROGRAM, *call], capture_output=True, text=True, check=True).stdout.split())) for _ in range(5)]
        figures.setdefault(name, []).append((statistics.median(r[0] for r in runs), max(r[1] for r in runs)))
    sandbox.terminate()
    sandbox.wait()
for name, (plain, packed) in figures.items():
    print(f"| {name} | {plain[0]:.2f} us | {packed[0]:.2f} us | {max(plain[1], packed[1]):.0f} MB |")
