"""Programs that parts of `lisa dev` run. Each imports nothing of LISA: another Python may run it."""
