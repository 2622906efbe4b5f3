import type { KubernetesApi, Metadata } from '#ports/kubernetes'

/** `kubectl describe` shows the last of them. */
const eventsMax = 20

/**
 * Says of a fleet what has become of it where whoever looks at a cluster looks first. Kubernetes forgets events within
 * hours; the fleet's own timeline stays.
 * Source: Kubernetes API reference, Event v1 core.
 * @throws KubernetesError
 */
export async function tellEvents(
  api: KubernetesApi,
  { namespace = '', name, uid }: Metadata,
  said: readonly { atMs: number; text: string }[],
): Promise<void> {
  for (const { atMs, text } of said.slice(-eventsMax)) {
    const at = `${new Date(atMs).toISOString().slice(0, 19)}Z`
    await api.send('POST', `/api/v1/namespaces/${namespace}/events`, {
      metadata: { generateName: `${name}.` },
      involvedObject: {
        ...{ apiVersion: 'fleet.octavo.example/v1', kind: 'BookstoreFleet', namespace, name, uid },
      },
      ...{ type: 'Normal', reason: 'Fleet', message: text.slice(0, 1_000), count: 1 },
      ...{ firstTimestamp: at, lastTimestamp: at, source: { component: 'octavo-fleet' } },
    })
  }
}
