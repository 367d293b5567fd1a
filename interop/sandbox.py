"""The sandbox for interop checks: a server with rows that can be read, changed and compared."""

import datetime
import json
import os
import subprocess
import urllib.request


class Sandbox:
    """A sandbox of the tap's own binary, started on a free port."""

    def __init__(self, tap, work, *flags):
        self.process = subprocess.Popen(
            [tap, "sandbox", "--addr", "127.0.0.1:0", "--limit=-1", *flags],
            stdout=subprocess.PIPE, stderr=open(os.path.join(work, "sandbox.log"), "a"), text=True)
        text = ""
        while not text.rstrip().endswith("}"):
            line = self.process.stdout.readline()
            if not line:
                raise SystemExit("the sandbox did not start")
            text += line
        self.config = json.loads(text)
        self.config_file = os.path.join(work, "tap.json")
        with open(self.config_file, "w") as f:
            json.dump(self.config, f)
        found = subprocess.run([tap, "--config", self.config_file, "--discover"], stdout=subprocess.PIPE, check=True)
        self.catalog = json.loads(found.stdout)["streams"]
        self.streams = sorted(s["tap_stream_id"] for s in self.catalog if selected(s))

    def discovered(self):
        """The names of the streams that the tap discovers: a list each, and the log of its runs."""
        return sorted([*self.get("streams"), "sync_log"])

    def get(self, path):
        with urllib.request.urlopen(self.config["api_url"] + "/sandbox/" + path) as answer:
            return json.load(answer)

    def rows(self, stream):
        return {row["id"]: row for row in self.get("rows/" + stream)}

    def change(self, seed):
        self.get(f"change?add=2&update=4&seed={seed}")

    def stop(self):
        self.process.terminate()
        self.process.wait()


def selected(stream):
    """Whether a stream of the catalog is read unless it is deselected."""
    return any(not m["breadcrumb"] and m["metadata"].get("selected-by-default", m["metadata"].get("selected"))
               for m in stream["metadata"])


def plain(value):
    """A normal form of a value: databases write times, numbers and objects in their own ways."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, (int, float)):
        return round(float(value), 9)
    if isinstance(value, (dict, list)):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        made = {k: plain(v) for k, v in items}
        return made if isinstance(value, dict) else list(made.values())
    if isinstance(value, str):
        text = value.strip()
        if text[:1] in ("{", "["):
            try:
                return plain(json.loads(text))
            except ValueError:
                return value
        if len(text) >= 10 and text[4:5] == "-" and text[7:8] == "-":
            try:
                at = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
                if at.tzinfo is None:
                    at = at.replace(tzinfo=datetime.timezone.utc)
                return at.timestamp()
            except ValueError:
                return value
    return value


def compare(name, wanted, found):
    """Errors in the loaded rows of a stream, column by column; wanted and found are rows by id.
    Loaders that go through CSV do not distinguish an empty string from null. The one column with
    values of any type is text, with their JSON."""
    errors = []
    for key, row in wanted.items():
        loaded = found.get(key)
        if loaded is None:
            errors.append(f"{name}: row {key} is missing")
            continue
        for column, value in row.items():
            have = loaded.get(column)
            if (name, column) == ("custom_fields", "default_value") and isinstance(have, str) and not isinstance(value, str):
                have = json.loads(have)
            if isinstance(value, (int, float)) and not isinstance(value, bool) and isinstance(have, str):
                have = float(have)  # a decimal column
            if column not in loaded and value is not None:
                errors.append(f"{name}: row {key} lacks {column}")
            elif plain(value) != plain(have) and (value or have):
                errors.append(f"{name}: row {key}, {column}: {value!r} became {have!r}")
    for key in found:
        if key not in wanted:
            errors.append(f"{name}: row {key} came from nowhere")
    return errors
