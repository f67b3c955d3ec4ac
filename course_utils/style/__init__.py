"""Neural style transfer: one algorithm, two frameworks."""
