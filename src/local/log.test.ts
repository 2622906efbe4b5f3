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
