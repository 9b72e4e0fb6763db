"""The collector: the one process per scope that looks, so that all consoles of a host see by one pair of eyes."""
