"""Everything as of a moment: what screens and commands read, across kinds."""
