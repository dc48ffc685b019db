"""Who deploys, and what was deployed: a lock and a ledger of deployments in a table of the account.

| Module | Has |
|---|---|
| `table` | the table, and the stack that makes it |
| `lock` | the lock of a deployment, which one command holds at a time |
| `pipeline` | the run of a pipeline, by which the holder of a lock is found |
| `records` | the ledger: deployments that began, and how they ended |
| `source` | the commit that is deployed, and what is refused |
| `checkout` | an earlier commit, to go back to |
| `overview` | both as they are now, for commands that change nothing |
| `journal` | a command that changes a deployment: holds its lock and writes its records |
"""
