import { readdirSync } from 'node:fs'
import { flushCompileCache } from 'node:module'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Config, readConfig } from '#config'
import { describe } from '../process/describe-error.ts'
import { finishLimitMs, stopSignal } from '../process/stop-signal.ts'

export const summary = 'run one or more roles in this process: octavo serve catalog,orders'

/** A role at work: `start()` opens what it needs and announces it; disposing it finishes what is in flight. */
type Service = { start(): Promise<void> } & AsyncDisposable
type ServiceModule = Record<string, ((config: Config) => Promise<Service>) | undefined>

/** After a fault what is in flight gets less time: what counts then is to be back soon. */
const finishAfterFaultLimitMs = 1000
/** What Node compiled is kept for the next start. Written at the end it would hold up the first stop, by half a second. */
const keepCompiledAfterMs = 5000

/** Runs the named roles until the process is asked to end. */
export async function run(args: string[]): Promise<number> {
  const asked = args.flatMap((arg) => arg.split(',')).filter(Boolean)
  const unknown = asked.filter((role) => !roleNames().includes(role))
  if (asked.length === 0 || unknown.length > 0) {
    const what = unknown.length > 0 ? `there is no role "${unknown.join('", "')}"` : 'name at least one role'
    console.error(`octavo serve: ${what}. Roles: ${roleNames().join(', ')}`)
    return 2
  }
  process.stdout.on('error', () => {})
  process.stderr.on('error', () => {})
  const stop = stopSignal()
  const failed = Promise.withResolvers<unknown>()
  process.on('uncaughtException', (error) => failed.resolve(error))
  process.on('unhandledRejection', (error) => failed.resolve(error))

  const config = readConfig(process.env)
  const services: Service[] = []
  const work = async () => {
    for (const role of new Set(asked)) {
      if (stop.aborted) return
      const service = await create(role, config)
      services.push(service)
      await service.start()
    }
    setTimeout(flushCompileCache, keepCompiledAfterMs).unref()
    await new Promise<void>((resolve) => {
      if (stop.aborted) resolve()
      else stop.addEventListener('abort', () => resolve(), { once: true })
    })
  }
  const outcome = await Promise.race([
    work().then(
      () => ({ ok: true as const }),
      (error: unknown) => ({ ok: false as const, error }),
    ),
    failed.promise.then((error) => ({ ok: false as const, error })),
  ])
  if (!outcome.ok) console.error(`${asked.join(',')}: ${describe(outcome.error)}`)
  await disposeAll(services, outcome.ok ? finishLimitMs : finishAfterFaultLimitMs)
  return outcome.ok ? 0 : 1
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
  if (problem !== undefined) console.error(`stopping: ${problem}`)
}

async function create(role: string, config: Config): Promise<Service> {
  const module = (await import(`../services/${role}/service.ts`)) as ServiceModule
  const name = `create${role.charAt(0).toUpperCase()}${role.slice(1)}`
  const factory = module[name]
  if (!factory) throw new Error(`services/${role}/service.ts exports no ${name}`)
  return factory(config)
}

function roleNames(): string[] {
  return readdirSync(join(import.meta.dirname, '..', 'services'))
}
