import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bodyBytesMaxDefault, bodyBytesMaxOf, excessCheck, hasMoreParts, partsMaxOf } from './body-limits.ts'
import { anyone, defineRoute, internal } from './contract.ts'
import { closed } from './schemas.ts'
import { Type } from './type.ts'

const line = Type.Object({ isbn: Type.String(), quantity: Type.Integer() }, closed)
const order = Type.Object(
  { name: Type.String(), lines: Type.Array(line, { maxItems: 3 }), tags: Type.Optional(Type.Unknown()) },
  closed,
)
const excessOf = excessCheck(order as never)
const excess = (value: unknown) => excessOf(value)?.field

test('a few items or fields too many are left to the check that names each of them', () => {
  assert.equal(excess({ lines: [{}, {}, {}, {}] }), undefined)
  assert.equal(excess({ lines: [{ a: 1, b: 2 }], c: 3, d: 4 }), undefined)
  assert.equal(excess('text'), undefined)
  assert.equal(excess(null), undefined)
})

test('far too many are named once, wherever they are', () => {
  const many = (n: number) => Object.fromEntries(Array.from({ length: n }, (_, i) => [`k${i}`, 0]))
  assert.equal(excess({ lines: new Array(10_000).fill({}) }), 'lines')
  assert.equal(excess(many(10_000)), 'body')
  assert.equal(excess({ lines: [{}, many(100)] }), 'lines[1]')
})

test('what a schema does not know is not looked into', () => {
  assert.equal(excess({ tags: new Array(10_000).fill({}), more: new Array(10_000) }), undefined)
})

test('a glance at the bytes counts fields and items, and none in strings', () => {
  const parts = (text: string) => {
    let n = 0
    while (hasMoreParts(Buffer.from(text), n)) n++
    return n
  }
  assert.equal(parts('{"a":[1,2,{"b":3}],"c":"d"}'), 6)
  assert.equal(parts('"[{,\\\\\\",["'), 0)
  assert.equal(parts('["\\\\",1]'), 2)
})

test('all that is looked at piece by piece passes the glance', () => {
  const { tags: _any, ...known } = order.properties
  const max = partsMaxOf(Type.Object({ ...known, none: Type.Union([line, Type.Null()]) }, closed) as never)
  const many = (n: number) => Object.fromEntries(Array.from({ length: n }, (_, i) => [`k${i}`, 0]))
  const largest = { ...many(20), name: '', none: many(22), lines: new Array(23).fill(many(22)) }
  assert.equal(excess(largest), undefined)
  assert.ok(!hasMoreParts(Buffer.from(JSON.stringify(largest)), max + 1))
  assert.ok(hasMoreParts(Buffer.from(JSON.stringify(new Array(max + 2).fill({}))), max))
  assert.equal(partsMaxOf(order as never), Number.POSITIVE_INFINITY, 'any tags are taken')
})

test('a public route takes kilobytes unless it says otherwise, an internal one what its server takes', () => {
  const route = { method: 'POST', path: '/api/a', summary: '', tag: '', body: order } as const
  assert.equal(bodyBytesMaxOf(defineRoute({ ...route, access: anyone })), bodyBytesMaxDefault)
  assert.equal(bodyBytesMaxOf(defineRoute({ ...route, access: anyone, bodyBytesMax: 7 })), 7)
  assert.equal(bodyBytesMaxOf(defineRoute({ ...route, access: internal })), undefined)
})
