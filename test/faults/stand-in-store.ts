import { createServer } from 'node:http'
import { readConfig } from '#config'
import { stopSignal } from '../../src/process/stop-signal.ts'

/**
 * The real supervisor and the real databases, with roles that do next to nothing, so that starting and stopping can be
 * tested by themselves: `node stand-in-store.ts store`, which runs `node stand-in-store.ts role NAME` for each role.
 */
const slowAnswerMs = 4_000
const [what, role] = process.argv.slice(2)
process.exit(what === 'role' ? await runRole(role ?? '') : await runStandIn())

async function runStandIn(): Promise<number> {
  // Here alone: a role is there at once, because it loads none of this.
  const [{ runStore }, { laptop }, { describe }] = await Promise.all([
    import('../../src/local/supervisor.ts'),
    import('../../src/local/topology.ts'),
    import('../../src/process/describe-error.ts'),
  ])
  try {
    await runStore({
      config: readConfig(process.env),
      topology: { ...laptop, roleCommand: [import.meta.filename, 'role'] },
      env: process.env,
      demo: false,
      write: (text) => process.stdout.write(text),
      withColour: false,
      stop: stopSignal(),
    })
    return 0
  } catch (error) {
    console.error(`octavo start: ${describe(error)}`)
    return 1
  }
}

async function runRole(name: string): Promise<number> {
  const stop = stopSignal()
  const config = readConfig(process.env)
  const server = createServer((request, response) => {
    // The head goes out at once, and so tells that the request has arrived.
    response.flushHeaders()
    setTimeout(() => response.end('ok'), request.url === '/slow' ? slowAnswerMs : 0)
  })
  server.listen({ host: '127.0.0.1', port: name === 'gateway' ? config.gateway.port : 0 })
  console.log('at work')
  if (name === 'vouchers' && process.env.STAND_IN_FAILS) return 1
  await new Promise<void>((resolve) => stop.addEventListener('abort', () => resolve(), { once: true }))
  // A role that is deaf to the end of its channel and to every polite signal.
  if (name === 'orders' && process.env.STAND_IN_DEAF) await new Promise(() => {})
  await new Promise((resolve) => server.close(resolve))
  return 0
}
