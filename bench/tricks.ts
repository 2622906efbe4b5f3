/** Source text that stands for a trick, and the plain text that would stand there without it. */
type Change = { file: string; from: string; to: string }

export type Trick = {
  what: string
  /** Where requests come in: most come through the gateway. */
  at: 'service' | 'gateway'
  /** Tricks that are out on both sides, because they would hide this one. */
  alsoOut?: readonly string[]
  changes: readonly Change[]
}

const direct = 'src/ports/http/fast/direct.ts'
const bundles = 'src/services/gateway/proxy/bundles.ts'
const packed = 'src/services/orders/packed-group.ts'
const coordinator = 'src/services/coordinator'

/** All that makes the journey of an order cheaper than plain code would, each to be taken out by itself. */
export const tricks: Readonly<Record<string, Trick>> = {
  bundles: {
    what: 'orders that arrive together go to the coordinator as one request',
    at: 'gateway',
    changes: [{ file: bundles, from: 'target.sticksToTitle &&', to: 'false && target.sticksToTitle &&' }],
  },
  direct: {
    what: 'orders are answered in front of the framework',
    at: 'service',
    changes: [{ file: direct, from: 'if (entry === undefined ||', to: 'if (true || entry === undefined ||' }],
  },
  'packed-columns': {
    what: 'a group travels to OrderDb as columns that are parameters as they are',
    at: 'gateway',
    changes: [
      {
        file: `${coordinator}/remote.ts`,
        from: 'encodeGroup(group)',
        to: 'Buffer.from(JSON.stringify(group))',
      },
      {
        file: 'src/services/orders/agent-routes.ts',
        from: 'decodeGroup(body)',
        to: '(await import("./packed-group.ts")).packGroup(JSON.parse(Buffer.from(body).toString()))',
      },
      {
        file: 'src/kernel/packed-list.ts',
        from: 'export function packUuids(uuids: readonly string[]): PackedList {',
        to: 'export function packUuids(uuids: readonly string[]): PackedList { if (true) return Object.assign([...uuids], { count: uuids.length }) as never;',
      },
      {
        file: 'src/ports/postgres/binary-array.ts',
        from: 'uuidArray = (list: PackedList) =>',
        to: 'uuidArray = (list: PackedList) => Array.isArray(list) ? list as never :',
      },
      {
        file: packed,
        from: 'details: packTexts(orders.map((order) => order.details)),',
        to: 'details: orders.map((order) => order.details) as never,',
      },
      {
        file: 'src/ports/postgres/binary-array.ts',
        from: 'textArray = (list: PackedList) =>',
        to: 'textArray = (list: PackedList) => Array.isArray(list) ? list as never :',
      },
    ],
  },
  'own-uuids': {
    what: 'UUIDs are decoded where they are written',
    at: 'gateway',
    changes: [
      {
        file: 'src/kernel/packed-list.ts',
        from: 'writeUuid(bytes, uuid, offset + lengthBytes)',
        to: "bytes.write(uuid.replaceAll('-', ''), offset + lengthBytes, 'hex')",
      },
    ],
  },
  portions: {
    what: 'a large group is inserted in portions, packed one after the other',
    at: 'gateway',
    changes: [{ file: packed, from: 'portionMax = 256', to: 'portionMax = 100_000' }],
  },
  'group-turn': {
    what: 'a group waits for what arrives in the same turn of the event loop',
    at: 'gateway',
    changes: [{ file: `${coordinator}/service.ts`, from: 'turn: setImmediate,', to: '' }],
  },
  'left-titles': {
    what: 'copies are allotted as the last group left the title',
    at: 'gateway',
    changes: [
      {
        file: 'src/services/catalog/stock/participant.ts',
        from: 'const expected = left.only(group.isbns)',
        to: 'const expected = undefined as ReturnType<typeof left.only>',
      },
    ],
  },
}

const meter = 'src/ports/telemetry/meter.ts'

/** What a store says of itself, to be taken out to see what it costs. */
export const telemetryParts: Readonly<Record<string, Trick>> = {
  metrics: {
    what: 'everything that is done is counted and timed',
    at: 'gateway',
    changes: [
      {
        file: meter,
        from: 'observe: (value, ...values) => observeIn(',
        to: 'observe: () => undefined, was: (value, ...values) => observeIn(',
      },
      { file: meter, from: 'return (value) => observeIn(state, value)', to: 'return () => undefined' },
      { file: meter, from: 'series.of(values).n += n', to: '' },
      { file: meter, from: 'series.of(values).n = value', to: '' },
      {
        file: 'src/services/gateway/metrics.ts',
        from: 'requests.answered(method, label, status, seconds)',
        to: 'return',
      },
    ],
  },
}
