-- Pictures of covers that were fetched from publishers, kept small and served by the shop itself.
-- works with programs from 001
CREATE TABLE IF NOT EXISTS pictures (
  isbn char(13) NOT NULL,
  type varchar(40) NOT NULL,
  bytes mediumblob NOT NULL,
  -- The address it was fetched from.
  source varchar(2000) NOT NULL,
  fetched_at datetime(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
  PRIMARY KEY (isbn),
  CONSTRAINT picture_of_book FOREIGN KEY (isbn) REFERENCES books (isbn) ON DELETE CASCADE
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
