"""A loader that dies: passes the first bytes of its input to a loader, and then breaks off. It holds
a lock on a file as long as the loader runs, and writes to the file once it has it.

usage: prefix.py LOCK BYTES LOADER [ARGS...]"""

import fcntl
import subprocess
import sys

lock = open(sys.argv[1], "w")
fcntl.flock(lock, fcntl.LOCK_EX)
print("held", file=lock, flush=True)
left = int(sys.argv[2])
loader = subprocess.Popen(sys.argv[3:], stdin=subprocess.PIPE)
while left > 0:
    data = sys.stdin.buffer.read1(min(left, 1 << 16))
    if not data:
        break
    left -= len(data)
    try:
        loader.stdin.write(data)
    except BrokenPipeError:
        break
try:
    loader.stdin.close()
except BrokenPipeError:
    pass
code = loader.wait()
sys.exit(code or (1 if left <= 0 else 0))
