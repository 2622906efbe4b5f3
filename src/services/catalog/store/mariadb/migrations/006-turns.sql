-- What one process does at a time: who may be at it, and the number of each turn, which later ones exceed.
-- works with programs from 001
CREATE TABLE IF NOT EXISTS leases (
  name varchar(64) PRIMARY KEY,
  holder varchar(200) NOT NULL DEFAULT '',
  runs_out_at datetime(6) NOT NULL DEFAULT now(6)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE IF NOT EXISTS fences (
  name varchar(64) PRIMARY KEY,
  number bigint NOT NULL,
  holder varchar(200) NOT NULL,
  taken_at datetime(6) NOT NULL DEFAULT now(6),
  -- How far the work has come, in its own words.
  place varchar(200) NOT NULL DEFAULT ''
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
