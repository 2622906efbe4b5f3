import { once } from 'node:events'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'

type Call = { module: string; name: string; args: unknown[] }

if (!isMainThread && parentPort !== null) {
  const { module, name, args } = workerData as Call
  const exported = (await import(module)) as Record<string, (...args: unknown[]) => unknown>
  parentPort.postMessage({ result: await exported[name]?.(...args) })
}

/**
 * Calls an exported function of a module in a thread of its own. `node:test` follows every promise of the thread that tests
 * run in, which costs simulations as much as they cost themselves.
 * @param module its URL
 * @param args what a message can carry
 */
export async function inThread<T>(module: URL, name: string, ...args: unknown[]): Promise<T> {
  const call: Call = { module: module.href, name, args }
  const thread = new Worker(new URL(import.meta.url), { workerData: call })
  const [{ result }] = (await once(thread, 'message')) as [{ result: T }]
  await thread.terminate()
  return result
}
