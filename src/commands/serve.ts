import { flushCompileCache } from 'node:module'
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Config, readConfig } from '#config'
import { logger, openLog } from '#ports/log'
import { openTracing } from '#ports/telemetry'
import { type Role, roles } from '#roles'
import { describe } from '../process/describe-error.ts'
import { type Service, settingsAt } from '../process/service-shell.ts'
import { finishLimitMs, stopSignal } from '../process/stop-signal.ts'

export const summary =
  'run one or more roles in this process: octavo serve catalog,orders; with --once, what is due and no more'

/** After a fault what is in flight gets less time: what counts then is to be back soon. */
const finishAfterFaultLimitMs = 1000
/** What Node compiled is kept for the next start. Written at the end it would hold up the first stop, by half a second. */
const keepCompiledAfterMs = 5000
/** How often a supervisor hears of a start that takes its time. */
const startsEveryMs = 500

const log = logger('serve')
/** A supervisor at the other end of a channel tells of starts and stops itself. */
const tell = process.connected ? log.debug : log.info

/** Runs the named roles until the process is asked to end. */
export async function run(args: string[]): Promise<number> {
  const once = args.includes('--once')
  const asked = rolesAsked(args.filter((arg) => arg !== '--once'))
  if (typeof asked === 'string') {
    console.error(`octavo serve: ${asked}. Roles: ${roles.map(({ name }) => name).join(', ')}`)
    return 2
  }
  const jobs = asked.flatMap((role) => (role.once ? [role.once] : []))
  if (once && jobs.length < asked.length) {
    const able = roles.filter((role) => role.once).map(({ name }) => name)
    console.error(`octavo serve: --once is for ${able.join(', ')}`)
    return 2
  }
  // Nobody may be left to read it: that is no reason to end.
  process.stdout.on('error', () => {})
  process.stderr.on('error', () => {})
  const stop = stopSignal()
  const fault = firstFault()
  const config = readConfig(process.env)
  const role = asked.map(({ name }) => name).join(',')
  const write = (line: string) => void process.stdout.write(line)
  openLog({ ...config.log, fields: { role, instance: `${hostname()}.${process.pid}` }, write })

  if (once) {
    const left = new AbortController()
    void aborted(stop).then(() => left.abort())
    for (const job of jobs) await job(config, process.env, left.signal)
    return 0
  }
  const tracing = await tracingOf(config)
  const services: Service[] = []
  const outcome = await Promise.race([
    startAll(asked, config, services, stop).then(
      () => aborted(stop),
      (error: unknown) => ({ error }),
    ),
    aborted(stop),
    fault,
  ])
  if (outcome !== undefined) log.error('ends after a fault', { error: outcome.error })
  else tell('stopping: waits for what is in flight', { limitMs: finishLimitMs })
  await disposeAll(services, outcome === undefined ? finishLimitMs : finishAfterFaultLimitMs)
  await tracing?.[Symbol.asyncDispose]()
  tell('stopped')
  return outcome === undefined ? 0 : 1
}

async function tracingOf({ tracing: { url, ratio }, version }: Config): Promise<AsyncDisposable | undefined> {
  if (url === undefined) return undefined
  return await openTracing({ url, ratio, version, instance: `${hostname()}.${process.pid}` })
}

/** @returns the roles in the order they were named, or what is wrong with the names */
function rolesAsked(args: readonly string[]): Role[] | string {
  const names = [...new Set(args.flatMap((arg) => arg.split(',')).filter(Boolean))]
  const unknown = names.filter((name) => !roles.some((role) => role.name === name))
  if (unknown.length > 0) return `there is no role "${unknown.join('", "')}"`
  if (names.length === 0) return 'name at least one role'
  return names.flatMap((name) => roles.filter((role) => role.name === name))
}

async function startAll(
  asked: readonly Role[],
  config: Config,
  services: Service[],
  stop: AbortSignal,
): Promise<void> {
  const inner = asked.filter(({ isPublic, name }) => !isPublic && name !== 'registry')
  const starting = setInterval(() => say({ kind: 'starts' }), startsEveryMs).unref()
  stop.addEventListener('abort', () => clearInterval(starting), { once: true })
  for (const role of asked) {
    if (stop.aborted) return
    const place = inner.indexOf(role)
    const service = await role.create(settingsAt(config, place === -1 ? undefined : place), process.env)
    services.push(service)
    await service.start()
    tell('serves', { service: role.name, url: service.url, version: config.version })
    // Whoever started it over a channel may ask it there whether it lives.
    say({ kind: 'serves', role: role.name, url: service.url })
  }
  clearInterval(starting)
  setTimeout(flushCompileCache, keepCompiledAfterMs).unref()
}

function say(message: object): void {
  if (process.connected) process.send?.(message)
}

function firstFault(): Promise<{ error: unknown }> {
  return new Promise((resolve) => {
    process.on('uncaughtException', (error) => resolve({ error }))
    process.on('unhandledRejection', (error) => resolve({ error }))
  })
}

/** Last started, first to end. A service that cannot end in time is left to the end of the process. */
async function disposeAll(services: readonly Service[], limitMs: number): Promise<void> {
  const all = async () => {
    for (const service of services.toReversed()) await service[Symbol.asyncDispose]()
  }
  const problem = await Promise.race([
    all().then(
      () => undefined,
      (error: unknown) => describe(error),
    ),
    sleep(limitMs, `not finished within ${limitMs / 1000} s`, { ref: false }),
  ])
  if (problem !== undefined) log.error('what was in flight is given up', { problem })
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined)
    else signal.addEventListener('abort', () => resolve(undefined), { once: true })
  })
}
