"""Features of the chemical composition alone."""
