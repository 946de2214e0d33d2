"""The parts of a report's page: one file each, from facts to HTML."""
