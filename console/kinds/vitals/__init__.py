"""Vital signs of endpoints: read from CloudWatch, kept as samples, judged into findings. Shown by the endpoints."""
