import type { Clock } from '#ports/clock'
import { logger } from '#ports/log'
import type { System } from '../contract.ts'
import { rulesThatHold, runbookOf, summaryOf } from './own-rules.ts'

export type Alerts = System['alerts']

export type AlertsOptions = {
  clock: Clock
  /** Where Alertmanager is asked, if anywhere. */
  alertmanager: string | undefined
  /** Where the roles are whose numbers tell of what is wrong. */
  instances: () => readonly string[]
  metricsToken: string
}

const log = logger('alerts')
const lookEveryMs = 5_000
const askLimitMs = 1_500
const shownMax = 100
/** What was not looked at for so long is not known to have gone on meanwhile. */
const forgetMs = 60_000

/**
 * What is firing: by Alertmanager where there is one that answers, and by what the roles' numbers say now, since the
 * Prometheus before an Alertmanager may be away, or another's. Asked for only while somebody looks, and then every few
 * seconds at most.
 */
export function watchAlerts(options: AlertsOptions): () => Promise<Alerts> {
  const { clock, alertmanager } = options
  const ownAlerts = createOwnAlerts(options)
  let asked = { atMs: Number.NEGATIVE_INFINITY, alerts: undefined as Promise<Alerts> | undefined }
  const look = async (): Promise<Alerts> => {
    if (alertmanager === undefined) return { from: 'own', firing: await ownAlerts() }
    const [told, own] = await Promise.all([
      askAlertmanager(alertmanager).catch((error: unknown) => {
        log.debug('Alertmanager does not answer', { error })
      }),
      ownAlerts(),
    ])
    if (told === undefined) return { from: 'own', firing: own }
    return {
      from: 'alertmanager',
      firing: inOrder([...told.firing, ...own.filter(({ name }) => !told.known.has(name))]),
    }
  }
  return () => {
    const nowMs = clock.monotonicMs()
    if (asked.alerts === undefined || nowMs - asked.atMs > lookEveryMs)
      asked = { atMs: nowMs, alerts: look() }
    return asked.alerts as Promise<Alerts>
  }
}

type Alert = Alerts['firing'][number]
type Told = {
  startsAt: string
  labels: Record<string, string>
  annotations: Record<string, string>
  status: { state: string }
}

/**
 * What is firing, and the names of all it knows of: what somebody silenced stays silent. Source: Alertmanager's API,
 * version 2.
 */
async function askAlertmanager(url: string): Promise<{ firing: Alert[]; known: ReadonlySet<string> }> {
  const address = `${url.replace(/\/+$/, '')}/api/v2/alerts`
  const response = await fetch(address, { signal: AbortSignal.timeout(askLimitMs) })
  if (!response.ok) throw new Error(`Alertmanager answered ${response.status}`)
  const all = (await response.json()) as Told[]
  const firing = all.filter(({ status }) => status.state !== 'suppressed').map(alertOf)
  return { firing, known: new Set(all.map(({ labels }) => String(labels.alertname))) }
}

function alertOf({ startsAt, labels, annotations }: Told): Alert {
  const name = String(labels.alertname ?? '')
  return {
    name,
    severity: labels.severity === 'page' ? 'page' : 'ticket',
    summary: String(annotations.summary ?? name),
    runbook: annotations.runbook ?? null,
    since: new Date(startsAt).toISOString(),
  }
}

/** The rules that one look can tell, each after it has held for as long as its rule says. */
function createOwnAlerts({ clock, instances, metricsToken }: AlertsOptions): () => Promise<Alert[]> {
  let since = new Map<string, number>()
  let lookedMs = clock.now()
  return async () => {
    const asked = await Promise.all(instances().map((url) => metricsOf(url, metricsToken)))
    const now = clock.now()
    const known = now - lookedMs > forgetMs ? new Map<string, number>() : since
    lookedMs = now
    since = new Map()
    return inOrder(
      rulesThatHold(asked).flatMap((held) => {
        const key = JSON.stringify([held.rule.name, held.labels])
        const sinceMs = known.get(key) ?? now
        since.set(key, sinceMs)
        if (now - sinceMs < held.rule.forSeconds * 1_000) return []
        const { name, severity } = held.rule
        const runbook = runbookOf(name)
        return [{ name, severity, summary: summaryOf(held), runbook, since: new Date(sinceMs).toISOString() }]
      }),
    )
  }
}

async function metricsOf(url: string, token: string): Promise<string> {
  try {
    const headers = { authorization: `Bearer ${token}` }
    const response = await fetch(`${url}/metrics`, { headers, signal: AbortSignal.timeout(askLimitMs) })
    return response.ok ? await response.text() : ''
  } catch {
    // Who does not answer has a circuit that tells so on the same page.
    return ''
  }
}

/** What wakes somebody first, then what has been there longest. */
function inOrder(alerts: readonly Alert[]): Alert[] {
  const place = ({ severity, since }: Alert) => `${severity === 'page' ? 0 : 1} ${since}`
  return [...alerts].sort((a, b) => (place(a) < place(b) ? -1 : 1)).slice(0, shownMax)
}
