"""The cost of deletes: CPU and memory of a first read with and without deletes, of a sweep and of a
run with nothing new, by the number of rows. Prints Markdown.
usage: deletes.py TAP WORK [ROWS...]"""

import os
import shutil
import sys

from treatments import Sandbox, run

WORK = sys.argv[2]
SIZES = [int(n) for n in sys.argv[3:]] or [100_000, 1_000_000, 2_000_000]

print("| Rows | Read, CPU | with deletes | Ratio | Memory | with deletes | Sweep, CPU | Memory | Nothing new, CPU | Ledger |")
print("|---|---|---|---|---|---|---|---|---|---|")
for size in SIZES:
    with Sandbox(str(size)) as sandbox:
        store = os.path.join(WORK, "ids")
        shutil.rmtree(store, ignore_errors=True)
        plain = dict(sandbox.config, streams=["candidates"])
        tracked = dict(plain, deletes={"store": "file://" + store, "every": "1000d"})
        cpu, memory, records, _ = run(plain)
        cpu2, memory2, records2, state = run(tracked)
        if records2 != records:
            raise SystemExit(f"{records2} records in place of {records}")
        swept, memory3, _, state = run(dict(tracked, deletes=dict(tracked["deletes"], every="0s")), state)
        quiet, _, news, _ = run(tracked, state)
        ledger = sum(os.path.getsize(os.path.join(folder, name)) for folder, _, names in os.walk(store) for name in names)
        print(f"| {records} | {cpu:.2f} s | {cpu2:.2f} s | {cpu2 / cpu:.2f} | {memory:.0f} MB | {memory2:.0f} MB | {swept:.2f} s | {memory3:.0f} MB | {quiet:.2f} s | "
              f"{ledger / records:.1f} bytes a row |", flush=True)
