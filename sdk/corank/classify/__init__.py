"""Texts to classes, with probabilities that can be trusted and the right to abstain."""
