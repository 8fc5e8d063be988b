"""Several worker processes under one parent: one endpoint, restarts, and a stop in good order."""
