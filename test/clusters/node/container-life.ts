import type { Container, ContainerState, ContainerStatus } from './objects.ts'
import { keepProbing, wait } from './probe.ts'
import type { RunningContainer } from './run-container.ts'

/** One container from its first start to its last end, restarted as its pod's policy says. */
export type ContainerLife = {
  status(): ContainerStatus
  /** The process that runs now. */
  running(): RunningContainer | undefined
  /** preStop, SIGTERM, and SIGKILL after `graceSeconds` in all. Resolves when it has ended, and is not restarted. */
  end(graceSeconds: number): Promise<void>
}

export type ContainerLifeOptions = {
  container: Container
  podIp: string
  restarts: 'Always' | 'OnFailure' | 'Never'
  start(): RunningContainer
  /** Something in its status is new. */
  onChange(): void
}

const restartDelayMs = { first: 500, max: 30_000 }
/** One that ran for so long counts as well again. */
const wellAfterMs = 60_000

export function liveContainer(options: ContainerLifeOptions): ContainerLife {
  const { container, podIp, restarts, onChange } = options
  const over = new AbortController()
  let state: ContainerState = { waiting: { reason: 'ContainerCreating' } }
  let lastState: ContainerState | undefined
  let current: RunningContainer | undefined
  let [ready, started, restartCount] = [false, false, 0]

  const probe = (run: RunningContainer, stopped: AbortSignal) => {
    const isReady = (yes: boolean) => {
      if (stopped.aborted) return
      ready = yes
      onChange()
    }
    const afterStart = () => {
      started = true
      const { livenessProbe, readinessProbe } = container
      if (readinessProbe) {
        const watched = { known: false, signal: stopped, onTurn: isReady }
        void keepProbing(readinessProbe, container, podIp, watched)
      } else isReady(true)
      if (livenessProbe)
        void keepProbing(livenessProbe, container, podIp, {
          known: true,
          signal: AbortSignal.any([stopped, over.signal]),
          onTurn: (yes) => yes || run.signal('SIGKILL'),
        })
      onChange()
    }
    if (!container.startupProbe) return afterStart()
    const starting = new AbortController()
    void keepProbing(container.startupProbe, container, podIp, {
      known: undefined,
      signal: AbortSignal.any([stopped, starting.signal]),
      onTurn: (yes) => {
        starting.abort()
        if (yes) afterStart()
        else run.signal('SIGKILL')
      },
    })
  }
  const runOnce = async () => {
    const run = options.start()
    const stopped = new AbortController()
    current = run
    state = { running: { startedAt: run.startedAt } }
    onChange()
    probe(run, stopped.signal)
    const { exitCode, signal } = await run.ended
    stopped.abort()
    current = undefined
    ;[ready, started] = [false, false]
    const reason = exitCode === 0 ? 'Completed' : 'Error'
    const finishedAt = new Date().toISOString()
    state = {
      terminated: { exitCode: signal ? 137 : exitCode, reason, startedAt: run.startedAt, finishedAt },
    }
    onChange()
    return { failed: exitCode !== 0, wasWell: Date.now() - Date.parse(run.startedAt) > wellAfterMs }
  }
  const living = (async () => {
    let delayMs = restartDelayMs.first
    while (!over.signal.aborted) {
      const { failed, wasWell } = await runOnce()
      if (over.signal.aborted || restarts === 'Never' || (restarts === 'OnFailure' && !failed)) return
      lastState = state
      state = { waiting: { reason: 'CrashLoopBackOff', message: `starting again in ${delayMs} ms` } }
      onChange()
      await wait(delayMs, over.signal)
      delayMs = wasWell ? restartDelayMs.first : Math.min(delayMs * 2, restartDelayMs.max)
      if (!over.signal.aborted) restartCount++
    }
  })()
  return {
    status: () => ({
      ...{
        name: container.name,
        image: container.image,
        imageID: container.image,
        ready,
        started,
        restartCount,
      },
      ...{ state, lastState, containerID: `process://${current?.pid ?? 0}` },
    }),
    running: () => current,
    async end(graceSeconds) {
      over.abort()
      const deadline = setTimeout(() => current?.signal('SIGKILL'), graceSeconds * 1000)
      const preStopMs = (container.lifecycle?.preStop?.sleep?.seconds ?? 0) * 1000
      if (current && preStopMs > 0 && graceSeconds > 0)
        await Promise.race([living, new Promise((resolve) => setTimeout(resolve, preStopMs))])
      current?.signal(graceSeconds > 0 ? 'SIGTERM' : 'SIGKILL')
      await living
      clearTimeout(deadline)
    },
  }
}
