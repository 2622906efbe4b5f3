import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { type KubernetesApi, KubernetesError } from '#ports/kubernetes'
import { type ContainerLife, liveContainer } from './container-life.ts'
import { environmentOf, fieldsOf } from './environment.ts'
import { type Condition, type Container, type Pod, type PodStatus, podPath } from './objects.ts'
import { wait } from './probe.ts'
import { type Image, type RunningContainer, runContainer } from './run-container.ts'
import { makeVolumes } from './volumes.ts'

export type RunningPod = {
  readonly pod: Pod
  readonly ip: string
  readonly folder: string
  /** The processes that run now, one for each container. */
  processes(): RunningContainer[]
  /** Ends its containers and, when the server asked for that, takes the pod away there. Once only. */
  end(graceSeconds: number, options: { remove: boolean }): Promise<void>
}

export type RunPodOptions = {
  api: KubernetesApi
  pod: Pod
  ip: string
  hostIp: string
  folder: string
  images: (name: string) => Image | undefined
  /** False once the node is lost: it says nothing any more. */
  speaks: () => boolean
}

const retryMs = 500
const removalsMax = 60
const defaultUser = 0

/** Runs a pod that was bound to this node, and tells the server how it is, until it is ended. */
export function runPod(options: RunPodOptions): RunningPod {
  const { api, pod, ip } = options
  const stop = new AbortController()
  const startTime = new Date().toISOString()
  const lives: ContainerLife[] = []
  let problem: string | undefined
  let told: PodStatus | undefined
  let telling = Promise.resolve()
  const tell = () => {
    telling = telling.then(async () => {
      const status = statusOf(options, lives, { startTime, problem, before: told ?? pod.status })
      if (!options.speaks() || isDeepStrictEqual(status, told)) return
      told = status
      await patchStatus(api, pod, status).catch(() => {
        told = undefined
        setTimeout(tell, retryMs).unref()
      })
    })
    return telling
  }
  const starting = (async () => {
    void tell()
    while (!stop.signal.aborted) {
      try {
        const runs = await prepare(options)
        if (stop.signal.aborted) return
        problem = undefined
        for (const [container, start] of runs)
          lives.push(
            liveContainer({
              ...{ container, start, podIp: ip, restarts: pod.spec.restartPolicy ?? 'Always' },
              onChange: () => void tell(),
            }),
          )
        return
      } catch (error) {
        // What it waits for may come, such as a Secret.
        problem = (error as Error).message
        void tell()
        await wait(retryMs, stop.signal)
      }
    }
  })()
  const end = async (graceSeconds: number, remove: boolean) => {
    stop.abort()
    await starting
    await Promise.all(lives.map((life) => life.end(graceSeconds)))
    await tell()
    if (remove && options.speaks()) await removePod(api, pod)
    rmSync(options.folder, { recursive: true, force: true })
  }
  let ending: Promise<void> | undefined
  return {
    ...{ pod, ip, folder: options.folder },
    processes: () => lives.flatMap((life) => life.running() ?? []),
    end(graceSeconds, { remove }) {
      ending ??= end(graceSeconds, remove)
      return ending
    },
  }
}

