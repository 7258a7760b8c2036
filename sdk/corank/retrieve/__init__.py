"""Finding candidates: by words, by vectors, and by both fused."""
