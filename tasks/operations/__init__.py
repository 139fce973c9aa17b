"""Wing of operations: what watches over runs and days, beside what scores and judges them."""
