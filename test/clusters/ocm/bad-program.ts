import { type IncomingMessage, Server, type ServerResponse } from 'node:http'
import { breakBuild } from '../../faults/broken-builds.ts'

/** A version that never starts, that fails one checkout in thirty, or whose stock is not looked at. */
export type Fault = 'crashes' | 'fails-some' | 'oversells'

/** What an order is answered with that fails for no reason but the version's own. */
export const plantedFault = 'planted-fault'
const failEvery = 30

/** Runs the program of OCTAVO_TEST_PROGRAM with OCTAVO_TEST_FAULT in it. */
async function run(fault: string | undefined, program: string): Promise<number> {
  if (fault === 'crashes') throw new Error('this version cannot start')
  if (fault === 'oversells') breakBuild('catalog', () => 'no-stock-check')
  if (fault === 'fails-some') failSome()
  const { main } = (await import(program)) as { main(args: string[]): Promise<number> }
  return await main(process.argv.slice(2))
}

/** At the gateway's own door, before anything of the store sees the order. */
function failSome(): void {
  const door = Number(process.env.OCTAVO_PORT)
  const real = Server.prototype.emit as (event: string | symbol, ...rest: unknown[]) => boolean
  let orders = 0
  Server.prototype.emit = function (this: Server, event: string | symbol, ...rest: unknown[]) {
    const [request, response] = rest as [IncomingMessage, ServerResponse]
    const isOrder =
      event === 'request' &&
      request.method === 'POST' &&
      request.url === '/api/orders' &&
      request.socket.localPort === door
    if (!isOrder || ++orders % failEvery !== 0) return real.call(this, event, ...rest)
    request.resume()
    response.writeHead(500, { 'content-type': 'application/problem+json' })
    response.end(JSON.stringify({ type: plantedFault, status: 500 }))
    return true
  } as typeof Server.prototype.emit
}

if (import.meta.main)
  process.exit(await run(process.env.OCTAVO_TEST_FAULT, process.env.OCTAVO_TEST_PROGRAM ?? ''))
