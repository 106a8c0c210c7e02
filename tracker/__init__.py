"""Follow every face in an edited video, and know each person again after every cut."""
