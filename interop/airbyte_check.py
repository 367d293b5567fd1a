"""Runs the source as a local executable of the real PyAirbyte, and parses every message with
Airbyte's protocol models.

usage: airbyte_check.py TAP VENVS WORK"""

import os
import subprocess
import sys

VENVS = os.path.abspath(sys.argv[2])
python = os.path.join(VENVS, "airbyte", "bin", "python")
script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "airbyte_inside.py")
env = dict(os.environ, AIRBYTE_OFFLINE_MODE="1", DO_NOT_TRACK="1", AIRBYTE_DISABLE_TELEMETRY="1", NO_COLOR="1")
sys.exit(subprocess.run([python, script, *(os.path.abspath(p) for p in sys.argv[1:4])], env=env).returncode)
