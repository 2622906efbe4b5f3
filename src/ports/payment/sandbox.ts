import type { Money } from '#kernel/money'
import { type Database, DatabaseBusy, DatabaseUnavailable, openDatabase } from '#ports/database'
import {
  type AuthoriseResult,
  type Payment,
  type PaymentMethod,
  type PaymentState,
  PaymentUnavailable,
  type TokeniseResult,
} from './payment.ts'
import { hasLuhnDigit, type TestCard, testCards } from './sandbox-cards.ts'

/** Any constant that nobody else uses on the server; the broker may be on it too. */
const schemaLock = 761_230_874

/**
 * The built-in test provider. It keeps its books in a schema of its own, as a provider would in its own house: keys
 * survive the death of any of our processes, and captured minus refunded can be audited.
 */
export async function openTestPayment(databaseUrl: string): Promise<Payment> {
  const database = await openDatabase(databaseUrl, { applicationName: 'test-payment', connectionsMax: 4 })
  let ready: Promise<void> | undefined
  const books = () => {
    ready ??= createBooks(database).catch((error: unknown) => {
      ready = undefined
      throw error
    })
    return ready
  }
  /** What is away is the provider, to whoever asks it. */
  const ask = async <T>(question: () => Promise<T>): Promise<T> => {
    try {
      await books()
      return await question()
    } catch (error) {
      if (error instanceof DatabaseUnavailable || error instanceof DatabaseBusy)
        throw new PaymentUnavailable(`the provider's books: ${error.message}`, { cause: error })
      throw error
    }
  }
  const stateOf = async (key: string) => (await read(database, key))?.state

  return {
    tokenise,
    authorise: (key, amount, token) =>
      ask(() => authorise(database, key, amount, testCards[token] ?? { kind: 'approved' })),
    capture: (key) =>
      ask(async () => {
        await move(database, key, ['authorised'], 'captured')
        return (await stateOf(key)) === 'captured' ? { kind: 'captured' } : { kind: 'not-authorised' }
      }),
    void: (key) => ask(() => giveUp(database, key)),
    refund: (key) => ask(() => move(database, key, ['captured'], 'refunded')),
    state: (key) => ask(() => stateOf(key)),
    async [Symbol.asyncDispose]() {
      await database[Symbol.asyncDispose]()
    },
  }
}

function tokenise({ method, card }: PaymentMethod): TokeniseResult {
  if (method !== 'test') return { kind: 'error', field: 'method', message: 'is not offered here; use "test"' }
  const digits = card.replaceAll(/[\s-]/g, '')
  if (!/^\d{12,19}$/.test(digits) || !hasLuhnDigit(digits))
    return { kind: 'error', field: 'card', message: 'is not a card number' }
  // Only the known test numbers may be kept; any other one is approved, and its digits are forgotten here.
  return { kind: 'ok', token: digits in testCards ? digits : 'approved' }
}

async function authorise(
  database: Database,
  key: string,
  amount: Money,
  card: TestCard,
): Promise<AuthoriseResult> {
  if (card.kind === 'silent') throw new PaymentUnavailable('the provider did not answer')
  const state = card.kind === 'declined' ? 'declined' : 'authorised'
  const inserted = await database.execute(
    `INSERT INTO test_payment.payments (key, state, amount, currency) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
    [key, state, amount.amount, amount.currency],
  )
  if (inserted === 1 && card.kind === 'answer-lost') throw new PaymentUnavailable('the answer was lost')
  const found = await read(database, key)
  if (found?.state === 'declined' && card.kind === 'declined')
    return { kind: 'declined', reason: card.reason }
  if (found?.state === 'voided') return { kind: 'declined', reason: 'The payment was given up.' }
  return { kind: 'authorised' }
}

async function read(database: Database, key: string): Promise<{ state: PaymentState } | undefined> {
  const [row] = await database.query<{ state: PaymentState }>(
    'SELECT state FROM test_payment.payments WHERE key = $1',
    [key],
  )
  return row
}

async function move(database: Database, key: string, from: PaymentState[], to: PaymentState): Promise<void> {
  await database.execute(
    'UPDATE test_payment.payments SET state = $3 WHERE key = $1 AND state = ANY($2::text[])',
    [key, from, to],
  )
}

/** A row of its own for a key never seen: it forbids an authorisation that arrives later. */
async function giveUp(database: Database, key: string): Promise<void> {
  await database.execute(
    `INSERT INTO test_payment.payments (key, state, amount, currency) VALUES ($1, 'voided', 0, 'XXX')
     ON CONFLICT (key) DO UPDATE SET state = 'voided'
       WHERE payments.state IN ('authorised')`,
    [key],
  )
}

async function createBooks(database: Database): Promise<void> {
  await database.transaction(async (tx) => {
    await tx.query('SELECT pg_advisory_xact_lock($1)', [schemaLock])
    await tx.query('CREATE SCHEMA IF NOT EXISTS test_payment')
    await tx.query(`CREATE TABLE IF NOT EXISTS test_payment.payments (
      key text PRIMARY KEY, state text NOT NULL, amount bigint NOT NULL, currency text NOT NULL,
      at timestamptz NOT NULL DEFAULT now())`)
  })
}
