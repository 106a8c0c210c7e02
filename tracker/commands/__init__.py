"""What each command does with what it was given; heavy packages are imported only when it runs."""
