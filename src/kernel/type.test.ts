import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Type as Typebox } from 'typebox'
import { Value } from 'typebox/value'
import { Type } from './type.ts'

/** What both make of the same words. */
const made = (T: typeof Type) => {
  const Book = T.Object(
    { isbn: T.String({ minLength: 13 }), year: T.Optional(T.Integer({ minimum: 0 })) },
    { $id: 'Book', additionalProperties: false },
  )
  return {
    Book,
    partial: T.Partial(Book, { additionalProperties: false }),
    omitted: T.Omit(Book, ['isbn']),
    empty: T.Object({}),
    marks: T.Object({
      all: T.Optional(T.Unsafe<'x'>(T.Ref('Book'))),
      own: T.Unsafe<1>(T.Optional(T.Null())),
    }),
    plain: T.Array(T.Union([T.Number(), T.Boolean({ default: true }), T.Literal(1), T.Literal('a')]), {
      maxItems: 3,
    }),
    named: T.Record(T.String(), T.Unknown({ description: 'whatever' }), { maxProperties: 2 }),
    patterned: T.Record(T.String({ pattern: '^a$' }), T.Null()),
    chosen: T.Enum(['keep', 'set'], { description: 'which' }),
  }
}

test('schemas are, to the letter, what typebox makes of the same words', () => {
  assert.equal(JSON.stringify(made(Type)), JSON.stringify(made(Typebox as unknown as typeof Type)))
})

test('typebox checks them as its own', () => {
  const { Book, partial } = made(Type)
  const good = { isbn: '9780000000000', year: 1 }
  for (const [schema, value, isRight] of [
    [Book, good, true],
    [Book, { year: 1 }, false],
    [Book, { ...good, year: -1 }, false],
    [Book, { ...good, more: 1 }, false],
    [partial, {}, true],
    [partial, { more: 1 }, false],
  ] as const)
    assert.equal(Value.Check(schema, value), isRight, JSON.stringify(value))
})

test('an object is told from what is none', () => {
  assert.deepEqual([Type.Object({}), Type.Null(), undefined].map(Type.IsObject), [true, false, false])
})
