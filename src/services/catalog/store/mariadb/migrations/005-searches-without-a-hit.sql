-- What readers looked for and did not find, counted by day: words alone, of nobody, and so many a day at most.
-- works with programs from 001
CREATE TABLE IF NOT EXISTS search_misses (
  -- YYYY-MM-DD, UTC.
  day char(10) NOT NULL,
  -- Folded, as they are compared.
  words varchar(80) NOT NULL,
  times int NOT NULL,
  PRIMARY KEY (day, words)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
