"""The verbs of the command line, one a file; what a verb needs is imported when it runs."""
