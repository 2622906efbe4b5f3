import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import {
  abortRoute,
  commitRoute,
  type Decision,
  type InDoubt,
  inDoubtRoute,
  type Participant,
  prepareRoute,
  type Vote,
} from '#kernel/transaction'
import { systemClock, uuid7TimeMs } from '#ports/clock'
import { type Database, migrate, openDatabase } from '#ports/database'
import { openDiscovery } from '#ports/discovery'
import { createHttpServer, type HttpServer, serviceClient } from '#ports/http'
import { createRecovery } from '../../src/services/catalog/stock/recovery.ts'
import { remoteParticipant } from '../../src/services/coordinator/remote.ts'
import { commitAll, type Decided, decide, prepareAll } from '../../src/services/coordinator/two-phase.ts'
import { createDecisionLog } from '../../src/services/orders/decisions.ts'
import { type TestScope, testDatabase } from '../support/database.ts'

const secret = 'a secret for tests'
const names = ['north', 'south', 'west'] as const

test('a transfer over three services happens everywhere', async (t) => {
  const bank = await openBank(t)
  const outcome = await bank.transfer([-30, 10, 20])
  assert.equal(outcome.kind, 'committed')
  assert.deepEqual(await bank.balances(), [70, 110, 120])
  assert.deepEqual(await bank.inDoubt(), 0)
})

test('a transfer that one of three votes against happens nowhere', async (t) => {
  const bank = await openBank(t)
  const outcome = await bank.transfer([10, -130, 120])
  assert.deepEqual(outcome, { kind: 'refused', refusal: 'south' })
  assert.deepEqual(await bank.balances(), [100, 100, 100])
  assert.deepEqual(await bank.inDoubt(), 0)
})

test('a participant that is away makes the others abort', async (t) => {
  const bank = await openBank(t)
  await bank.stop('west')
  await assert.rejects(bank.transfer([-30, 10, 20]), { name: 'Unavailable' })
  assert.deepEqual(await bank.balances(), [100, 100, 100])
  assert.deepEqual(await bank.inDoubt(), 0)
})

test('a participant that dies between prepare and commit follows the decision when it is back', async (t) => {
  const bank = await openBank(t)
  const outcome = await bank.transfer([-30, 10, 20], { decided: () => bank.stop('south') })
  assert.equal(outcome.kind, 'committed')
  assert.deepEqual(await bank.balances(), [70, 100, 120])
  assert.deepEqual(await bank.inDoubt(), 1)
  const [finished] = await bank.recover('south')
  assert.equal(finished?.decision, 'committed')
  assert.deepEqual(await bank.balances(), [70, 110, 120])
})

test('a coordinator that dies before it decides leaves nothing behind, and is too late ever after', async (t) => {
  const bank = await openBank(t)
  const id = systemClock.uuid()
  for (const [i, name] of names.entries()) await bank.participant(name).prepare(id, [[-30, 10, 20][i] ?? 0])
  for (const name of names) assert.equal((await bank.recover(name))[0]?.decision, 'aborted')
  assert.deepEqual(await bank.balances(), [100, 100, 100])
  assert.equal(await bank.log.record(id, names), 'fenced')
})

test('a decision that was recorded and not heard of is asked for, not assumed', async (t) => {
  const bank = await openBank(t)
  const outcome = await bank.transfer([-30, 10, 20], {
    decided: () => {
      throw new Error('the connection broke')
    },
  })
  assert.equal(outcome.kind, 'committed')
  assert.deepEqual(await bank.balances(), [70, 110, 120])
})

test('one transaction that cannot be finished does not keep the others in doubt', async (t) => {
  const bank = await openBank(t)
  const south = bank.participant('south')
  const [stuck, free] = [systemClock.uuid(), systemClock.uuid()]
  await south.prepare(stuck, [1])
  await bank.database('south').execute('INSERT INTO accounts VALUES (2, 5)')
  await bank.database('south').prepare(preparedName('south', free), async (tx) => {
    await tx.execute('UPDATE accounts SET balance = 6 WHERE id = 2')
    return { kind: 'prepared' }
  })
  const finished = await recover(south, async (id) => {
    if (id === stuck) throw new Error('nobody knows')
    return await bank.log.resolve(id)
  })
  assert.deepEqual(
    finished.map(({ id }) => id),
    [free],
  )
  await south.abort(stuck)
})

type Name = (typeof names)[number]
/** The databases share a server, which wants every prepared transaction to have a name of its own. */
const preparedName = (name: Name, id: string) => `octavo:${name}:${id}`
type Change = number
type Refusal = Name

