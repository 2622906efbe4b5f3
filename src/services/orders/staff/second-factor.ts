import { randomBytes } from 'node:crypto'
import { sha256 } from '#kernel/hash'
import { base32, codeKeyBytes, codeKeyUri, stepOf } from '#kernel/one-time-code'
import type { Clock } from '#ports/clock'
import type { Database } from '#ports/database'
import { logger } from '#ports/log'
import { type KeySeal, keySeal } from './sealed-key.ts'
import { endOtherSessions, endSessions } from './sessions.ts'

const log = logger('access')

/** The second factor of staff accounts: codes of an app (TOTP), and codes on paper for when it is lost. */
export type SecondFactor = {
  isAsked(email: string): Promise<boolean>
  /** Makes a key that asks nobody yet. @returns it for an app: to type in, and for a QR code */
  offer(email: string): Promise<{ secret: string; uri: string }>
  /**
   * Takes the offered key, for whoever shows a code of it; other sessions than that of `token` end.
   * @returns the codes to keep on paper; undefined where nothing is offered or the code is not of it
   */
  confirm(email: string, code: string, token: string): Promise<string[] | undefined>
  /** Whether this is a code of the account's app or paper; it is good once. Wrong ones slow the next ones down. */
  accept(email: string, code: string): Promise<boolean>
}

/** Tries of codes of an app, before none is looked at for a while; those on paper nobody guesses. */
const triesMax = 10
const restMinutes = 15
const offerMinutes = 15
const paperCodes = 10
/** As many bits as a plain hash of a secret needs to be safe. Source: OWASP ASVS 5.0, 6.5.2. */
const paperBytes = 15

type Parts = { database: Database; clock: Clock; publicUrl: string; secret: string }

export function createSecondFactor({ database, clock, publicUrl, secret }: Parts): SecondFactor {
  const seal = keySeal(secret)
  const issuer = `Octavo ${new URL(publicUrl).hostname}`
  const nowSeconds = () => clock.now() / 1_000
  return {
    async isAsked(email) {
      const [row] = await database.query<{ isAsked: boolean }>(
        'SELECT code_key IS NOT NULL AS "isAsked" FROM orders.staff WHERE email = $1',
        [email],
      )
      return row?.isAsked ?? false
    },
    async offer(email) {
      const key = Buffer.from(randomBytes(codeKeyBytes))
      await database.execute(
        'UPDATE orders.staff SET offered_key = $2, offered_at = now() WHERE email = $1',
        [email, seal.seal(key, email)],
      )
      return { secret: base32(key), uri: codeKeyUri(key, { issuer, account: email }) }
    },
    async confirm(email, code, token) {
      const offered = await offeredTo(database, email)
      const opened = offered && seal.open(offered, email)
      const step = opened && stepOf(bare(code), opened.key, nowSeconds())
      if (offered === undefined || step === undefined) return undefined
      const papers = Array.from({ length: paperCodes }, () => base32(randomBytes(paperBytes)))
      const isTaken = await database.transaction(async (statements) => {
        const taken = await statements.execute(
          `UPDATE orders.staff SET code_key = offered_key, offered_key = NULL, code_step = $3, code_tries = 0, paper_hashes = $4
            WHERE email = $1 AND offered_key = $2`,
          [email, offered, step, papers.map(hashOf)],
        )
        if (taken > 0) await endOtherSessions(statements, email, token)
        return taken > 0
      })
      return isTaken ? papers.map(inGroups) : undefined
    },
    async accept(email, code) {
      const text = bare(code)
      return /^\d{6}$/.test(text)
        ? await acceptOfApp(database, seal, { email, code: text, nowSeconds: nowSeconds() })
        : await acceptOfPaper(database, email, text)
    },
  }
}

/** Takes an account's second factor away, and ends its sessions. @returns whether there was one */
export async function resetSecondFactor(database: Database, email: string): Promise<boolean> {
  return await database.transaction(async (statements) => {
    const reset = await statements.execute(
      `UPDATE orders.staff SET code_key = NULL, offered_key = NULL, paper_hashes = '{}', code_tries = 0
        WHERE email = $1 AND code_key IS NOT NULL`,
      [email],
    )
    if (reset > 0) await endSessions(statements, email)
    return reset > 0
  })
}

async function offeredTo(database: Database, email: string): Promise<Uint8Array | undefined> {
  const [row] = await database.query<{ offered: Uint8Array }>(
    `SELECT offered_key AS offered FROM orders.staff
      WHERE email = $1 AND offered_key IS NOT NULL AND offered_at > now() - make_interval(mins => $2)`,
    [email, offerMinutes],
  )
  return row?.offered
}

/** Each try is counted before it is looked at, so that many at once are not more than one after the other. */
async function acceptOfApp(
  database: Database,
  seal: KeySeal,
  { email, code, nowSeconds }: { email: string; code: string; nowSeconds: number },
): Promise<boolean> {
  const [row] = await database.query<{ sealed: Uint8Array }>(
    `UPDATE orders.staff SET code_tried_at = now(),
            code_tries = CASE WHEN code_tried_at > now() - make_interval(mins => $3) THEN code_tries + 1 ELSE 1 END
      WHERE email = $1 AND code_key IS NOT NULL
        AND (code_tries < $2 OR code_tried_at <= now() - make_interval(mins => $3))
      RETURNING code_key AS sealed`,
    [email, triesMax, restMinutes],
  )
  if (row === undefined) return false
  const opened = seal.open(row.sealed, email)
  if (opened === undefined) {
    log.warn('a second factor was sealed with a secret that is gone; octavo staff reset takes it away', {})
    return false
  }
  const step = stepOf(code, opened.key, nowSeconds)
  if (step === undefined) return false
  // What an older secret has sealed is sealed anew, before that secret goes.
  const sealed = opened.isOld ? seal.seal(opened.key, email) : row.sealed
  const taken = await database.execute(
    `UPDATE orders.staff SET code_step = $2, code_tries = 0, code_key = $4
      WHERE email = $1 AND code_step < $2 AND code_key = $3`,
    [email, step, row.sealed, sealed],
  )
  return taken > 0
}

async function acceptOfPaper(database: Database, email: string, code: string): Promise<boolean> {
  const taken = await database.execute(
    `UPDATE orders.staff SET paper_hashes = array_remove(paper_hashes, $2), code_tries = 0
      WHERE email = $1 AND code_key IS NOT NULL AND $2 = ANY(paper_hashes)`,
    [email, hashOf(code)],
  )
  return taken > 0
}

const hashOf = (code: string) => Buffer.from(sha256(code), 'hex')

/** As people type it: with blanks and hyphens, in small letters. */
const bare = (code: string) => code.replace(/[\s-]/g, '').toUpperCase()

const inGroups = (code: string) => code.replace(/(.{4})(?=.)/g, '$1-')
