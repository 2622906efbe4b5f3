import { createServer } from 'node:net'
import { StartError } from './data-folder.ts'

/** Below the range from which systems take ports for outgoing connections, so that a restart finds its port free. */
const firstInnerPort = 20_000
const innerPorts = 12_000

/**
 * Makes sure that the store can listen where it is told to; port 0 takes a free one.
 * @returns the port
 * @throws StartError naming the port and the setting that changes it
 */
export async function claimPublicPort(host: string, port: number): Promise<number> {
  const result = await tryListen(host, port)
  if (typeof result === 'number') return result
  const advice = 'OCTAVO_PORT names another, for example OCTAVO_PORT=8081'
  if (result.code === 'EADDRINUSE')
    throw new StartError(`port ${port} is in use by another program; ${advice}`, { cause: result })
  if (result.code === 'EACCES')
    throw new StartError(`this user may not listen on port ${port}; ${advice}`, { cause: result })
  throw new StartError(`cannot listen on ${host}, port ${port}: ${result.message}`, { cause: result })
}

/** A free port on this machine for talk between processes. */
export async function freeInnerPort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = await tryListen('127.0.0.1', firstInnerPort + Math.floor(Math.random() * innerPorts))
    if (typeof port === 'number') return port
  }
  throw new StartError(
    'found no free port for the registry; OCTAVO_DISCOVERY=registry://127.0.0.1:PORT names one',
  )
}

function tryListen(host: string, port: number): Promise<number | NodeJS.ErrnoException> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', resolve)
    server.listen({ host, port, exclusive: true }, () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : port))
    })
  })
}
