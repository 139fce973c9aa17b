"""Dashboard: the days of the store, looked at in a browser. Reads only."""
