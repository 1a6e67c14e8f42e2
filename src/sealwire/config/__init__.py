"""A node's settings, validated once at the edge."""
