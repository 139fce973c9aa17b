"""Studies that were made once, to make the synthetic feed and to choose the shape of the model."""
