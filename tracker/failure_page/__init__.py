"""One offline HTML page of what went wrong with who is who, the worst first."""
