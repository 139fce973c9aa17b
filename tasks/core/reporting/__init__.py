"""Content of the pages for people, made from records alone."""
