"""The cost of privacy and deletes: CPU per record without a policy and with all contact columns
hashed, and the memory and requests of a sweep of two million ids. Prints Markdown.
usage: treatments.py TAP WORK [CANDIDATES]"""

import json
import os
import subprocess
import sys
import time
import urllib.request

TAP, WORK = sys.argv[1:3]
CANDIDATES = sys.argv[3] if len(sys.argv) > 3 else "20000"


class Sandbox:
    """A sandbox in its own process, which ends with the block."""

    def __init__(self, candidates):
        self.process = subprocess.Popen([TAP, "sandbox", "--addr", "127.0.0.1:0", "--limit=-1", "--candidates", candidates],
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        text = ""
        while not text.rstrip().endswith("}"):
            text += self.process.stdout.readline()
        self.config = json.loads(text)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def requests(self):
        return sum(json.load(urllib.request.urlopen(self.config["api_url"] + "/sandbox/requests"))["lists"].values())


def run(config, state=None):
    """Runs a sync with its output thrown away; returns CPU seconds, peak memory in MB, the records
    and the last state."""
    path, out = os.path.join(WORK, "c.json"), os.path.join(WORK, "out.jsonl")
    with open(path, "w") as f:
        json.dump(config, f)
    command = [TAP, "--config", path]
    if state:
        with open(os.path.join(WORK, "s.json"), "w") as f:
            f.write(state)
        command += ["--state", f.name]
    with open(out, "w") as f:
        process = subprocess.Popen(command, stdout=f, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"the tap ended with {status}")
    records, last = 0, None
    with open(out, "rb") as f:
        for line in f:
            records += line.startswith(b'{"type":"RECORD"')
            if line.startswith(b'{"type":"STATE"'):
                last = line
    os.remove(out)
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, records, json.dumps(json.loads(last)["value"]) if last else None


print("| Personal data | CPU per record |")
print("|---|---|")
with Sandbox(CANDIDATES) as sandbox:
    base = None
    for name, more in (("nothing treated", {}), ("all contact columns hashed", {"privacy": {"contact": "hash", "unclassified": "keep"}, "privacy_key": "sixteen bytes or more"})):
        cpu, _, records, _ = min(run(dict(sandbox.config, **more)) for _ in range(5))
        per = cpu / records * 1e6
        print(f"| {name} | {per:.2f} us{'' if base is None else f' ({per - base:+.2f})'} |")
        base = base or per
print()
print("| Sweep | Ids | Requests | Pages that the ids fill | Memory |")
print("|---|---|---|---|---|")
with Sandbox("1540000") as sandbox:
    store = os.path.join(WORK, "ids")
    config = dict(sandbox.config, streams=["applications"], deletes={"store": "file://" + store, "every": "0s"})
    # Skip the first read: the state says that it is complete, under the version of the stored ids.
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    state = json.dumps({"bookmarks": {"applications": {"replication_key": "updated_at", "replication_key_value": now, "version": 1, "whole": True, "pages": 4000}}})
    for name in ("first", "again, compared with what is known"):
        sandbox.requests()
        _, memory, _, _ = run(config, state)
        asked = sandbox.requests()
        rows = int(1540000 * 1.3)
        print(f"| {name} | {rows} | {asked} | {-(-rows // 500)} | {memory:.0f} MB |")
