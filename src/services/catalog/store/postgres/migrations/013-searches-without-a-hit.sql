-- What readers looked for and did not find, counted by day: words alone, of nobody, and so many a day at most.
-- works with programs from 008
CREATE TABLE catalog.search_misses (
  -- YYYY-MM-DD, UTC.
  day text NOT NULL,
  -- Folded, as they are compared.
  words text NOT NULL,
  times int NOT NULL,
  PRIMARY KEY (day, words)
);
