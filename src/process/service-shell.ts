import type { Config } from '#config'
import type { Clock } from '#ports/clock'
import type { Discovery } from '#ports/discovery'
import { logger } from '#ports/log'
import { type LocalDoor, openLocalDoor } from './local-doors.ts'
import { type Schema, schemaReady } from './schema.ts'

/** A role at work. */
export type Service = AsyncDisposable & {
  /** Where it listens, once it has started. */
  readonly url: string
  /** Opens its door and registers it; resolves when it serves. */
  start(): Promise<void>
}

/** What the shell is told of a role: everything else about its life is the same for all. */
export type RoleParts = {
  /** Tells the others where it is; without it nobody is told. */
  discovery?: Discovery
  /** What has to be in the database before it serves. */
  schema?: Schema
  /** Begins its work in the background, whose parts go onto `resources`, and gives the door that the shell opens. */
  serve(resources: AsyncDisposableStack): Promise<Door>
}

export type Door = AsyncDisposable & {
  /** What of it needs no socket within one process. */
  readonly local?: LocalDoor
  /** @returns the URL it listens on */
  listen(at: { host: string; port: number }): Promise<string>
}

type Role = {
  name: string
  config: Config
  clock: Clock
  /** Where it listens, unless it is where every role does. */
  at?: { host: string; port: number }
}

const log = logger('shell')

/**
 * The life of a role: open → migrate or check → serve → register; then, when disposed, deregister → drain → close.
 * @param open opens what the role needs, each part onto `opened`; what is open when it throws is closed again
 */
export async function createService(
  { name, config, clock, at = config.service }: Role,
  open: (opened: AsyncDisposableStack) => Promise<RoleParts>,
): Promise<Service> {
  await using opened = new AsyncDisposableStack()
  const { discovery, schema, serve } = await open(opened)
  // Closed in the opposite order: first the registration, then the door, last what the answers under way still need.
  const resources = opened.move()
  const givingUp = new AbortController()
  let url = ''

  return {
    get url() {
      return url
    },
    async start() {
      if (schema)
        await schemaReady(schema, { migrate: config.databases.migrate, clock, signal: givingUp.signal })
      const door = await serve(resources)
      resources.use(door)
      url = await door.listen(at)
      const { version, service } = config
      const instance = {
        service: name,
        id: clock.uuid(),
        url: advertisedUrl(service.advertise, url),
        version,
      }
      if (door.local) resources.use(openLocalDoor(instance.id, door.local))
      if (discovery) resources.use(await discovery.register(instance))
      log.debug('serving', { service: name, url, advertised: instance.url, version })
    },
    async [Symbol.asyncDispose]() {
      givingUp.abort()
      await resources.disposeAsync()
    },
  }
}

/**
 * The address that others are told: a host alone stands for the one listened on, with the same port; `host:port` and a
 * URL stand as they are.
 */
export function advertisedUrl(advertise: string | undefined, listening: string): string {
  if (advertise === undefined) return listening
  const hasScheme = /^https?:\/\//.test(advertise)
  if (hasScheme) return advertise.replace(/\/+$/, '')
  const isHostAlone = /^(\[[^\]]*\]|[^:]*)$/.test(advertise)
  return isHostAlone ? `http://${advertise}:${new URL(listening).port}` : `http://${advertise}`
}

/**
 * The settings of one of several roles in a process: each listens on, and registers, the port after the last one's.
 * @param index its place among the roles that listen where OCTAVO_SERVICE_PORT says, or undefined for one that does not
 */
export function settingsAt(config: Config, index: number | undefined): Config {
  const { port, advertise, host } = config.service
  return {
    ...config,
    service: {
      host,
      port: port === 0 ? 0 : port + (index ?? 0),
      advertise: advertise === undefined ? undefined : nextAddress(advertise, index),
    },
  }
}

function nextAddress(advertise: string, index: number | undefined): string {
  const [, start = '', port = '', end = ''] =
    /^((?:https?:\/\/)?(?:\[[^\]]*\]|[^:/]*)):(\d+)(\/.*)?$/.exec(advertise) ?? []
  if (port === '') return advertise
  // The gateway has a port of its own, which the one advertised for the others says nothing of.
  return index === undefined ? start.replace(/^https?:\/\//, '') : `${start}:${Number(port) + index}${end}`
}
