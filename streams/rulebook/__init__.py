"""What people are told of rules: the catalogue, a rule as it stands for a payer, a trial, why a claim was judged so."""
