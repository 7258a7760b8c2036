"""What was measured: stored, set side by side, told."""
