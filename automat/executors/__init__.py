"""Where cells run: in processes of this machine, or in those of a Dask cluster."""
