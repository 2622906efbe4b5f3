import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { once, servers } from '../../../test/support/broker-servers.ts'
import type { TestScope } from '../../../test/support/database.ts'
import { stopSharedRabbit } from '../../../test/support/rabbitmq.ts'
import { until } from '../../../test/support/until.ts'
import {
  attemptsMax,
  type Broker,
  BrokerUnavailable,
  brokerAdapters,
  inFlightMax,
  type Message,
  MessageTooLarge,
  MessageUnusable,
  messageBytesMax,
  openBroker,
} from './port.ts'

after(stopSharedRabbit)

test('every broker adapter has a broker to be tested on', () => {
  assert.deepEqual(Object.keys(servers).sort(), Object.keys(brokerAdapters).sort())
  assert.deepEqual(new Set(Object.values(servers)), new Set(Object.values(once)))
})

for (const [name, { url: urlFor, disturb, missing: skip = false }] of Object.entries(once)) {
  const fresh = async (t: TestScope) => {
    const url = await urlFor(t)
    return { url, open: () => openBroker(url, { applicationName: 'test', retryBaseMs: 4 }) }
  }

  test(`${name}: a listener gets every message on its topics from then on, in its publisher's order, as it was`, {
    skip,
  }, async (t) => {
    const { open } = await fresh(t)
    await using publisher = await open()
    await using listener = await open()
    await publisher.publish([{ topic: 'a', payload: 'before' }])
    const heard: Message[] = []
    await using _one = await listener.listen(['a', 'b'], async (message) => void heard.push(message))
    const payloads = [
      { n: 1, text: 'Łódź 書 😀 "\\' },
      null,
      [1, 'two'],
      'three',
      4.5,
      true,
      { ids: ids(500) },
    ]
    await publisher.publish(payloads.map((payload) => ({ topic: 'a', payload })))
    await publisher.publish([
      { topic: 'c', payload: 0 },
      { topic: 'b', payload: 'last' },
    ])
    await until(() => heard.length === payloads.length + 1)
    assert.deepEqual(
      heard.map((m) => m.payload),
      [...payloads, 'last'],
    )
    assert.equal(new Set(heard.map((m) => m.id)).size, heard.length)
    assert.ok(Math.abs(Date.parse(heard[0]?.publishedAt ?? '') - Date.now()) < 60_000)
  })

  test(`${name}: every listener gets its own copy, until it is disposed`, { skip }, async (t) => {
    const { open } = await fresh(t)
    await using broker = await open()
    await using other = await open()
    const heard: unknown[][] = [[], [], []]
    const subscriptions = await Promise.all(
      [broker, broker, other].map((b, i) => b.listen(['a'], async (m) => void heard[i]?.push(m.payload))),
    )
    await broker.publish([{ topic: 'a', payload: 1 }])
    await until(() => heard.every((each) => each.length === 1))
    await subscriptions[0]?.[Symbol.asyncDispose]()
    await other.publish([{ topic: 'a', payload: 2 }])
    await until(() => heard[1]?.length === 2 && heard[2]?.length === 2)
    assert.deepEqual(heard, [[1], [1, 2], [1, 2]])
  })

  test(`${name}: a queue keeps messages while nobody subscribes, and each goes to one of its subscribers`, {
    skip,
  }, async (t) => {
    const { open } = await fresh(t)
    await using publisher = await open()
    const early = await publisher.subscribe('q', ['a'], async () => undefined)
    await early[Symbol.asyncDispose]()
    const count = 300
    for (let i = 0; i < 3; i++)
      await publisher.publish(ids(count / 3).map((id) => ({ topic: 'a', payload: `${i}:${id}` })))
    const handled: string[][] = [[], []]
    const atWork = [0, 0]
    let mostAtWork = 0
    const both = Promise.withResolvers<void>()
    await using first = await open()
    await using second = await open()
    for (const [i, broker] of [first, second].entries())
      await broker.subscribe('q', ['a'], async (m) => {
        handled[i]?.push(String(m.payload))
        atWork[i] = (atWork[i] ?? 0) + 1
        mostAtWork = Math.max(mostAtWork, ...atWork)
        // Whoever is quicker waits for the other, so that speed does not decide whether both take part.
        if (handled.every((each) => each.length > 0)) both.resolve()
        await Promise.race([both.promise, sleep(5_000)])
        atWork[i] = (atWork[i] ?? 0) - 1
      })
    await until(() => handled.flat().length >= count)
    await sleep(100)
    assert.equal(new Set(handled.flat()).size, count)
    assert.equal(handled.flat().length, count)
    assert.ok(
      handled.every((each) => each.length > 0),
      'both took part',
    )
    assert.ok(mostAtWork <= inFlightMax, `${mostAtWork} at a time`)
  })

  test(`${name}: two queues on one topic each get the message`, { skip }, async (t) => {
    const { open } = await fresh(t)
    await using broker = await open()
    const got: string[] = []
    await broker.subscribe('q1', ['a'], async () => void got.push('q1'))
    await broker.subscribe('q2', ['a', 'b'], async () => void got.push('q2'))
    await broker.publish([
      { topic: 'a', payload: 0 },
      { topic: 'b', payload: 0 },
    ])
    await until(() => got.length === 3)
    assert.deepEqual(got.sort(), ['q1', 'q2', 'q2'])
  })

  test(`${name}: a message whose handler throws is tried again, and another does not wait for it`, {
    skip,
  }, async (t) => {
    const { open } = await fresh(t)
    await using broker = await open()
    const seen: string[] = []
    await broker.subscribe('q', ['a'], async ({ payload, attempt }) => {
      seen.push(`${payload} ${attempt}`)
      if (payload === 'hard' && attempt < 3) throw new Error('not yet')
    })
    await broker.publish([
      { topic: 'a', payload: 'hard' },
      { topic: 'a', payload: 'easy' },
    ])
    await until(() => seen.includes('hard 3'))
    assert.deepEqual(seen.sort(), ['easy 1', 'hard 1', 'hard 2', 'hard 3'])
    assert.deepEqual(await broker.deadLetters('q'), [])
  })

  test(`${name}: a message that always fails ends in the dead letters of its queue, with the reason`, {
    skip,
  }, async (t) => {
    const { open } = await fresh(t)
    await using broker = await open()
    let attempts = 0
    await broker.subscribe('q', ['a'], async () => {
      attempts++
      throw new Error('never')
    })
    await broker.publish([{ topic: 'a', payload: { poison: true } }])
    await until(async () => (await broker.deadLetters('q')).length === 1)
    const [letter] = await broker.deadLetters('q')
    assert.equal(attempts, attemptsMax)
    assert.deepEqual(letter?.payload, { poison: true })
    assert.equal(letter?.error, 'never')
    assert.equal(letter?.attempt, attemptsMax)
    assert.equal(letter?.queue, 'q')
    assert.deepEqual(await broker.deadLetters('other'), [])
  })

  test(`${name}: it says how many messages of a queue wait, and of one that is not there none`, {
    skip,
  }, async (t) => {
    const { open } = await fresh(t)
    await using broker = await open()
    assert.equal(await broker.waiting('q'), 0)
    await (await broker.subscribe('q', ['a'], async () => {}))[Symbol.asyncDispose]()
    await broker.publish([1, 2, 3].map((payload) => ({ topic: 'a', payload })))
    await until(async () => (await broker.waiting('q')) === 3)
    await broker.subscribe('q', ['a'], async () => {})
    await until(async () => (await broker.waiting('q')) === 0)
  })

  test(`${name}: a message that its handler can never use is not tried again; given back it is, and thrown away it is gone`, {
    skip,
  }, async (t) => {
    const { open } = await fresh(t)
    await using broker = await open()
    const seen: unknown[] = []
    let isUsable = false
    await broker.subscribe('q', ['a'], async ({ payload, attempt }) => {
      seen.push([payload, attempt])
      if (!isUsable) throw new MessageUnusable('no such version')
    })
    await broker.publish([
      { topic: 'a', payload: 1 },
      { topic: 'a', payload: 2 },
    ])
    await until(async () => (await broker.deadLetters('q')).length === 2)
    const letters = await broker.deadLetters('q')
    assert.deepEqual(
      new Set(letters.map(({ error, attempt }) => `${error} ${attempt}`)),
      new Set(['no such version 1']),
    )
    const idOf = (payload: unknown) => letters.find((letter) => letter.payload === payload)?.id ?? ''
    isUsable = true
    assert.equal(await broker.clearDeadLetters('q', [idOf(1), 'unknown', '999999'], 'retry'), 1)
    assert.equal(await broker.clearDeadLetters('q', [idOf(2)], 'discard'), 1)
    assert.equal(await broker.clearDeadLetters('q', [idOf(2)], 'retry'), 0)
    await until(() => seen.length === 3)
    assert.deepEqual(seen.at(-1), [1, 1])
    await until(async () => (await broker.deadLetters('q')).length === 0)
  })

  test(`${name}: a message that is too large is refused, and none that was published with it is taken`, {
    skip,
  }, async (t) => {
    const { open } = await fresh(t)
    await using broker = await open()
    const heard: unknown[] = []
    await broker.listen(['a'], async ({ payload }) => void heard.push(payload))
    const large = { topic: 'a', payload: 'x'.repeat(messageBytesMax) }
    await assert.rejects(broker.publish([{ topic: 'a', payload: 'lost?' }, large]), MessageTooLarge)
    await broker.publish([{ topic: 'a', payload: 'small' }])
    await until(() => heard.length > 0)
    assert.deepEqual(heard, ['small'])
  })

  test(`${name}: after its connections are cut, everything published arrives at listeners and queues`, {
    skip,
  }, async (t) => {
    const { url, open } = await fresh(t)
    await using publisher = await open()
    await using consumer = await open()
    const listened = new Set<unknown>()
    const queued = new Set<unknown>()
    await consumer.listen(['a'], async (m) => void listened.add(m.payload))
    await consumer.subscribe('q', ['a'], async (m) => void queued.add(m.payload))
    for (let i = 0; i < 60; i++) {
      if (i % 20 === 10) await disturb(url)
      await publishInTheEnd(publisher, i)
    }
    await until(() => listened.size === 60 && queued.size === 60)
  })

  test(`${name}: disposing waits for the handlers at work, and a closed broker says so`, {
    skip,
  }, async (t) => {
    const { open } = await fresh(t)
    const broker = await open()
    const events: string[] = []
    const subscription = await broker.subscribe('q', ['a'], async () => {
      events.push('begun')
      await sleep(50)
      events.push('finished')
    })
    await broker.publish([{ topic: 'a', payload: 0 }])
    await until(() => events.length === 1)
    const last = broker.publish([{ topic: 'b', payload: 'what was taken is published' }])
    await subscription[Symbol.asyncDispose]()
    assert.deepEqual(events, ['begun', 'finished'])
    await broker[Symbol.asyncDispose]()
    await last
    await assert.rejects(broker.publish([{ topic: 'a', payload: 0 }]), BrokerUnavailable)
  })
}

test('an unknown scheme is refused with the schemes there are', async () => {
  await assert.rejects(openBroker('kafka://x', { applicationName: 'test' }), /"kafka:".*postgres:/)
})

async function publishInTheEnd(broker: Broker, payload: unknown): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await broker.publish([{ topic: 'a', payload }])
    } catch (error) {
      // A broker that is cut off says so, and nothing else.
      if (attempt === 50 || !(error instanceof BrokerUnavailable)) throw error
      await sleep(50)
    }
  }
}

function ids(count: number): string[] {
  return Array.from({ length: count }, () => randomUUID())
}
