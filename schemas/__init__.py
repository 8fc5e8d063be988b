"""What a claim, a decision and a rejection are: the formats that cross a topic, each defined once."""
