"""Commands of `scoring`, one a module, each with what it prints."""
