"""The language model: tokens, vectors, and what behaviour teaches them."""
