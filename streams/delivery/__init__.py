"""What leaves the stream beside decisions: dead letters, redrive, audit."""
