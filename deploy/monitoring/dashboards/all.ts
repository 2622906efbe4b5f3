import { brokerAndSagas } from './broker-sagas.ts'
import { databases } from './databases.ts'
import { dropLive } from './drop.ts'
import { gatewayAndCache } from './gateway.ts'
import { nodeProcesses } from './node.ts'
import { orderPath } from './order-path.ts'
import type { Dashboard } from './panels.ts'
import { storeOverview } from './store.ts'

/** Every dashboard, by the name of its file. */
export const dashboards: Readonly<Record<string, Dashboard>> = {
  store: storeOverview,
  drop: dropLive,
  'order-path': orderPath,
  databases,
  'broker-sagas': brokerAndSagas,
  gateway: gatewayAndCache,
  node: nodeProcesses,
}

type Target = { expr?: string }

/** What a dashboard asks of Prometheus, panel by panel. */
export function queriesOf({ panels = [] }: Dashboard): { panel: string; expression: string }[] {
  return panels.flatMap((panel) => {
    if (panel.type === 'row' || !('targets' in panel)) return []
    const targets = (panel.targets ?? []) as Target[]
    return targets.map(({ expr = '' }) => ({ panel: panel.title ?? '', expression: expr }))
  })
}
