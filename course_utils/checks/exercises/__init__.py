"""One file for each exercise, named after the function to write."""
