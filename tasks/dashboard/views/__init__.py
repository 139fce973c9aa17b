"""Views of the dashboard, one a file: each asks a day book and draws with Streamlit."""
