/** A condition that one look at the roles' numbers can tell, as a rule of deploy/chart/files/rules.yaml has it. */
export type OwnRule = {
  name: string
  metric: string
  /** The highest value of each of these labels counts; without them the highest of all. */
  by: readonly string[]
  /** It holds above this, or where the highest value is exactly that. */
  holds: { above: number } | { at: number }
  forSeconds: number
  severity: 'page' | 'ticket'
  /** `{{ $labels.step }}` stands for the value of the label. */
  summary: string
}

const page = severe('page')
const ticket = severe('ticket')

/**
 * The alerts that need no history and so no Prometheus. A test holds each to the rule of the same name.
 */
export const ownRules: readonly OwnRule[] = [
  page('OctavoOversold', 'octavo_oversold_titles', { above: 0 }, 0, {
    summary: 'A title has more held and sold than there are copies.',
  }),
  page('OctavoPreparedTooOld', 'octavo_prepared_oldest_seconds', { above: 30 }, 15, {
    summary: 'A transaction has been prepared for more than 30 seconds.',
  }),
  ticket('OctavoSagaTooOld', 'octavo_saga_oldest_seconds', { above: 600 }, 60, {
    by: ['definition', 'step', 'state'],
    summary: 'A saga has stood at {{ $labels.step }} for more than ten minutes.',
  }),
  ticket('OctavoHoldTooOld', 'octavo_hold_overdue_seconds', { above: 120 }, 30, {
    summary: 'A hold ran out two minutes ago and its copies are not back.',
  }),
  page('OctavoUnmatchedCapture', 'octavo_unmatched_captures', { above: 0 }, 30, {
    summary: 'Money was captured for an order that ended unpaid.',
  }),
  ticket('OctavoVoucherWithoutObject', 'octavo_vouchers_without_object', { above: 0 }, 60, {
    summary: 'A confirmed order has a voucher without a PDF.',
  }),
  ticket('OctavoVouchersWait', 'octavo_voucher_oldest_wait_seconds', { above: 60 }, 15, {
    summary: 'A voucher has waited for its PDF for more than a minute.',
  }),
  page('OctavoObjectStoreFails', 'octavo_object_store_fault', { above: 0 }, 15, {
    by: ['fault'],
    summary: 'The object store takes no vouchers ({{ $labels.fault }}).',
  }),
  page('OctavoBrokerBlocked', 'octavo_broker_blocked', { above: 0 }, 15, {
    summary: 'The message broker takes no messages, for want of memory or disk.',
  }),
  ticket('OctavoOutboxStuck', 'octavo_outbox_oldest_seconds', { above: 60 }, 15, {
    by: ['database'],
    summary: 'News of {{ $labels.database }} has waited for more than a minute.',
  }),
  ticket('OctavoDeadLetters', 'octavo_dead_letters', { above: 0 }, 60, {
    by: ['queue'],
    summary: 'Queue {{ $labels.queue }} gave messages up.',
  }),
  page('OctavoDatabaseAway', 'octavo_database_up', { at: 0 }, 15, {
    by: ['database'],
    summary: 'The database of {{ $labels.database }} does not answer.',
  }),
  page('OctavoQueueFull', 'octavo_group_waiting', { above: 6000 }, 5, {
    summary: "Orders wait in the coordinator's queue, which is nearly full.",
  }),
  ticket('OctavoSwitchedFault', 'octavo_fault_switch', { above: 0 }, 0, {
    by: ['fault'],
    summary: 'The fault switch {{ $labels.fault }} is set.',
  }),
]

type More = { by?: readonly string[]; summary: string }

function severe(severity: OwnRule['severity']) {
  return (
    name: string,
    metric: string,
    holds: OwnRule['holds'],
    forSeconds: number,
    more: More,
  ): OwnRule => ({ name, metric, holds, forSeconds, severity, by: [], ...more })
}

export type Held = { rule: OwnRule; labels: Readonly<Record<string, string>> }

/** The rules that hold by what the roles' `/metrics` say. */
export function rulesThatHold(texts: readonly string[]): Held[] {
  return ownRules.flatMap((rule) => {
    const highest = new Map<string, { labels: Record<string, string>; value: number }>()
    for (const { labels, value } of samplesOf(rule.metric, texts)) {
      const kept = Object.fromEntries(rule.by.map((label) => [label, labels[label] ?? '']))
      const key = JSON.stringify(kept)
      const before = highest.get(key)?.value ?? Number.NEGATIVE_INFINITY
      if (value > before) highest.set(key, { labels: kept, value })
    }
    const holds = (value: number) =>
      'above' in rule.holds ? value > rule.holds.above : value === rule.holds.at
    return [...highest.values()].flatMap(({ labels, value }) => (holds(value) ? [{ rule, labels }] : []))
  })
}

/** Source: Prometheus text format 0.0.4. */
function* samplesOf(metric: string, texts: readonly string[]) {
  const line = new RegExp(`^${metric}(?:\\{(.*)\\})? (\\S+)$`, 'gm')
  for (const text of texts)
    for (const [, labels = '', value = ''] of text.matchAll(line))
      yield {
        labels: Object.fromEntries(
          [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, name = '', shown = '']) => [
            name,
            shown,
          ]),
        ),
        value: Number(value),
      }
}

export const summaryOf = ({ rule, labels }: Held) =>
  rule.summary.replace(/\{\{ \$labels\.(\w+) \}\}/g, (_, label: string) => labels[label] ?? '')

/** `OctavoSagaTooOld` has its page at docs/runbooks/octavo-saga-too-old.md. */
export const runbookOf = (name: string) =>
  `docs/runbooks/${name.replace(/(?<!^)([A-Z])/g, '-$1').toLowerCase()}.md`
