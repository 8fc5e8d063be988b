"""The vectors of rules: cases beside the rules, read, decided as the worker decides, and judged; no broker."""
