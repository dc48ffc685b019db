"""Licenses of every package in the locks, and of files made from one: `python -m licences check`, `write` or `refresh`.

Each lock is compared with licences.json and licences.toml, and that with the packages that are installed.

metadata    what the metadata of a package declare, as an SPDX expression
packages    the packages of the locks, the table licences.json, and the packages that are installed
files       files in the repository that were made from a package
policy      which licenses are allowed where (licences.toml), and what does not keep to it
reports     the table again, with what pip reports on packages that are not installed
page        docs/licences.md
"""
