"""Runs a program in a terminal of a given size; returns screens and how it ended. Needs an
interpreter with pyte.

usage: terminal.py SPEC, a JSON object: argv, cols, rows, env, at (seconds to look), resize ([seconds, cols, rows]), interrupt and hangup (seconds), out (file of standard
output), type (pairs of seconds and what is typed then)
prints {"code": ..., "screens": [[line, ...], ...], "echoes": ...}; the last screen is the final one,
and echoes reports whether the terminal echoes in the end"""

import fcntl
import json
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

import pyte

spec = json.loads(sys.argv[1])
pid, terminal = pty.fork()
if pid == 0:
    os.environ.update({"TERM": "xterm-256color", **spec.get("env", {})})
    if "CI" not in spec.get("env", {}):
        os.environ.pop("CI", None)
    if "out" in spec:
        os.dup2(os.open(spec["out"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
    time.sleep(0.2)  # until the terminal has its size
    os.execvp(spec["argv"][0], spec["argv"])


def size(cols, rows):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))


size(spec["cols"], spec["rows"])
screen = pyte.HistoryScreen(spec["cols"], spec["rows"])
stream = pyte.ByteStream(screen)
began, screens, echoes = time.time(), [], True
at, resize, interrupt, typed = list(spec.get("at", [])), spec.get("resize"), spec.get("interrupt"), list(spec.get("type", []))
while True:
    try:
        echoes = bool(termios.tcgetattr(terminal)[3] & termios.ECHO)
    except termios.error:
        pass  # nobody holds the other end any more
    ready, _, _ = select.select([terminal], [], [], 0.05)
    if ready:
        try:
            data = os.read(terminal, 65536)
        except OSError:
            break
        if not data:
            break
        stream.feed(data)
    now = time.time() - began
    if at and now > at[0]:
        at.pop(0)
        screens.append(list(screen.display))
    if typed and now > typed[0][0]:
        os.write(terminal, typed.pop(0)[1].encode())
    if resize and now > resize[0]:
        size(resize[1], resize[2])
        screen.resize(resize[2], resize[1])
        resize = None
    if now > spec.get("hangup", now):
        os.kill(pid, signal.SIGKILL)
    if interrupt and now > interrupt:
        os.kill(pid, signal.SIGINT)
        interrupt = None
_, status = os.waitpid(pid, 0)
screens.append(list(screen.display))
print(json.dumps({"code": os.waitstatus_to_exitcode(status), "screens": screens, "echoes": echoes}))
