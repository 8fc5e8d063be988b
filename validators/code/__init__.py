"""Rules about procedure codes: approach, region, add-ons, bundling, duplicates."""
