import type { Static, TSchema, Type as Typebox } from 'typebox'

export type { Static, TSchema }

/** The builders of typebox that this project uses. */
type Builders = Pick<
  typeof Typebox,
  | ('String' | 'Integer' | 'Number' | 'Boolean' | 'Null' | 'Unknown')
  | ('Object' | 'Array' | 'Record' | 'Union' | 'Literal' | 'Enum' | 'Ref' | 'Unsafe')
  | ('Optional' | 'Partial' | 'Omit' | 'IsObject')
>

type Schema = Record<string, unknown>
type ObjectSchema = Schema & { properties: Record<string, Schema> }

// Marks as typebox makes them: of the value, and never seen in its JSON.
const kindMark = '~kind'
const optionalMark = '~optional'

/**
 * Makes JSON schemas whose TypeScript types typebox infers. The types are typebox's own; what makes the values is here,
 * because loading typebox's seven hundred modules was a third of each process's start.
 */
export const Type = {
  String: plain('String', 'string'),
  Integer: plain('Integer', 'integer'),
  Number: plain('Number', 'number'),
  Boolean: plain('Boolean', 'boolean'),
  Null: plain('Null', 'null'),
  Unknown: (options?: Schema) => marked({ ...options }, kindMark, 'Unknown'),
  Object: objectOf,
  Array: (items: Schema, options?: Schema) => marked({ type: 'array', items, ...options }, kindMark, 'Array'),
  Record: ({ pattern = '^.*$' }: Schema, value: Schema, options?: Schema) =>
    marked(
      { type: 'object', patternProperties: { [pattern as string]: value }, ...options },
      kindMark,
      'Record',
    ),
  Union: (anyOf: Schema[], options?: Schema) => marked({ anyOf, ...options }, kindMark, 'Union'),
  Literal: (value: unknown, options?: Schema) =>
    marked({ type: typeof value, const: value, ...options }, kindMark, 'Literal'),
  Enum: (values: readonly unknown[], options?: Schema) =>
    marked({ enum: values, ...options }, kindMark, 'Enum'),
  Ref: (name: string, options?: Schema) => marked({ $ref: name, ...options }, kindMark, 'Ref'),
  Unsafe: (schema: Schema) => withMarksOf(schema, { ...schema }),
  Optional: (schema: Schema) => marked(withMarksOf(schema, { ...schema }), optionalMark, true),
  Partial: ({ properties }: ObjectSchema, options?: Schema) =>
    objectOf(mapped(properties, Type.Optional as unknown as (schema: Schema) => Schema), options),
  Omit: ({ properties }: ObjectSchema, names: readonly string[], options?: Schema) =>
    objectOf(
      Object.fromEntries(Object.entries(properties).filter(([name]) => !names.includes(name))),
      options,
    ),
  IsObject: (schema: unknown) => (schema as Schema | undefined)?.[kindMark] === 'Object',
} as unknown as Builders

function plain(kind: string, type: string) {
  return (options?: Schema) => marked({ type, ...options }, kindMark, kind)
}

function objectOf(properties: Record<string, Schema>, options?: Schema): Schema {
  const required = Object.keys(properties).filter((name) => properties[name]?.[optionalMark] === undefined)
  return marked(
    { type: 'object', ...(required.length > 0 && { required }), properties, ...options },
    kindMark,
    'Object',
  )
}

function mapped(properties: Record<string, Schema>, change: (schema: Schema) => Schema) {
  return Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, change(schema)]))
}

function marked(schema: Schema, mark: string, value: unknown): Schema {
  return Object.defineProperty(schema, mark, { value, enumerable: false })
}

function withMarksOf(from: Schema, to: Schema): Schema {
  for (const mark of [kindMark, optionalMark]) if (from[mark] !== undefined) marked(to, mark, from[mark])
  return to
}
