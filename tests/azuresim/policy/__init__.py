"""Policy documents: their text, what statements look like, what is refused on PUT, expressions. Pure, no world."""
