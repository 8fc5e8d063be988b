"""Conservation: every received item accounted for by what the topics say."""
