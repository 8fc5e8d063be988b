"""Rules about the claim form: numbers, dates, sums and codes that any claim has, about an injection or not."""
