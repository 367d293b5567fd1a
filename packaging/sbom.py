"""Adds to an SBOM the two licences that its maker does not find: that of this program, which a
binary does not carry, and that of Go's standard library.

usage: sbom.py FILE"""

import json
import sys

with open(sys.argv[1]) as f:
    sbom = json.load(f)
sbom["metadata"]["component"]["licenses"] = [{"license": {"id": "Apache-2.0"}}]
for component in sbom["components"]:
    if component["name"] == "std":
        component["evidence"] = {"licenses": [{"license": {"id": "BSD-3-Clause"}}]}
with open(sys.argv[1], "w") as f:
    json.dump(sbom, f, indent=2, ensure_ascii=False)
    f.write("\n")
