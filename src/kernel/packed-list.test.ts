import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { packTexts, packUuids } from './packed-list.ts'

test('UUIDs are packed as their sixteen bytes, each behind its length', () => {
  const uuids = Array.from({ length: 50 }, () => randomUUID())
  const { count, bytes } = packUuids(uuids)
  const expected = uuids.map((uuid) => `00000010${uuid.replaceAll('-', '')}`).join('')
  assert.equal(count, 50)
  assert.equal(bytes.toString('hex'), expected)
  assert.equal(packUuids(uuids.map((uuid) => uuid.toUpperCase())).bytes.toString('hex'), expected)
})

test('what is no UUID is refused, too short, too long or with other letters', () => {
  const uuid = '0198c5f2-1c3a-7b1e-8f00-0123456789ab'
  for (const wrong of ['', uuid.slice(0, -2), `${uuid}00`, uuid.replace('c', 'g'), uuid.replace('c', 'é')])
    assert.throws(() => packUuids([wrong]), /not a UUID/)
})

test('texts are packed as UTF-8, whatever they hold', () => {
  const texts = ['', 'Ada', '“Ünï” 書 📚', '\n"\\']
  const { count, bytes } = packTexts(texts)
  assert.equal(count, texts.length)
  let offset = 0
  for (const text of texts) {
    const length = bytes.readInt32BE(offset)
    assert.equal(bytes.toString('utf8', offset + 4, offset + 4 + length), text)
    offset += 4 + length
  }
  assert.equal(offset, bytes.length)
})
