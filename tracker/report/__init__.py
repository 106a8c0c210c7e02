"""One offline HTML page of what a run found: who is seen, when, with whom, and how surely."""
