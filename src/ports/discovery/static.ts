import { createDirectory, keyOf } from './directory.ts'
import type { Discovery, Instance } from './discovery.ts'

/**
 * A fixed set of instances, for tests and set-ups that never change: `static:catalog=http://a;catalog=http://b`.
 * What registers here is seen by this process alone.
 * @throws TypeError when an entry is not `service=url`
 */
export function openStatic(url: string): Discovery {
  const directory = createDirectory()
  const known = new Map(readEntries(url).map((instance) => [keyOf(instance), instance]))
  const tell = () => directory.replace([...known.values()])
  tell()
  return {
    async register(instance) {
      known.set(keyOf(instance), instance)
      tell()
      return {
        async [Symbol.asyncDispose]() {
          known.delete(keyOf(instance))
          tell()
        },
      }
    },
    instances: directory.instances,
    onChange: directory.onChange,
    ready: async () => {},
    async [Symbol.asyncDispose]() {},
  }
}

function readEntries(url: string): Instance[] {
  const entries = url
    .slice('static:'.length)
    .split(';')
    .filter((entry) => entry.trim() !== '')
  return entries.map((entry, i) => {
    const [, service, target] = /^\s*([a-z-]{1,40})=(https?:\/\/\S+?)\/?\s*$/.exec(entry) ?? []
    if (service === undefined || target === undefined)
      throw new TypeError(`static discovery: "${entry}" should be service=http://host:port`)
    return { service, id: `${service}-${i + 1}`, url: target, version: 'static' }
  })
}
