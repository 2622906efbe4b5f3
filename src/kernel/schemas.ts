import { amountMax } from './money.ts'
import { type TSchema, Type } from './type.ts'

/** JSON schemas that more than one service speaks. Objects are closed: an unknown field is an error. */

export const closed = { additionalProperties: false } as const

/** Text without control characters, trimmed at neither end, never empty. */
export const Text = (maxLength: number) =>
  Type.String({
    minLength: 1,
    maxLength,
    pattern: '^[^\\u0000-\\u0008\\u000B\\u000C\\u000E-\\u001F\\u007F]*$',
  })
/** A character that shows; fillers and the empty Braille cell are letters and symbols that do not. */
export const shownCharacter = '(?![\\p{Default_Ignorable_Code_Point}\\u2800])[\\p{L}\\p{N}\\p{P}\\p{S}]'
/** Lines and paragraphs, byte order marks, tags, signs between signs of mathematics or music, notes between lines. */
export const hiddenCharacters =
  '\\u2028\\u2029\\u2061-\\u2064\\u206A-\\u206F\\uFEFF\\uFFF9-\\uFFFB\\u{1D173}-\\u{1D17A}\\u{E0000}-\\u{E007F}'
export const turningCharacters = '\\u202A-\\u202E\\u2066-\\u2069'
/** No script piles so many marks on a letter. */
export const piledMarks = '\\p{M}{9}'

/**
 * One line of text that shows something: not only blanks and marks without a width, no control characters, and none that
 * turn the text around, hide in it or run over what is beside it. Source: Unicode Technical Report 36, section 2.
 */
export const Line = (maxLength: number) =>
  Type.String({
    minLength: 1,
    maxLength,
    pattern:
      `^(?=.*${shownCharacter})(?!.*${piledMarks})` +
      `[^\\u0000-\\u001F\\u007F-\\u009F\\p{Noncharacter_Code_Point}${hiddenCharacters}${turningCharacters}]*$`,
  })

export const Nullable = <S extends TSchema>(schema: S) => Type.Union([schema, Type.Null()])

export const IsbnText = Type.String({
  format: 'isbn',
  description: 'ISBN-13 or ISBN-10, hyphens allowed',
})
export const Timestamp = Type.String({ format: 'date-time', description: 'UTC, ISO 8601' })
export const Uuid = Type.String({ format: 'uuid' })

export const MoneySchema = Type.Object(
  {
    amount: Type.Integer({ minimum: 0, maximum: amountMax, description: 'minor units' }),
    currency: Type.String({ pattern: '^[A-Z]{3}$', description: 'ISO 4217' }),
  },
  { ...closed, $id: 'Money' },
)

export const limitMax = 100
/** Characters of a cursor: enough for a place that has a title of 200 characters in any script. */
export const cursorMax = 1_200
export const Paging = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: limitMax, default: 24 })),
  cursor: Type.Optional(Type.String({ maxLength: cursorMax })),
}

/** The shape of every list. */
export const Page = <S extends TSchema>(item: S) => ({
  items: Type.Array(item),
  total: Type.Integer(),
  totalIsLowerBound: Type.Boolean({ description: 'whether there are more than were counted' }),
  next: Nullable(Type.String()),
})
