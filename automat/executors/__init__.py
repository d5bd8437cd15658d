"""Where cells run: on this machine."""
