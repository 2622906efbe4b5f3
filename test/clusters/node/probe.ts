import { connect } from 'node:net'
import type { Container, Probe } from './objects.ts'

/** Whether a probe says yes, once. No answer in time is a no. */
async function probeOnce(probe: Probe, container: Container, podIp: string): Promise<boolean> {
  const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000
  if (probe.httpGet) {
    const { path = '/', port, scheme = 'HTTP' } = probe.httpGet
    const url = `${scheme.toLowerCase()}://${podIp}:${portOf(port, container)}${path}`
    return fetch(url, { signal: AbortSignal.timeout(timeoutMs), redirect: 'manual' }).then(
      async (response) => {
        await response.body?.cancel()
        return response.status >= 200 && response.status < 400
      },
      () => false,
    )
  }
  if (probe.tcpSocket) return connects(podIp, portOf(probe.tcpSocket.port, container), timeoutMs)
  throw new Error('this node knows probes by HTTP and TCP only')
}

function portOf(port: number | string, container: Container): number {
  if (typeof port === 'number') return port
  const found = container.ports?.find(({ name }) => name === port)
  if (found === undefined) throw new Error(`container ${container.name} has no port "${port}"`)
  return found.containerPort
}

function connects(host: string, port: number, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: timeoutMs })
    const answer = (yes: boolean) => {
      socket.destroy()
      resolve(yes)
    }
    socket.once('connect', () => answer(true))
    socket.once('timeout', () => answer(false))
    socket.once('error', () => answer(false))
  })
}

/**
 * Asks again and again until `signal` says stop, and tells when the answer turns: after `failureThreshold` times no,
 * after `successThreshold` times yes.
 * @param known what counts as the answer before the first turn
 */
export async function keepProbing(
  probe: Probe,
  container: Container,
  podIp: string,
  options: { known: boolean | undefined; signal: AbortSignal; onTurn: (yes: boolean) => void },
): Promise<void> {
  const { signal, onTurn } = options
  let known = options.known
  let [yes, no] = [0, 0]
  await wait((probe.initialDelaySeconds ?? 0) * 1000, signal)
  while (!signal.aborted) {
    if (await probeOnce(probe, container, podIp)) [yes, no] = [yes + 1, 0]
    else [yes, no] = [0, no + 1]
    if (signal.aborted) return
    const next =
      yes >= (probe.successThreshold ?? 1) ? true : no >= (probe.failureThreshold ?? 3) ? false : known
    if (next !== undefined && next !== known) onTurn(next)
    known = next
    await wait((probe.periodSeconds ?? 10) * 1000, signal)
  }
}

export function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done, { once: true })
  })
}
