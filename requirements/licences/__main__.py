"""The commands `check`, `write` and `refresh`."""

from __future__ import annotations

import argparse
import json
import sys

from locks import ROOT

import licences
from licences.files import derived_files
from licences.packages import TABLE, differences, installed_licenses, packages, read_table, stale_entries
from licences.page import PAGE, page
from licences.policy import POLICY, file_violations, read_policy, violations
from licences.reports import refresh


def main(arguments: list[str] | None = None) -> int:
    """Run a command; 1 when a license is not allowed or a file is out of date."""
    parser = argparse.ArgumentParser(description=licences.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("check", "write", "refresh"))
    command = parser.parse_args(arguments).command
    policy = read_policy(POLICY.read_text(encoding="utf-8"))
    if command == "refresh":
        TABLE.write_text(json.dumps(refresh(policy), indent=1) + "\n", encoding="utf-8", newline="\n")
        return 0
    table = read_table()
    found, files = packages(table), list(derived_files(policy.files, table))
    if command == "write":
        PAGE.write_text(page(found, files, policy), encoding="utf-8", newline="\n")
        return 0
    wrong = [*violations(found, policy), *file_violations(files, policy), *stale_entries(table, found)]
    wrong += differences(installed_licenses(policy.metadata), found)
    if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page(found, files, policy):
        wrong.append(f"{PAGE.relative_to(ROOT)} is out of date. Run `make licences`.")
    sys.stderr.writelines(f"{sentence}\n" for sentence in wrong)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
