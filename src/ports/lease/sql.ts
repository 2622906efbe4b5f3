/** Where turns and leases are kept: the tables `fences` and `leases` of a service's schema. */
export type TurnTables = { readonly dialect: 'postgres' | 'mariadb'; readonly schema: string }

type Sql = Readonly<
  Record<'begin' | 'begun' | 'hold' | 'advance' | 'make' | 'look' | 'take' | 'giveBack', string>
>

/** What is asked of them. Times are the database's own, so clocks need not agree. */
export function sqlOf({ dialect, schema }: TurnTables): Sql {
  return dialect === 'postgres' ? postgres(schema) : mariadb
}

const postgres = (schema: string): Sql => ({
  begin: `INSERT INTO ${schema}.fences (name, number, holder) VALUES ($1, 1, $2)
    ON CONFLICT (name) DO UPDATE SET number = fences.number + 1, holder = excluded.holder, taken_at = now()`,
  begun: `SELECT number, place FROM ${schema}.fences WHERE name = $1`,
  hold: `SELECT 1 FROM ${schema}.fences WHERE name = $1 AND number = $2 FOR SHARE`,
  advance: `UPDATE ${schema}.fences SET place = $1 WHERE name = $2 AND number = $3`,
  make: `INSERT INTO ${schema}.leases (name) VALUES ($1) ON CONFLICT DO NOTHING`,
  look: `SELECT holder, runs_out_at <= now() AS "isFree" FROM ${schema}.leases WHERE name = $1`,
  take: `UPDATE ${schema}.leases SET holder = $1, runs_out_at = now() + make_interval(secs => $2::float8 / 1000)
    WHERE name = $3 AND (holder = $1 OR runs_out_at <= now())`,
  giveBack: `UPDATE ${schema}.leases SET runs_out_at = now() WHERE name = $1 AND holder = $2`,
})

const mariadb: Sql = {
  begin: `INSERT INTO fences (name, number, holder) VALUES (?, 1, ?)
    ON DUPLICATE KEY UPDATE number = number + 1, holder = VALUES(holder), taken_at = now(6)`,
  begun: 'SELECT number, place FROM fences WHERE name = ?',
  hold: 'SELECT 1 FROM fences WHERE name = ? AND number = ? LOCK IN SHARE MODE',
  advance: 'UPDATE fences SET place = ? WHERE name = ? AND number = ?',
  make: 'INSERT IGNORE INTO leases (name) VALUES (?)',
  look: 'SELECT holder, runs_out_at <= now(6) AS isFree FROM leases WHERE name = ?',
  take: `UPDATE leases SET holder = ?, runs_out_at = now(6) + INTERVAL ? * 1000 MICROSECOND
    WHERE name = ? AND (holder = ? OR runs_out_at <= now(6))`,
  giveBack: 'UPDATE leases SET runs_out_at = now(6) WHERE name = ? AND holder = ?',
}
