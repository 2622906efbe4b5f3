-- Every order of a list and every choice in it has an index, so that a page costs what it shows. Copies are sold when an
-- order is confirmed; taking copies for a reservation touches no column of these, and goes on in place.
-- works with programs from 004
CREATE INDEX stock_bestselling ON catalog.stock ((-sold), isbn);
CREATE INDEX books_language ON catalog.books (lower(language) text_pattern_ops);
CREATE INDEX books_format ON catalog.books (format);
CREATE INDEX books_limited ON catalog.books (isbn) WHERE limited;
