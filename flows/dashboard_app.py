"""Script that Streamlit runs for `scoring dashboard`, anew for each change that a reader makes."""

from __future__ import annotations

from configs.settings import load_settings
from tasks.dashboard.app import show_dashboard

if __name__ == "__main__":
    show_dashboard(load_settings())
