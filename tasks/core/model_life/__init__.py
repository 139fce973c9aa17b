"""Rules of a model's life: two versions compared, the gate between them, and the history of promotions."""