/** Three services with an account each, in three databases, and a log of decisions in a fourth. */
async function openBank(t: TestScope) {
  const orders = await open(t, 'log')
  await migrate(orders, new URL('../../src/services/orders/migrations/', import.meta.url), 'orders')
  const log = createDecisionLog(orders)
  const databases = new Map<Name, Database>()
  const servers = new Map<Name, HttpServer>()
  const entries: string[] = []
  for (const name of names) {
    const database = await open(t, name)
    await database.query('CREATE TABLE accounts (id int PRIMARY KEY, balance int NOT NULL)')
    await database.execute('INSERT INTO accounts VALUES (1, 100)')
    databases.set(name, database)
    const server = serve(name, account(name, database))
    servers.set(name, server)
    t.after(() => server[Symbol.asyncDispose]())
    entries.push(`${name}=${await server.listen({ host: '127.0.0.1', port: 0 })}`)
  }
  const discovery = await openDiscovery(`static:${entries.join(';')}`, { secret })
  const client = serviceClient({ discovery, secret })
  t.after(() => client[Symbol.asyncDispose]())
  const participant = (name: Name) => remoteParticipant<Change, Vote<boolean>>(client, name)
  const database = (name: Name) => databases.get(name) as Database
  return {
    ...{ log, participant, database },
    /** @param options.decided is called once the decision is durable */
    async transfer(changes: readonly number[], options: { decided?: () => Promise<void> | void } = {}) {
      const parts = names.map((name, i) => ({ participant: participant(name), requests: [changes[i] ?? 0] }))
      const prepared = await prepareAll(systemClock.uuid(), parts)
      if (prepared.kind === 'nothing') return prepared
      const against = names.find((_, i) => prepared.votes[i]?.kind === 'nothing')
      const outcome = await decide<Refusal>(
        prepared,
        log,
        async (participants): Promise<Decided<Refusal>> => {
          if (against !== undefined) return { kind: 'refused', refusal: against }
          const recorded = await log.record(prepared.id, participants)
          await options.decided?.()
          return { kind: recorded === 'recorded' ? 'committed' : 'fenced' }
        },
      )
      if (outcome.kind === 'committed') await commitAll(prepared)
      return outcome
    },
    async stop(name: Name) {
      await servers.get(name)?.[Symbol.asyncDispose]()
    },
    recover: (name: Name) => recover(account(name, database(name)), log.resolve),
    balances: () =>
      Promise.all(
        names.map(async (name) => {
          const [row] = await database(name).query<{ balance: number }>(
            'SELECT balance FROM accounts WHERE id = 1',
            [],
          )
          return row?.balance
        }),
      ),
    async inDoubt() {
      const all = await Promise.all(names.map((name) => database(name).prepared.inDoubt()))
      return all.flat().length
    },
  }
}

async function open(t: TestScope, name: string): Promise<Database> {
  const { url } = await testDatabase(t, `bank_${name}`)
  const database = await openDatabase(url, {
    applicationName: `bank-${name}-${randomUUID()}`,
    connectionsMax: 3,
  })
  t.after(() => database[Symbol.asyncDispose]())
  return database
}

/** An account that votes against going below zero. */
function account(name: Name, database: Database): Participant<Change, Vote<boolean>> {
  return {
    name,
    prepare: (id, [change = 0]) =>
      database.prepare(preparedName(name, id), async (tx): Promise<Vote<boolean>> => {
        const changed = await tx.execute(
          'UPDATE accounts SET balance = balance + $1 WHERE id = 1 AND balance + $1 >= 0',
          [change],
        )
        if (changed === 0) return { kind: 'nothing', answers: [false] }
        return { kind: 'prepared', answers: [true] }
      }),
    commit: async (id) => void (await database.prepared.commit(preparedName(name, id))),
    abort: async (id) => void (await database.prepared.abort(preparedName(name, id))),
    inDoubt: async () =>
      (await database.prepared.inDoubt()).map((prepared): InDoubt => {
        const id = prepared.replace(preparedName(name, ''), '')
        return { id, ageMs: systemClock.now() - uuid7TimeMs(id) }
      }),
  }
}

/** Finishes at once what is in doubt. */
const recover = (
  participant: Participant<Change, Vote<boolean>>,
  resolve: (id: string) => Promise<Decision>,
) => createRecovery({ participant, resolve, clock: systemClock, doubtMs: 0 })()

function serve(name: Name, participant: Participant<Change, Vote<boolean>>): HttpServer {
  const server = createHttpServer({ name, secret })
  server.add(prepareRoute, ({ params, body }) => participant.prepare(params.id, body.requests as Change[]))
  server.add(commitRoute, ({ params }) => participant.commit(params.id))
  server.add(abortRoute, ({ params }) => participant.abort(params.id))
  server.add(inDoubtRoute, async () => ({ inDoubt: await participant.inDoubt() }))
  return server
}
