"""C# as policy expressions use it: lexer, parser, static types, members and evaluation."""