async function prepare({
  api,
  pod,
  ip,
  folder,
  images,
}: RunPodOptions): Promise<[Container, () => RunningContainer][]> {
  const { initContainers = [], containers, securityContext: forAll = {} } = pod.spec
  if (initContainers.length > 0) throw new Error('this node runs no init containers')
  mkdirSync(folder, { recursive: true })
  const fields = fieldsOf(pod, ip)
  const volumes = await makeVolumes(api, pod, folder, fields)
  const prepared: [Container, () => RunningContainer][] = []
  for (const container of containers) {
    const image = images(container.image)
    if (image === undefined) throw new Error(`this node has no image "${container.image}"`)
    const env = await environmentOf(api, pod, container, fields)
    // Pods share one network here, so all of a pod's addresses are its one.
    for (const name of ['OCTAVO_HOST', 'OCTAVO_SERVICE_HOST']) if (env[name] === '*') env[name] = ip
    const own = container.securityContext ?? {}
    const mounts = (container.volumeMounts ?? []).map(({ name, mountPath, readOnly = false }) => {
      const from = volumes.get(name)
      if (from === undefined) throw new Error(`there is no volume "${name}"`)
      return { from, to: mountPath, readOnly }
    })
    const user = own.runAsUser ?? forAll.runAsUser ?? defaultUser
    prepared.push([
      container,
      () =>
        runContainer({
          ...{ image, env, mounts, user, hostname: pod.metadata.name, folder: join(folder, container.name) },
          command: [...(container.command ?? image.entrypoint), ...(container.args ?? [])],
          group: own.runAsGroup ?? forAll.runAsGroup ?? user,
          supplementalGroup: forAll.fsGroup,
          readOnlyRoot: own.readOnlyRootFilesystem ?? false,
        }),
    ])
  }
  return prepared
}

type Told = { startTime: string; problem: string | undefined; before: PodStatus | undefined }

function statusOf(
  { pod, ip, hostIp }: RunPodOptions,
  lives: readonly ContainerLife[],
  { startTime, problem, before }: Told,
): PodStatus {
  const containerStatuses = lives.map((life) => life.status())
  const isReady = lives.length > 0 && containerStatuses.every(({ ready }) => ready)
  const is = (type: string, yes: boolean): Condition => {
    const status = yes ? 'True' : 'False'
    const same = before?.conditions?.find((each) => each.type === type && each.status === status)
    return same ?? { type, status, lastTransitionTime: new Date().toISOString() }
  }
  const phase = phaseOf(pod, containerStatuses)
  const ours = [
    is('PodReadyToStartContainers', lives.length > 0),
    is('Initialized', true),
    is('ContainersReady', isReady),
    is('Ready', isReady),
  ]
  const others = (before?.conditions ?? []).filter(({ type }) => ours.every((each) => each.type !== type))
  return {
    ...{ phase, startTime, hostIP: hostIp, hostIPs: [{ ip: hostIp }], podIP: ip, podIPs: [{ ip }] },
    ...{ conditions: [...others, ...ours], containerStatuses },
    ...(problem !== undefined && { reason: 'CannotStart', message: problem }),
  }
}

function phaseOf(
  { spec }: Pod,
  statuses: readonly { state: { terminated?: { exitCode: number } } }[],
): PodStatus['phase'] {
  if (statuses.length === 0) return 'Pending'
  const ends = statuses.map(({ state }) => state.terminated?.exitCode)
  if (spec.restartPolicy === 'Always' || spec.restartPolicy === undefined) return 'Running'
  if (ends.some((code) => code === undefined)) return 'Running'
  if (ends.every((code) => code === 0)) return 'Succeeded'
  return spec.restartPolicy === 'Never' ? 'Failed' : 'Running'
}

/** Conditions that others set, such as the scheduler's, stay: a strategic merge goes by their type. */
async function patchStatus(api: KubernetesApi, pod: Pod, status: PodStatus): Promise<void> {
  try {
    const body = { metadata: { uid: pod.metadata.uid }, status }
    await api.send('PATCH', `${podPath(pod)}/status`, body, 'strategic-merge')
  } catch (error) {
    if (!(error instanceof KubernetesError && [404, 409].includes(error.status))) throw error
  }
}

/** Gives up in the end: a server that is gone for good must not keep a node from ending. */
async function removePod(api: KubernetesApi, pod: Pod): Promise<void> {
  for (let attempt = 0; attempt < removalsMax; attempt++)
    try {
      await api.send('DELETE', podPath(pod), {
        kind: 'DeleteOptions',
        apiVersion: 'v1',
        gracePeriodSeconds: 0,
        preconditions: { uid: pod.metadata.uid },
      })
      return
    } catch (error) {
      // Gone already, or another pod of that name by now.
      if (error instanceof KubernetesError && [404, 409].includes(error.status)) return
      await new Promise((resolve) => setTimeout(resolve, retryMs))
    }
}
