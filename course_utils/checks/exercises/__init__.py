"""One file for each notebook with exercises, named after it."""
