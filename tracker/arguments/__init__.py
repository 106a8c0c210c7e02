"""What each command can be told, and examples of it: a module a command; nothing heavy."""
