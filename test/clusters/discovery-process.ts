import { openDiscovery } from '#ports/discovery'

/** What a process that follows a cluster's endpoints answers when it is asked how it is. */
export type DiscoveryState = {
  ids: string[]
  changes: number
  cpuMs: number
  heapBytes: number
  rssBytes: number
}

/** A process that does nothing but follow the Service `catalog`: `node --expose-gc discovery-process.ts DISCOVERY`. */
if (import.meta.main) {
  const discovery = await openDiscovery(process.argv[2] ?? '', { secret: '' })
  let changes = 0
  discovery.onChange(() => void changes++)
  await discovery.ready(60_000)
  process.on('message', () => {
    // Before the memory is looked at, which collecting takes time for.
    const { user, system } = process.cpuUsage()
    globalThis.gc?.()
    const { heapUsed, rss } = process.memoryUsage()
    const state: DiscoveryState = {
      ids: discovery.instances('catalog').map(({ id }) => id),
      ...{ changes, cpuMs: (user + system) / 1000, heapBytes: heapUsed, rssBytes: rss },
    }
    process.send?.(state)
  })
  process.on('disconnect', () => void discovery[Symbol.asyncDispose]())
  process.send?.('ready')
}
