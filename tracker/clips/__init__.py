"""People's appearances, cut out of the video."""
