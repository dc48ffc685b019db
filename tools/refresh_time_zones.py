"""Regenerate the table of time zones: `python tools/refresh_time_zones.py`.

The names are those of the IANA time zone database in the package tzdata, a development requirement. A name is canonical
if `zone.tab` has it for a country, or if it is a fixed offset (`Etc/…`) that is no alias; Auto Scaling requires such
names. All other names of the database are aliases, with the canonical name that `tzdata.zi` links them to.
"""

from __future__ import annotations

import json
from importlib import metadata, resources
from pathlib import Path

OUTPUT = Path(__file__).resolve().parents[1] / "schema" / "lisa_schema" / "data" / "time_zones.json"


def main() -> None:
    """Write data/time_zones.json."""
    folder = resources.files("tzdata") / "zoneinfo"
    table = (folder / "zone.tab").read_text(encoding="utf-8").splitlines()
    lines = [line.split() for line in (folder / "tzdata.zi").read_text(encoding="utf-8").splitlines()]
    links = {line[2]: line[1] for line in lines if line and line[0] == "L"}
    rules = {line[1] for line in lines if line and line[0] == "Z"}
    zones = {line.split("\t")[2] for line in table if not line.startswith("#")}
    zones |= {name for name in rules if name.startswith("Etc/") and name != "Etc/Unknown"} | {"Etc/UTC"}
    aliases = {name: target for name, target in links.items() if name not in zones and target in zones}
    content = {
        "schemaVersion": 1,
        "source": f"IANA time zone database, tzdata {metadata.version('tzdata')}",
        "zones": " ".join(sorted(zones)),
        "aliases": dict(sorted(aliases.items())),
    }
    OUTPUT.write_text(json.dumps(content, indent=0, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
