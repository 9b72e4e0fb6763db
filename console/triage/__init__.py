"""What needs somebody, and what to tell the next one on call."""
