import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { packTexts, packUuids } from '#kernel/packed-list'
import { openDatabase } from '#ports/database'
import { testDatabase } from '../../../test/support/database.ts'
import { intArray, listenForRings, textArray, uuidArray } from './port.ts'

test('arrays sent in binary arrive as what they hold, empty ones and any text too', async (t) => {
  const { url } = await testDatabase(t, 'postgres')
  await using database = await openDatabase(url, { applicationName: 'test' })
  const ids = [randomUUID(), randomUUID()]
  const texts = ['', '{"a,b"}', '“Ünï” 書\n\\']
  const ints = [0, -1, 2 ** 31 - 1, -(2 ** 31)]
  const sent = [uuidArray(packUuids(ids)), textArray(packTexts(texts)), intArray(ints), intArray([])]
  const [row] = await database.query(
    'SELECT $1::uuid[]::text[] AS ids, $2::text[] AS texts, $3::int[] AS ints, cardinality($4::int[]) AS none',
    sent,
  )
  assert.deepEqual(row, { ids, texts, ints, none: 0 })
  assert.throws(() => intArray([2 ** 31]), RangeError)
})

test('a doorbell rings for listeners, once on connecting and then for each notify', async (t) => {
  const { url } = await testDatabase(t, 'postgres')
  await using database = await openDatabase(url, { applicationName: 'test' })
  let rings = 0
  let heard: () => void = () => undefined
  const onRing = () => {
    rings++
    heard()
  }
  await using _listener = await listenForRings(url, { applicationName: 'test', channel: 'bell', onRing })
  assert.equal(rings, 1)
  const next = new Promise<void>((resolve) => {
    heard = resolve
  })
  await database.query(`SELECT pg_notify('bell', '')`)
  await next
  assert.equal(rings, 2)
})
