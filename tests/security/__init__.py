"""Files of strangers: what they may cost, and what they must not do."""
