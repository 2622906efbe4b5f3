import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { openLog } from '#ports/log'
import { rawExchange, startGateway, until } from '../../../test/support/gateway.ts'
import { createRefusalLog } from './refusal-log.ts'

type Line = { place: string; status: number; more: number; message: string }

function linesOf(t: TestContext): Line[] {
  const lines: Line[] = []
  const write = (line: string) => {
    const each = JSON.parse(line) as Line
    if (each.message === 'requests are refused') lines.push(each)
  }
  openLog({ level: 'info', format: 'json', fields: {}, write })
  t.after(() => openLog({ level: 'silent', format: 'json', fields: {}, write: () => {} }))
  return lines
}

test('of each place and kind the first refusal is in the log, and once a minute how many more there were', (t) => {
  const lines = linesOf(t)
  let nowMs = 0
  const note = createRefusalLog(() => nowMs)
  for (let i = 0; i < 50; i++) note('192.0.2.1', 429)
  note('192.0.2.1', 400)
  note('192.0.2.9', 429)
  for (const status of [200, 304, 401, 404, 409, 500, 503]) note('192.0.2.1', status)
  const told = () => lines.map(({ place, status, more }) => [place, status, more])
  assert.deepEqual(told(), [
    ['192.0.2.1', 429, 0],
    ['192.0.2.1', 400, 0],
    ['192.0.2.9', 429, 0],
  ])
  nowMs = 61_000
  note('192.0.2.1', 429)
  assert.deepEqual(told().at(-1), ['192.0.2.1', 429, 49])
})

test('a crowd of places, however often each comes, fills neither the log nor the memory', (t) => {
  const lines = linesOf(t)
  let nowMs = 0
  const note = createRefusalLog(() => nowMs)
  const crowd = () => {
    for (let i = 0; i < 2_500; i++) note(`10.0.${i >> 8}.${i & 255}`, 429)
  }
  for (let i = 0; i < 4; i++) crowd()
  assert.equal(lines.length, 1_001)
  assert.deepEqual([lines.at(-1)?.place, lines.at(-1)?.more], ['others', 0])
  nowMs = 61_000
  crowd()
  assert.ok(lines.length <= 2_002, `${lines.length} lines after another minute`)
  assert.ok(lines.some(({ place, more }) => place === 'others' && more === 5_999))
})

test('what is no request, and what the door refuses, are both told', async (t) => {
  const gateway = await startGateway(t, '')
  const lines = linesOf(t)
  await rawExchange(gateway.url, 'NONSENSE\r\n\r\n')
  await rawExchange(gateway.url, `GET / HTTP/1.1\r\nhost: a\r\nexpect: tea\r\nconnection: close\r\n\r\n`)
  await until(() => lines.length === 2)
  assert.deepEqual(
    lines.map(({ place, status }) => [place, status]),
    [
      ['127.0.0.1', 400],
      ['127.0.0.1', 417],
    ],
  )
})
