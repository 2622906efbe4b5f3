import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { eachLine, openLog, wantsColour } from './log.ts'

test('each line carries the name of its process, aligned', () => {
  let text = ''
  const log = openLog((more) => (text += more), ['book-db', 'catalog.1'], false)
  log.line('book-db', 'up')
  log.line('catalog.1', 'up too')
  log.say('open')
  assert.equal(text, 'book-db   | up\ncatalog.1 | up too\nopen\n')
})

test('a line of JSON is kept as it is and shown as people read it', () => {
  let text = ''
  const kept: string[] = []
  const keep = (line: string) => void kept.push(line)
  const log = openLog((more) => (text += more), ['orders'], false, { isPretty: true, keep })
  log.line(
    'orders',
    '{"level":"warn","time":"2026-01-02T03:04:05.678Z","message":"a hold is late","orderId":"o1"}',
  )
  log.line('orders', '{"level":"wa')
  assert.equal(text, 'orders | 03:04:05 warn a hold is late orderId=o1\norders | {"level":"wa\n')
  const [first, second] = kept.map((line) => JSON.parse(line))
  assert.deepEqual([first.process, first.orderId], ['orders', 'o1'])
  assert.deepEqual([second.process, second.message], ['orders', '{"level":"wa'])
})

test('instances of one role share a colour, and roles differ', () => {
  const lines: string[] = []
  const log = openLog((more) => lines.push(more), ['catalog.1', 'catalog.2', 'gateway'], true)
  for (const name of ['catalog.1', 'catalog.2', 'gateway']) log.line(name, 'x')
  const colours = lines.map((line) => line.slice(2, line.indexOf('m')))
  assert.equal(colours[0], colours[1])
  assert.notEqual(colours[0], colours[2])
})

test('there is no colour in a file, with NO_COLOR, or on a terminal that has none', () => {
  assert.equal(wantsColour({ isTTY: true }, {}), true)
  assert.equal(wantsColour({}, {}), false)
  assert.equal(wantsColour({ isTTY: true }, { NO_COLOR: '1' }), false)
  assert.equal(wantsColour({ isTTY: true }, { TERM: 'dumb' }), false)
})

test('a stream is cut into lines wherever its pieces end', async () => {
  const stream = new PassThrough()
  const lines: string[] = []
  eachLine(stream, (line) => lines.push(line))
  stream.write('one\ntw')
  stream.write('o\n\nthr')
  stream.end('ee')
  await new Promise((resolve) => stream.once('end', resolve))
  assert.deepEqual(lines, ['one', 'two', '', 'three'])
})
