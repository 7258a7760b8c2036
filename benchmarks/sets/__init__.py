"""Public data sets: what each is, where its files come from, and how it is read."""
