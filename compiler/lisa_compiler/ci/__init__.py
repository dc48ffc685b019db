"""What every pipeline needs, whichever system runs it; `lisa ci` has the commands.

| Module | Has |
|---|---|
| `standing` | whether an environment needs a deployment, by the ledger |
| `planning` | the plan of an environment, with all that a reviewer has to know |
| `plan_files` | the files of a plan that later jobs and people get |
| `plan_markdown`, `drift_markdown` | what people read |
| `markdown` | texts of others inside of Markdown |
| `github` | outputs, summaries and issues of GitHub |
| `compiled_commit` | a commit of compiled output |
| `merge` | Git's merges of compiled output |
"""
