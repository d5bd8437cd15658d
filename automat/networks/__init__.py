"""Networks in torch: graph operations with two backends, one trainer, one file a network."""
