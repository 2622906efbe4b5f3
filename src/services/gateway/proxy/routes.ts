import { bodyBytesMaxOf, partsMaxOf } from '#kernel/body-limits'
import type { Method, Route } from '#kernel/contract'
import { Type } from '#kernel/type'
import { placeOrder } from '#services/coordinator'
import { logIn } from '#services/orders'
import { availabilityEvents, getSystem, orderEvents } from '../contract.ts'

type AnyTarget = {
  /** The route's path in `{name}` form: what metrics call it. */
  label: string
  /** All that its query may name, where nobody behind the gateway checks that. */
  queryFields?: readonly string[]
}
/** Where a request goes that is part of the public API. */
export type UpstreamTarget = AnyTarget & {
  kind: 'upstream'
  service: string
  method: Method
  bodyBytesMax: number
  /** Fields and items of a JSON body that anybody may send. */
  bodyPartsMax: number
  /** Upper bound for the whole exchange. */
  deadlineMs: number
  /** Whether it reads the catalogue: what gives way first when there is too much to do. */
  isBrowsing: boolean
  /** Whether an answer may well take minutes, because a large body is read first. */
  takesLong: boolean
  /** Whether how long its answer takes tells of its instance: a log-in is made to wait, and strangers choose when. */
  tellsPace: boolean
  /** Whether requests for one title should meet at one instance, so that its groups stay large. */
  sticksToTitle: boolean
  /** Whether a request that carries an `Idempotency-Key` may be sent twice: only the routes that name it heed it. */
  heedsKey: boolean
}
export type EventsTarget = AnyTarget & { kind: 'events'; stream: 'availability' | 'order' }
/** What the gateway says of the store as a whole. */
export type SystemTarget = AnyTarget & { kind: 'system' }
export type Target = UpstreamTarget | EventsTarget | SystemTarget

export type Found =
  | { kind: 'found'; target: Target; params: readonly string[] }
  | { kind: 'wrong-method'; allow: readonly string[] }
  | { kind: 'unknown' }

export type RoutingTable = { find(method: string, path: string): Found }

/** Imports are streamed through, so their size costs no memory. */
export const importBytesMax = 1024 * 1024 * 1024
const deadlineMs = 15_000
const importDeadlineMs = 60 * 60_000

/** A role behind the gateway, with its part of the public API. */
export type Routed = { name: string; routes: readonly Route[] }

/** The public API as the contracts of these services have it; nothing internal can be in it. */
export function publicTable(services: readonly Routed[]): RoutingTable {
  const entries: [Route, Target][] = [
    [availabilityEvents, { kind: 'events', stream: 'availability', ...ofOwn(availabilityEvents) }],
    [orderEvents, { kind: 'events', stream: 'order', ...ofOwn(orderEvents) }],
    [getSystem, { kind: 'system', ...ofOwn(getSystem) }],
  ]
  for (const { name, routes } of services)
    for (const route of routes) entries.push([route, upstreamTarget(name, route)])
  return routingTable(entries)
}

const ofOwn = ({ path, query }: Route) => ({
  label: path,
  queryFields: Type.IsObject(query) ? Object.keys(query.properties) : [],
})

function upstreamTarget(service: string, route: Route): UpstreamTarget {
  const streams = route.streams !== undefined
  return {
    kind: 'upstream',
    service,
    label: route.path,
    ...(route.query === undefined && { queryFields: [] }),
    method: route.method,
    takesLong: streams,
    tellsPace: route !== logIn,
    isBrowsing: service === 'catalog' && route.method === 'GET' && route.access.kind === 'public',
    bodyBytesMax: bodyBytesMaxOf(route) ?? importBytesMax,
    bodyPartsMax: bodyPartsMaxOf(route),
    deadlineMs: streams ? importDeadlineMs : deadlineMs,
    sticksToTitle: route === placeOrder,
    heedsKey: Type.IsObject(route.headers) && 'idempotency-key' in route.headers.properties,
  }
}

/** Who is no member of the staff is told that first, wherever that is asked for. */
const bodyPartsMaxOf = ({ access, body }: Route) =>
  access.kind === 'staff' || body === undefined ? Number.POSITIVE_INFINITY : partsMaxOf(body)

type Node = { fixed: Map<string, Node>; any?: Node; methods?: Map<string, Target>; allow: string[] }
const emptyNode = (): Node => ({ fixed: new Map(), allow: [] })

/** @throws TypeError for an internal route or one that is there twice */
export function routingTable(entries: readonly (readonly [Route, Target])[]): RoutingTable {
  const root = emptyNode()
  for (const [route, target] of entries) add(root, route, target)
  return { find: (method, path) => find(root, method, path) }
}

function add(root: Node, route: Route, target: Target): void {
  if (['internal', 'monitoring'].includes(route.access.kind) || !route.path.startsWith('/api/'))
    throw new TypeError(`${route.path} must not be reachable from outside`)
  let node = root
  for (const segment of route.path.slice(1).split('/')) {
    if (segment.startsWith('{')) {
      node.any ??= emptyNode()
      node = node.any
    } else {
      const next: Node = node.fixed.get(segment) ?? emptyNode()
      node.fixed.set(segment, next)
      node = next
    }
  }
  node.methods ??= new Map()
  const methods: (Method | 'HEAD')[] = route.method === 'GET' ? ['GET', 'HEAD'] : [route.method]
  for (const method of methods) {
    if (node.methods.has(method)) throw new TypeError(`${method} ${route.path} is there twice`)
    node.methods.set(method, target)
  }
  node.allow = [...node.methods.keys(), 'OPTIONS']
}

function find(root: Node, method: string, path: string): Found {
  const params: string[] = []
  let node = root
  for (let start = 1; start <= path.length; ) {
    const slash = path.indexOf('/', start)
    const end = slash === -1 ? path.length : slash
    const segment = path.slice(start, end)
    const fixed = node.fixed.get(segment)
    if (fixed !== undefined) node = fixed
    else if (node.any !== undefined && segment !== '') {
      node = node.any
      params.push(segment)
    } else return { kind: 'unknown' }
    start = end + 1
  }
  if (node.methods === undefined) return { kind: 'unknown' }
  const target = node.methods.get(method)
  return target === undefined
    ? { kind: 'wrong-method', allow: node.allow }
    : { kind: 'found', target, params }
}
