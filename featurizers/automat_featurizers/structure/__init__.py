"""Features of the crystal structure."""
