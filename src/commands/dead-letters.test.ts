import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { MessageUnusable, openBroker } from '#ports/broker'
import { queues } from '#roles'
import { once } from '../../test/support/broker-servers.ts'
import { stopSharedRabbit } from '../../test/support/rabbitmq.ts'
import { until } from '../../test/support/until.ts'

after(stopSharedRabbit)

const main = join(import.meta.dirname, '..', 'main.ts')
const [queue = ''] = queues

async function deadLetters(url: string, ...args: string[]): Promise<{ code: number | null; said: string }> {
  const child = spawn(process.execPath, [main, 'dead-letters', ...args], {
    env: { PATH: process.env.PATH, OCTAVO_BROKER: url },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 60_000,
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      said += chunk
    })
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  return { code, said }
}

// What is in memory has no other process.
for (const [name, { missing, url }] of Object.entries(once))
  test(`${name}: dead letters are listed with their reason, retried and thrown away by command`, {
    skip: name === 'memory' || missing,
  }, async (t) => {
    const at = await url(t)
    await using broker = await openBroker(at, { applicationName: 'test' })
    assert.deepEqual(await deadLetters(at), { code: 0, said: 'No queue has dead letters.\n' })
    const taken: unknown[] = []
    let isMended = false
    await using _ = await broker.subscribe(queue, ['test.topic'], async ({ payload }) => {
      if (!isMended) throw new MessageUnusable(`nobody can use ${payload}`)
      taken.push(payload)
    })
    await broker.publish(['first', 'second'].map((payload) => ({ topic: 'test.topic', payload })))
    await until(async () => (await broker.deadLetters(queue)).length === 2)
    const listed = await deadLetters(at)
    assert.equal(listed.code, 0, listed.said)
    assert.match(listed.said, /test\.topic of .*, attempt 1: nobody can use first\n {4}"first"/)
    const letters = JSON.parse((await deadLetters(at, '--json')).said) as { id: string; payload: unknown }[]
    const first = letters.find(({ payload }) => payload === 'first')?.id ?? ''
    isMended = true
    const retried = await deadLetters(at, 'retry', queue, first)
    assert.deepEqual(retried, { code: 0, said: `1 of 1 given back to ${queue}.\n` })
    await until(() => taken.length === 1)
    assert.deepEqual(taken, ['first'])
    assert.equal((await deadLetters(at, 'retry', queue, first)).code, 1, 'it is there no more')
    assert.equal((await deadLetters(at, 'discard', queue, 'all')).code, 0)
    assert.equal((await deadLetters(at)).said, 'No queue has dead letters.\n')
    assert.equal((await deadLetters(at, 'retry', 'nonsense', 'all')).code, 2)
  })
