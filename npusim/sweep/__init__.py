"""Design-space sweeps: datapaths, recipes and networks, each point compiled and run, resumable."""
