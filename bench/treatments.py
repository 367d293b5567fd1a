"""The cost of privacy: CPU per record without a policy and with all contact columns hashed. Prints
Markdown. deletes.py has the cost of deletes.
usage: treatments.py TAP WORK [CANDIDATES]"""

import json
import os
import subprocess
import sys

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


def main():
    print("| Personal data | CPU per record |")
    print("|---|---|")
    with Sandbox(CANDIDATES) as sandbox:
        base = None
        for name, more in (("nothing treated", {}), ("all contact columns hashed", {"privacy": {"contact": "hash", "unclassified": "keep"}, "privacy_key": "sixteen bytes or more"})):
            cpu, _, records, _ = min(run(dict(sandbox.config, **more)) for _ in range(5))
            per = cpu / records * 1e6
            print(f"| {name} | {per:.2f} us{'' if base is None else f' ({per - base:+.2f})'} |")
            base = base or per


if __name__ == "__main__":
    main()
