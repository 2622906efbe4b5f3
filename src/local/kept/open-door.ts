import type { KeptDatabase } from '#kernel/database-turn'
import { notFound } from '#kernel/problem'
import { createHttpServer } from '#ports/http'
import { roleMeter } from '#ports/telemetry'
import { getKept, putWant } from '#services/fleet'
import type { ServerKeeper } from './keep-server.ts'

export type DoorOptions = {
  cluster: string
  secret: string
  metricsToken: string | undefined
  at: { host: string; port: number }
  keepers: ReadonlyMap<KeptDatabase, ServerKeeper>
}

/** Where the fleet's controller asks how this cluster's servers stand, and tells them what to be. @returns its URL */
export async function openDoor(options: DoorOptions): Promise<AsyncDisposable & { url: string }> {
  const { cluster, secret, metricsToken, at, keepers } = options
  await using opened = new AsyncDisposableStack()
  const meter = roleMeter('keeper')
  opened.use(
    meter.observed('octavo_kept_turn', 'The turn that a database server goes by.', ['database'], () =>
      [...keepers].map(([name, keeper]) => [keeper.state().epoch, name]),
    ),
  )
  opened.use(
    meter.observed('octavo_kept_primary', '1 where it is the primary and takes writes.', ['database'], () =>
      [...keepers].map(([name, keeper]) => {
        const { state, isAsTold } = keeper.state()
        return [Number(state === 'primary' && isAsTold), name]
      }),
    ),
  )
  const server = opened.use(
    createHttpServer({
      ...{ name: 'keeper', secret, metricsToken },
      ready: () => [...keepers.values()].every((keeper) => keeper.state().isRunning),
    }),
  )
  server.add(getKept, async () => ({
    cluster,
    databases: Object.fromEntries([...keepers].map(([name, keeper]) => [name, keeper.state()])),
  }))
  server.add(putWant, async ({ params, body }) => {
    const keeper = keepers.get(params.name as KeptDatabase)
    if (keeper === undefined) throw notFound(`database ${params.name} here`)
    return { isFollowed: keeper.follow(body) }
  })
  const url = await server.listen(at)
  const running = opened.move()
  return { url, [Symbol.asyncDispose]: () => running.disposeAsync() }
}
