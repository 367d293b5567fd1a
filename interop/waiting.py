"""What the checks of engines wait for."""

import subprocess
import time


def until(told, seconds=60):
    """Waits until something is so, and says whether it came."""
    for _ in range(seconds * 10):
        if told():
            return True
        time.sleep(0.1)
    return False


def processes(*patterns):
    """The processes whose command line matches one of the patterns, a line each."""
    return subprocess.run(["pgrep", "-af", "|".join(patterns)], capture_output=True, text=True).stdout
