"""When and where claims are read and decided: intake, agents, state, delivery, and the command line."""
