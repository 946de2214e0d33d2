"""The only door to disk: strict YAML, safe HDF5, whole-or-nothing writes, digests."""
