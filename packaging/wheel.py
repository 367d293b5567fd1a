"""Makes a wheel of a static binary, which pip, uvx, pipx and Meltano's pip_url install. It runs
without Python. usage: wheel.py BINARY VERSION PLATFORM-TAG FOLDER NOTICES

NOTICES is a file with the licences of third parties. The same files make the same bytes."""

import base64
import hashlib
import os
import sys
import zipfile

from readme import REPOSITORY, readme

NAME = "tap_greenhouse"
METADATA = """Metadata-Version: 2.4
Name: tap-greenhouse
Version: {version}
Summary: Loads a Greenhouse account (Harvest v3): a Singer tap and an Airbyte source, one static binary
License-Expression: Apache-2.0
License-File: LICENSE
License-File: THIRD_PARTY_NOTICES
Project-URL: Repository, {repository}
Project-URL: Changelog, {repository}/blob/v{version}/CHANGELOG.md
Keywords: greenhouse,singer,tap,airbyte,meltano,elt
Classifier: Environment :: Console
Classifier: Topic :: Database
Description-Content-Type: text/markdown

{readme}"""


def content(path):
    with open(path, "rb") as f:
        return f.read()


def main(binary, version, tag, folder, notices):
    windows = tag.startswith("win")
    info, scripts = f"{NAME}-{version}.dist-info", f"{NAME}-{version}.data/scripts"
    metadata = METADATA.format(version=version, repository=REPOSITORY, readme=readme(version))
    license = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "LICENSE")
    files = [
        (f"{scripts}/tap-greenhouse" + (".exe" if windows else ""), content(binary), 0o755),
        (f"{info}/METADATA", metadata.encode(), 0o644),
        (f"{info}/licenses/LICENSE", content(license), 0o644),
        (f"{info}/licenses/THIRD_PARTY_NOTICES", content(notices), 0o644),
        (f"{info}/WHEEL", f"Wheel-Version: 1.0\nGenerator: packaging/wheel.py\nRoot-Is-Purelib: false\nTag: py3-none-{tag}\n".encode(), 0o644),
    ]
    record = ""
    for name, data, _ in files:
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        record += f"{name},sha256={digest},{len(data)}\n"
    files.append((f"{info}/RECORD", (record + f"{info}/RECORD,,\n").encode(), 0o644))
    path = os.path.join(folder, f"{NAME}-{version}-py3-none-{tag}.whl")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, data, mode in files:
            entry = zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0))
            entry.external_attr, entry.compress_type, entry.create_system = (0o100000 | mode) << 16, zipfile.ZIP_DEFLATED, 3
            wheel.writestr(entry, data)
    print(path)


if __name__ == "__main__":
    main(*sys.argv[1:6])
