"""The bodies of the command line's words: arguments in, the SDK's steps, printing out."""
